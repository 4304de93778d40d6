import { assert, assertEquals, assertThrows } from "@std/assert";
import { delay } from "@std/async/delay";
import { freePort } from "../../contract/ports.ts";
import { Process, startSample } from "../../contract/process.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import * as posix from "../../posix.ts";
import { bytes, randomBytes } from "../support/bytes.ts";
import { assertEnds, stop } from "../support/end.ts";
import { many } from "../support/many.ts";
import { connectAndReset } from "../support/peers.ts";
import { processorTimeDuring } from "../support/proc.ts";
import { withFastClock } from "../support/server.ts";
import { listeningPort } from "../support/start.ts";
import { isCutOff, readAll } from "../support/streams.ts";
import { stopwatch } from "../support/time.ts";
import { testWith } from "../support/test_with.ts";

const LIBC = "Linux C library";
const PATH = "posix/send_file.ts";
const MEBIBYTE = 1 << 20;
const HTTP = "HTTP/1.0 200 OK\r\n\r\n";

/** Writes a file with these bytes in a folder; returns its path. */
function write(folder: string, content: Uint8Array): string {
  const path = `${folder}/file`;
  Deno.writeFileSync(path, content);
  return path;
}

/** Writes a file of 64 MiB, far more than a socket's buffer holds; returns its path. */
function writeLarge(folder: string): string {
  const piece = randomBytes(MEBIBYTE, 1);
  const content = new Uint8Array(64 * MEBIBYTE);
  // Each mebibyte begins with another number.
  for (let n = 0; n < 64; n++) content.set(piece.fill(n, 0, 1), n * MEBIBYTE);
  return write(folder, content);
}

/** Starts the server of a file; returns it and its port. */
async function start(path: string, ...options: string[]): Promise<[Process, number]> {
  const server = startSample(PATH, [path, "127.0.0.1", "0", ...options]);
  return [server, await listeningPort(server)];
}

async function checksum(content: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
}

/** Sends a message, and receives until EOF. */
async function ask(port: number, message: string): Promise<Uint8Array<ArrayBuffer>> {
  using conn = await Deno.connect({ port });
  await writeN(conn, bytes(message));
  return await new Response(conn.readable).bytes();
}

/** The number of open descriptors of a process. */
function descriptorsOf({ pid }: Process): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Waits until a process has at most `count` descriptors: it closes some after its clients do. */
async function closesDescriptors(process: Process, count: number): Promise<void> {
  const elapsed = stopwatch();
  while (descriptorsOf(process) > count) {
    assert(elapsed() < 30_000, `${descriptorsOf(process)} descriptors are open, not ${count}`);
    await delay(10);
  }
}

testWith([LIBC], `${PATH} sends a file of 64 MiB to several clients at once`, async (folder) => {
  const path = writeLarge(folder);
  const expected = await checksum(Deno.readFileSync(path));
  const [server, port] = await start(path);
  await using _server = server;
  await many([1, 2, 3], 3, async () => {
    assertEquals(await checksum(await ask(port, "x")), expected);
  });
  assert(/^(?:Sent 67108864 bytes to 127\.0\.0\.1:\d+\n){3}$/.test(await stop(server)));
});

testWith([LIBC], `${PATH} sends a file once to each kind of client`, async (folder) => {
  const content = bytes("hello\n");
  const [server, port] = await start(write(folder, content), "--wait=0.2");
  await using _server = server;
  assertEquals(await ask(port, "hello"), content);
  assertEquals(await ask(port, "GET / HTTP/1.0\r\n\r\n"), bytes(`${HTTP}hello\n`));
  assertEquals(await ask(port, ""), content); // silent
  using closing = await Deno.connect({ port });
  await closing.closeWrite();
  assertEquals(await readAll(closing), content);
  const lines = ["", "over HTTP ", "", ""].map((how) => `Sent 6 bytes ${how}to 127.0.0.1:*\n`);
  assertEquals((await stop(server)).replace(/:\d+$/gm, ":*"), lines.join(""));
});

testWith([LIBC], `${PATH} sends an empty file, and a file that has changed`, async (folder) => {
  const path = write(folder, bytes(""));
  const [server, port] = await start(path);
  await using _server = server;
  assertEquals(await ask(port, "x"), bytes(""));
  assertEquals(await ask(port, "G"), bytes(HTTP));
  write(folder, bytes("changed"));
  assertEquals(await ask(port, "x"), bytes("changed"));
  Deno.removeSync(path);
  using conn = await Deno.connect({ port });
  await writeN(conn, bytes("x"));
  await isCutOff(conn);
  await server.prints(/^127\.0\.0\.1:\d+: open \/\S+\/file: No such file or directory$/m);
  write(folder, bytes("back"));
  assertEquals(await ask(port, "x"), bytes("back"));
});

testWith(
  [LIBC],
  `${PATH} sends the whole file to a client that continues to send while it receives`,
  async (folder) => {
    const content = randomBytes(4 * MEBIBYTE, 2);
    const [server, port] = await start(write(folder, content));
    await using _server = server;
    using conn = await Deno.connect({ port });
    let isOver = false;
    const talk = async () => {
      while (!isOver) await writeN(conn, bytes("x"));
      await conn.closeWrite();
    };
    const talking = talk();
    const received = new Uint8Array(content.length + 1);
    const size = await readN(conn, received); // until EOF
    isOver = true;
    await talking;
    assertEquals(size, content.length);
    assertEquals(await checksum(received.subarray(0, content.length)), await checksum(content));
    assertEquals(server.stderr.match(/\n/g)?.length, 1, server.describe());
  },
);

testWith(
  [LIBC],
  `${PATH} neither waits for clients that do not read, nor spins, and closes their files`,
  async (folder) => {
    const path = writeLarge(folder);
    const server = withFastClock(PATH, [path, "127.0.0.1", "0"]);
    await using _server = server;
    const port = await listeningPort(server);
    const before = descriptorsOf(server);
    const deaf = await Promise.all(Array.from({ length: 8 }, () => Deno.connect({ port })));
    for (const conn of deaf) await writeN(conn, bytes("x"));
    assertEquals((await ask(port, "x")).length, 64 * MEBIBYTE);
    const used = await processorTimeDuring(server.pid, 500);
    assert(used < 0.2, `${used} s of processor time in half a second`);
    await server.prints(/(?:^send 127\.0\.0\.1:\d+: idle for 300 s\n){8}/m);
    for (const conn of deaf) conn.close();
    assertEquals((await ask(port, "x")).length, 64 * MEBIBYTE);
    await closesDescriptors(server, before + 2); // the poller's
  },
);

testWith([LIBC], `${PATH} serves others after 300 clients have reset`, async (folder) => {
  const path = writeLarge(folder);
  const [server, port] = await start(path, "--wait=0.05");
  await using _server = server;
  const address = { hostname: "127.0.0.1", port };
  assertEquals((await ask(port, "x")).length, 64 * MEBIBYTE);
  const before = descriptorsOf(server);
  await many(Array(100).keys(), 20, () => connectAndReset(address));
  await many(Array(200).keys(), 20, () => connectAndReset(address, bytes("GET")));
  assertEquals((await ask(port, "x")).length, 64 * MEBIBYTE);
  await closesDescriptors(server, before);
  assertEquals(/^ +at |Uncaught|onError/m.exec(server.stderr), null, server.stderr);
});

testWith([LIBC], `${PATH} completes a transfer after SIGTERM`, async (folder) => {
  const path = writeLarge(folder);
  const [server, port] = await start(path);
  await using _server = server;
  using conn = await Deno.connect({ port });
  await writeN(conn, bytes("x"));
  assert(await conn.read(new Uint8Array(1)) === 1);
  server.kill("SIGTERM");
  assertEquals((await readAll(conn)).length, 64 * MEBIBYTE - 1);
  assertEquals(await server.exits(), 0, server.describe());
});

testWith([LIBC, "nc"], `${PATH} sends a file to nc`, async (folder) => {
  const [server, port] = await start(write(folder, bytes("hello\n")), "--wait=0.1");
  await using _server = server;
  for (const option of ["-N", "-n"]) { // with and without a half-close
    await using nc = new Process([option, "127.0.0.1", `${port}`], false, undefined, "nc");
    await assertEnds(nc, 0, "hello\n", "");
  }
});

testWith([LIBC, "curl"], `${PATH} sends a file to curl, over HTTP and telnet`, async (folder) => {
  const [server, port] = await start(write(folder, bytes("hello\n")), "--wait=0.1");
  await using _server = server;
  for (const scheme of ["http", "telnet"]) {
    const args = ["--silent", "--show-error", "--noproxy", "*", `${scheme}://127.0.0.1:${port}`];
    await using curl = new Process(args, false, undefined, "curl");
    await assertEnds(curl, 0, "hello\n", "");
  }
});

testWith([LIBC], `${PATH} fails in one line for what it cannot send or bind`, async (folder) => {
  const path = write(folder, bytes("hello\n"));
  const port = `${freePort()}`;
  using _listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
  const cases: [args: string[], says: string | RegExp][] = [
    [[`${folder}/missing`], `open ${folder}/missing: No such file or directory\n`],
    [[""], "open : No such file or directory\n"],
    [[folder], `${folder}: read: Is a directory\n`],
    [[path, "127.0.0.1", port], `bind 127.0.0.1:${port}: Address already in use\n`],
    [[path, "192.0.2.1", "0"], "bind 192.0.2.1:0: Cannot assign requested address\n"],
    [[path, "name.invalid", "0"], /^.*name\.invalid.*\n$/],
  ];
  for (const [args, says] of cases) {
    await using server = startSample(PATH, args);
    await assertEnds(server, 1, "", says);
  }
});

testWith([LIBC], `SHUT_RD has the effects that the header of ${PATH} states`, async () => {
  using listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  posix.bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
  posix.listen(listener, 5);
  using client = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  posix.connect(client, posix.getsockname(listener));
  await posix.poll([{ descriptor: listener, events: posix.POLLIN }]);
  using server = posix.accept(listener)?.socket;
  assert(server !== undefined);
  const buffer = new Uint8Array(8);
  const ready = () => posix.poll([{ descriptor: client, events: posix.POLLIN }]);

  assertEquals(posix.recv(server, buffer), -posix.EAGAIN);
  posix.shutdown(server, posix.SHUT_RD);
  assertEquals(posix.recv(server, buffer), 0);
  assertEquals(posix.recv(client, buffer), -posix.EAGAIN); // the shutdown sent nothing
  assertEquals(posix.send(client, bytes("hello")), 5);
  assertEquals(posix.recv(server, buffer), 5);
  posix.shutdown(server, posix.SHUT_WR);
  await ready();
  assertEquals(posix.recv(client, buffer), 0);
  assertEquals(posix.send(client, bytes("hello")), 5);
  const error = posix.getsockopt(client, posix.SOL_SOCKET, posix.SO_ERROR);
  assert(error !== 0, "it is not reset");

  const [left, right] = posix.socketpair(posix.SOCK_STREAM);
  using _left = left;
  using _right = right;
  posix.shutdown(left, posix.SHUT_RD);
  assertThrows(() => posix.send(right, bytes("hello")), Deno.errors.BrokenPipe);
});
