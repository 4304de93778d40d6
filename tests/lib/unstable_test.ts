import { assertEquals } from "@std/assert";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { root } from "../../contract/header.ts";

// What needs Deno's unstable API `net` says so where it is off.

const says = (what: string) =>
  `${what} require "unstable": ["net"] in deno.json, or --unstable-net\n`;

/** What a program prints that makes a call, in a folder whose deno.json switches nothing on. */
async function print(call: string): Promise<string> {
  await using folder = await temporaryFolder();
  const { imports } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`));
  const config = `${folder.path}/deno.json`;
  await Deno.writeTextFile(config, JSON.stringify({ imports }));
  const program = `${folder.path}/program.ts`;
  await Deno.writeTextFile(
    program,
    `import * as sockets from "${root}mod.ts";
    try { using _socket = await sockets.${call}; console.log("opened"); }
    catch (error) { console.log(sockets.strerror(error)); }`,
  );
  await using process = new Process(
    ["run", `--config=${config}`, "--no-lock", "--allow-all", program],
    false,
  );
  await process.exits();
  assertEquals([process.code, process.stderr], [0, ""], process.describe());
  return process.stdout;
}

const datagrams = [
  `openDatagram(0)`,
  `openDatagramTo({ transport: "udp", hostname: "127.0.0.1", port: 7 })`,
  `openDatagramTo({ transport: "unixpacket", path: "/nowhere" })`,
  `openUnixDatagram("/nowhere/socket")`,
  `connectDatagram("127.0.0.1", 7)`,
  `connectUnixDatagram("/nowhere/socket", "/nowhere/own")`,
];

for (const call of datagrams) {
  Deno.test(`${call} without the unstable API says what to add`, async () => {
    assertEquals(await print(call), says("datagrams"));
  });
}

Deno.test("openListener() with reusePort without the unstable API says what to add", async () => {
  assertEquals(
    await print("openListener(0, { reusePort: true })"),
    says("shared ports (reusePort)"),
  );
});

Deno.test("openListener() needs no unstable API", async () => {
  assertEquals(await print("openListener(0)"), "opened\n");
});
