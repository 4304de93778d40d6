import { assert, assertEquals, assertMatch } from "@std/assert";
import { play } from "../../contract/player.ts";
import { readSample } from "../../contract/header.ts";
import { Process, startSample } from "../../contract/process.ts";
import type { Need } from "../../contract/requirements.ts";
import { assertEnds, stop } from "../support/end.ts";
import { HostileServer } from "../support/peers.ts";
import { startInShell, startPython } from "../support/program.ts";
import { exchange, isCutOff } from "../support/streams.ts";
import { testWith } from "../support/test_with.ts";

// posix/abstract_echo_server.ts and posix/abstract_echo_client.ts as processes.

const SERVER = "posix/abstract_echo_server.ts";
const CLIENT = "posix/abstract_echo_client.ts";
const NAME = "deno-sockets-echo";

/** Registers a test that gets a name of its own. */
function test(what: string, fn: (name: string) => Promise<void>, needs: Need[] = []): void {
  testWith(["Linux C library", ...needs], what, (folder) => fn(folder.replace(/^.*\//, "")));
}

async function startServer(name: string, ...options: string[]): Promise<Process> {
  const server = startSample(SERVER, [name, ...options]);
  await server.prints(/^listening on .*\n/);
  return server;
}

function connect(name: string): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path: `\0${name}` });
}

test(`${SERVER} prints the process and the user that connected`, async (name) => {
  await using server = await startServer(name);
  await using client = startSample(CLIENT, [name], {}, true);
  await client.type("hello\n");
  await client.assertPrints("hello\n");
  await client.endInput();
  await assertEnds(client, 0, "hello\n", "");
  const from = `(unnamed), pid ${client.pid}, uid ${Deno.uid()}`;
  assertEquals(await stop(server), `Connection from ${from}\n\tMessage: hello\n`);
  assertEquals(server.stderr, `listening on @${name}\n`);
});

test(`${SERVER} leaves no name, even if it is killed`, async (name) => {
  for (const signal of ["SIGKILL", "SIGTERM", "SIGINT"] as const) {
    await using server = await startServer(name);
    const names = await Deno.readTextFile("/proc/net/unix");
    assertMatch(names, RegExp(`@${name}$`, "m"));
    server.kill(signal);
    await server.exits();
  }
  assert(!(await Deno.readTextFile("/proc/net/unix")).includes(name));
});

test(`${SERVER} fails if the name is in use, and does not disturb its owner`, async (name) => {
  await using server = await startServer(name);
  await using second = startSample(SERVER, [name]);
  await assertEnds(second, 1, "", `bind @${name}: Address already in use\n`);
  using client = await connect(name);
  await exchange(client, "hello");
  assertMatch(await stop(server), /^Connection from .*\n\tMessage: hello\n$/);
});

test(`${SERVER} and ${CLIENT} reject a name that is too long`, async () => {
  for (const sample of [SERVER, CLIENT]) {
    await using process = startSample(sample, ["x".repeat(108)]);
    const says = "sockaddr: the abstract name of 108 bytes is longer than 107\n";
    await assertEnds(process, 1, "", says);
  }
});

test(`${SERVER} prints a client's abstract name as one safe line`, async (name) => {
  await using server = await startServer(name);
  const client = `
import socket, sys
name, text = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(b"\\0" + text.encode() + b"\\0\\xff")
s.connect("\\0" + name)
s.send(b"hello")
s.shutdown(socket.SHUT_WR)
print(s.recv(80))
`;
  const text = `${name}\x1b[2J\nConnection from forged`;
  await using peer = startPython(client, name, text);
  await assertEnds(peer, 0, "b'hello'\n", "");
  const shown = `@${name}\ufffd[2J\ufffdConnection from forged@\ufffd`;
  const line = `Connection from ${shown}, pid ${peer.pid}, uid ${Deno.uid()}\n\tMessage: hello\n`;
  assertEquals(await stop(server), line);
}, ["python3"]);

test(`${SERVER} closes the connection of another user, and serves its own`, async (name) => {
  await using server = await startServer(name);
  const client = `
import os, socket, sys
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.connect("\\0" + sys.argv[1])
print(s.recv(80))
`;
  await using other = startPython(client, name);
  await assertEnds(other, 0, "b''\n", "");
  using conn = await connect(name);
  await exchange(conn, "hello");
  conn.close();
  const lines = await stop(server);
  assertEquals(lines, `Connection from (unnamed), pid ${Deno.pid}, uid 0\n\tMessage: hello\n`);
  assertEquals(
    server.stderr,
    `listening on @${name}\n(unnamed), pid ${other.pid}, uid 65534: closed, the server serves uid 0\n`,
  );
}, ["root", "python3"]);

test(`${SERVER} echoes to socat`, async (name) => {
  await using server = await startServer(name);
  const args = ["-t", "30", "-", `ABSTRACT-CONNECT:${name}`];
  await using socat = new Process(args, true, undefined, "socat");
  await socat.type("hello\n");
  await socat.assertPrints("hello\n");
  await socat.endInput();
  await assertEnds(socat, 0, "hello\n", "");
  const from = `(unnamed), pid ${socat.pid}, uid ${Deno.uid()}`;
  assertEquals(await stop(server), `Connection from ${from}\n\tMessage: hello\n`);
}, ["socat"]);

test(`${SERVER} --quiet prints neither connections nor messages`, async (name) => {
  await using server = await startServer(name, "--quiet");
  using client = await connect(name);
  await exchange(client, "x".repeat(100_000));
  client.close();
  assertEquals(await stop(server), "");
  assertEquals(server.stderr, `listening on @${name}\n`);
});

test(`${SERVER} --backlog limits the clients that wait, and ${CLIENT} fails then`, async (name) => {
  await using server = await startServer(name, "--backlog=1");
  server.kill("SIGSTOP");
  using first = await connect(name);
  using second = await connect(name); // Linux accepts one more than the backlog
  await using client = startSample(CLIENT, [name]);
  await assertEnds(client, 1, "", `connect @${name}: Resource temporarily unavailable\n`);
  server.kill("SIGCONT");
  await exchange(first, "first");
  await exchange(second, "second");
  await stop(server);
});

test(`${SERVER} --idle-timeout disconnects an idle client only`, async (name) => {
  await using _server = await startServer(name, "--quiet", "--idle-timeout=0.5");
  using idle = await connect(name);
  using busy = await connect(name);
  let isOver = false;
  const cut = isCutOff(idle).then(() => isOver = true);
  while (!isOver) await exchange(busy, "hello");
  await cut;
  await exchange(busy, "hello");
});

test(`${CLIENT} fails in one line if no server listens`, async (name) => {
  await using client = startSample(CLIENT, [name]);
  await assertEnds(client, 1, "", `connect @${name}: Connection refused\n`);
});

test(`${CLIENT} fails in one line if the server closes`, async (name) => {
  await using server = new HostileServer((socket) => socket.once("data", () => socket.end("he")));
  await server.listen(`\0${name}`);
  await using client = startSample(CLIENT, [name], {}, true);
  await client.type("hello\nagain\n");
  await client.exits();
  assertEquals([client.code, client.stdout], [1, "he"], client.describe());
  assertMatch(client.stderr, RegExp(`^(?:read|write) @${name}: [^\n]+\n$`));
});

test(`${CLIENT} sends and receives bytes and long lines exactly`, async (name) => {
  await using _server = await startServer(name, "--quiet");
  const line = `${"x".repeat(300_000)}\n\0\r\n`;
  const script = `printf '%300000s\\n\\0\\r\\n' | tr ' ' x | "$@"`;
  await using client = startInShell(script, CLIENT, [name]);
  await assertEnds(client, 0, line, "");
});

test("transcripts on an abstract name do not collide", async () => {
  const listen = () => Deno.listen({ transport: "unix", path: `\0${NAME}` });
  using _owner = await Promise.try(listen).catch(() => null); // unless another test has it
  const samples = [SERVER, CLIENT, SERVER, CLIENT].map(readSample);
  const played = await Promise.all(samples.map((sample) => play(sample)));
  assertEquals(played.flatMap(({ differences }) => differences), []);
});
