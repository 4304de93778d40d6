// How long a sample takes to start, by its --help, beside a script with nothing in it: what Deno itself
// takes. Between the two lies what a sample loads before its first line runs: this project's
// configuration, its own text, the library by way of mod.ts, and the standard library from npm.

import { root } from "../../contract/header.ts";

const empty = await Deno.makeTempFile({ suffix: ".ts" });
globalThis.addEventListener("unload", () => Deno.removeSync(empty));

async function run(...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...args],
    cwd: root,
    stdout: "null",
  }).output();
  if (!success) throw new Error(`deno run ${args.join(" ")} failed`);
}

const group = "start";
const n = 40; // by itself Deno would take ten or so: too few, since processes vary

Deno.bench("an empty script", { group, n, baseline: true }, async () => await run(empty));

Deno.bench("an empty script, configured by this project", { group, n }, async () => {
  await run("--config=deno.json", empty);
});

for (
  const sample of [
    "servers/tcp_echo_concurrent.ts",
    "clients/tcp_echo.ts",
    "servers/udp_echo.ts",
    "unix/stream_echo_server.ts",
  ]
) {
  Deno.bench(`${sample} --help`, { group, n }, async () => await run(sample, "--help"));
}
