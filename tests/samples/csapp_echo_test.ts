import { assert, assertEquals } from "@std/assert";
import { testWith } from "../support/test_with.ts";
import { Process, startSample } from "../../contract/process.ts";
import { listeningPort, startUnixServer } from "../support/start.ts";

// The echo pair of CS:APP against the lecture's programs in C. Their buffers have MAXLINE = 8192 bytes, one
// of them for a NUL: a longer line is sent in pieces of 8191 bytes, and a peer that waits for more hangs.

/** The lengths of the lines, without their newlines. */
const lengths = [0, 1, 8189, 8190, 8191, 8192, 8193, 16381, 16382, 16383, 20_000];
const text = lengths.map((length) => `${"x".repeat(length)}\n`).join("");

/** The bytes of each piece that a server receives. */
const pieces = lengths.flatMap((length) => {
  const sizes = Array.from({ length: Math.floor(length / 8191) }, () => 8191);
  return (length + 1) % 8191 === 0 ? [...sizes, 8191] : [...sizes, length % 8191 + 1];
});
const received = pieces.map((count) => `server received ${count} bytes\n`).join("");

async function compile(folder: string): Promise<string> {
  const program = `${folder}/csapp_echo`;
  const args = ["-Wall", "-o", program, "tests/support/data/csapp_echo.c"];
  await using gcc = new Process(args, false, undefined, "gcc");
  assertEquals(await gcc.exits(), 0, gcc.describe());
  return program;
}

/** Types all lines to a client; asserts that it prints them and exits with 0. */
async function assertEchoes(client: Process): Promise<void> {
  const typing = client.type(text).then(() => client.endInput());
  const code = await client.exits().catch(() => "it hangs");
  assertEquals(code, 0, `after ${client.stdout.length} of ${text.length} bytes: ${client.stderr}`);
  await typing;
  assert(client.stdout === text, `${client.stdout.length} of ${text.length} bytes came back`);
}

testWith(["gcc"], "servers/tcp_echo_lines.ts echoes to CS:APP's client in C", async (folder) => {
  const program = await compile(folder);
  await using server = startSample("servers/tcp_echo_lines.ts", ["0"]);
  const args = ["client", `${await listeningPort(server)}`];
  await using client = new Process(args, true, undefined, program);
  await assertEchoes(client);
  const [connected] = await server.prints(/^Connected to .*\n/);
  await server.assertPrints(`${connected}${received}`);
});

testWith(["gcc"], "clients/tcp_echo.ts echoes with CS:APP's server in C", async (folder) => {
  const program = await compile(folder);
  await using server = new Process(["server"], false, undefined, program);
  const port = `${await listeningPort(server)}`;
  await using client = startSample(
    "clients/tcp_echo.ts",
    ["127.0.0.1", port],
    { 7007: port },
    true,
  );
  await assertEchoes(client);
  assertEquals(await server.exits(), 0, server.describe());
  await server.assertPrints(received);
});

testWith(["gcc"], "unix/stream_echo_server.ts echoes to CS:APP's client in C", async (folder) => {
  const program = await compile(folder);
  const path = `${folder}/socket`;
  await using _server = await startUnixServer(path);
  await using client = new Process(["client", path], true, undefined, program);
  await assertEchoes(client);
});

testWith(["gcc"], "unix/stream_echo_client.ts echoes with CS:APP's server in C", async (folder) => {
  const program = await compile(folder);
  const path = `${folder}/socket`;
  await using server = new Process(["server", path], false, undefined, program);
  await server.prints(/^listening/m);
  const grants = { "/tmp/stream_echo.sock": path };
  await using client = startSample("unix/stream_echo_client.ts", [path], grants, true);
  await assertEchoes(client);
  assertEquals(await server.exits(), 0, server.describe());
  await server.assertPrints(received);
});
