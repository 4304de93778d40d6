// The start-up time of samples, measured with --help, compared with that of an empty script. The difference
// is the time to load the project's configuration, the sample, the library and the standard library.

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
const n = 40; // Deno's default of about ten is too few for processes

Deno.bench("empty script", { group, n, baseline: true }, async () => await run(empty));

Deno.bench("empty script, with the project's deno.json", { group, n }, async () => {
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
