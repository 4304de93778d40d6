import { assertEquals } from "@std/assert";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { root } from "../../contract/header.ts";

const says = (what: string) =>
  `${what} require "unstable": ["net"] in deno.json, or --unstable-net\n`;

/** Calls, and what each prints where the unstable API is off. */
const calls: [call: string, prints: string][] = [
  ...[
    `openDatagram(0)`,
    `openDatagramTo({ transport: "udp", hostname: "127.0.0.1", port: 7 })`,
    `openDatagramTo({ transport: "unixpacket", path: "/nowhere" })`,
    `openUnixDatagram("/nowhere/socket")`,
    `connectDatagram("127.0.0.1", 7)`,
    `connectUnixDatagram("/nowhere/socket", "/nowhere/own")`,
  ].map((call): [string, string] => [call, says("datagrams")]),
  ["openListener(0, { reusePort: true })", says("shared ports (reusePort)")],
  ["openListener(0)", "opened\n"],
];

Deno.test("functions that require the unstable API say how to enable it", async () => {
  await using folder = await temporaryFolder();
  const { imports } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`));
  const config = `${folder.path}/deno.json`;
  await Deno.writeTextFile(config, JSON.stringify({ imports }));
  const attempts = calls.map(([call]) => `
    try { using _socket = await sockets.${call}; console.log("opened"); }
    catch (error) { console.log(sockets.strerror(error)); }`);
  const program = `${folder.path}/program.ts`;
  await Deno.writeTextFile(
    program,
    `import * as sockets from "${root}mod.ts";${attempts.join("")}`,
  );
  const args = ["run", `--config=${config}`, "--no-lock", "--allow-all", program];
  await using process = new Process(args, false);
  await process.exits();
  assertEquals([process.code, process.stderr], [0, ""], process.describe());
  const printed = process.stdout.split(/(?<=\n)/);
  assertEquals(calls.map(([call], index) => [call, printed[index] ?? ""]), calls);
});
