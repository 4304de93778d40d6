import { assert, assertEquals } from "@std/assert";
import { dirname } from "node:path";
import { withTimeout } from "../../lib/io/timeout.ts";
import { freePort } from "../../contract/ports.ts";
import { readSample, root } from "../../contract/header.ts";
import { Process, startSample } from "../../contract/process.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { assertEnds, stop } from "../support/end.ts";
import { listeningPort, startServer } from "../support/start.ts";
import { testWith } from "../support/test_with.ts";

// posix/udp_echo_prefork.ts as a process, with many peers.

const SAMPLE = "posix/udp_echo_prefork.ts";
const LINE = /^\[worker (\d+)\] Message from 127\.0\.0\.1:(\d+): (.*)$/gm;

/** The time limit for a reply, in ms. */
const PATIENCE = 30_000;

function test(name: string, fn: (folder: string) => Promise<void>): void {
  testWith(["Linux C library"], `${SAMPLE} ${name}`, fn);
}

/** A UDP client of a server on 127.0.0.1. */
class Peer implements Disposable {
  readonly port: number;
  readonly #socket: Deno.DatagramConn;
  readonly #server: Deno.NetAddr;

  constructor(port: number) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    this.#server = { transport: "udp", hostname: "127.0.0.1", port };
    this.port = (this.#socket.addr as Deno.NetAddr).port;
  }

  async send(text: string): Promise<void> {
    await this.#socket.send(toBytes(text), this.#server);
  }

  async receive(): Promise<string> {
    const [message] = await withTimeout(this.#socket.receive(), PATIENCE, "no reply");
    return toText(message);
  }

  async exchange(text: string): Promise<void> {
    await this.send(text);
    assertEquals(await this.receive(), text);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** Creates many clients. */
function peers(count: number, port: number): Peer[] & Disposable {
  const peers = Array.from({ length: count }, () => new Peer(port));
  return Object.assign(peers, {
    [Symbol.dispose]: () => peers.forEach((peer) => peer[Symbol.dispose]()),
  });
}

/** The workers that have printed a client's messages, by the client's port. */
function workersOf(stdout: string): Map<number, Set<string>> {
  const workers = new Map<number, Set<string>>();
  for (const [, worker = "", port] of stdout.matchAll(LINE)) {
    workers.set(Number(port), (workers.get(Number(port)) ?? new Set()).add(worker));
  }
  return workers;
}

test("assigns 100 clients to all workers, and each client to one", async () => {
  const { server, port } = await startServer(SAMPLE, "127.0.0.1", {});
  await using _server = server;
  using clients = peers(100, port);
  for (let round = 0; round < 3; round++) {
    await Promise.all(clients.map((client) => client.exchange(`round ${round}`)));
  }
  const stdout = await stop(server);
  const workers = workersOf(stdout);
  assertEquals([...workers.keys()].sort(), clients.map(({ port }) => port).sort());
  for (const [port, own] of workers) assertEquals(own.size, 1, `${port}: ${[...own]}`);
  const all = new Set([...workers.values()].flatMap((own) => [...own]));
  assertEquals([...all].sort(), ["1", "2", "3", "4"]);
  assertEquals(stdout.match(LINE)?.length, 300);
  assertEquals(server.stderr, `listening on 127.0.0.1:${port}\n`);
});

test("prints and echoes messages as posix/udp_batch_echo_server.ts does", async () => {
  const { server, port } = await startServer(SAMPLE, "127.0.0.1", {}, "--workers=1");
  await using _server = server;
  using client = new Peer(port);
  const from = `127.0.0.1:${client.port}`;
  const messages: [sent: string, printed: string][] = [
    ["hello\r\n", "hello"],
    ["", ""],
    ["\x1b[2J\nforged\xff", "\ufffd[2J\ufffdforged\ufffd"],
  ];
  for (const [sent] of messages) await client.exchange(sent);
  await client.send("x".repeat(81));
  assertEquals(await client.receive(), "x".repeat(80));
  const lines = [...messages.map(([, printed]) => printed), "x".repeat(80)]
    .map((text) => `[worker 1] Message from ${from}: ${text}\n`);
  assertEquals(await stop(server), lines.join(""));
  const cut = `${from}: message truncated to 80 bytes\n`;
  assertEquals(server.stderr, `listening on 127.0.0.1:${port}\n${cut}`);
});

test("--quiet prints no messages", async () => {
  const { server, port } = await startServer(SAMPLE, "127.0.0.1", {}, "--quiet");
  await using _server = server;
  using clients = peers(8, port);
  for (const client of clients) await client.exchange("x".repeat(80));
  await clients[0]?.send("x".repeat(81));
  assertEquals(await clients[0]?.receive(), "x".repeat(80));
  assertEquals(await stop(server), "");
  assertEquals(server.stderr, `listening on 127.0.0.1:${port}\n`);
});

test("fails on the port of another instance, although that shares it", async () => {
  const { server, port } = await startServer(SAMPLE, "127.0.0.1", {});
  await using _server = server;
  await using second = startSample(SAMPLE, ["127.0.0.1", `${port}`]);
  await assertEnds(second, 1, "", `bind 127.0.0.1:${port}: Address already in use\n`);
  using clients = peers(32, port);
  await Promise.all(clients.map((client) => client.exchange("hello")));
  await stop(server);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`answers on ${signal} what is in the queues of its sockets`, async () => {
    const { server, port } = await startServer(SAMPLE, "127.0.0.1", {}, "--quiet");
    await using _server = server;
    using clients = peers(64, port);
    server.kill("SIGSTOP");
    for (const client of clients) {
      for (let n = 0; n < 4; n++) await client.send(`${n}`);
    }
    server.kill(signal);
    server.kill("SIGCONT");
    for (const client of clients) {
      for (let n = 0; n < 4; n++) assertEquals(await client.receive(), `${n}`);
    }
    await assertEnds(server, 0, "", `listening on 127.0.0.1:${port}\n`);
  });
}

test("replaces a worker that dies, and closes its socket", async (folder) => {
  // A copy of the server with a bug: an error that no code catches.
  const bug = `if (batch.message(0)[0] === 33) queueMicrotask(() => { throw new Error("died"); });`;
  const worker = "posix/workers/udp_echo.ts";
  for (const path of [SAMPLE, worker]) {
    const source = await Deno.readTextFile(`${root}${path}`);
    const copy = source.replace(/(?:\.\.\/)+(mod|cli|posix)\.ts/g, `file://${root}$1.ts`)
      .replace("await sendAll(", `${bug} await sendAll(`);
    assertEquals(copy.includes(bug), path === worker, `the bug is in ${path}`);
    await Deno.mkdir(dirname(`${folder}/${path}`), { recursive: true });
    await Deno.writeTextFile(`${folder}/${path}`, copy);
  }
  const port = freePort();
  const flags = ["--allow-all", `--config=${root}deno.json`];
  const args = ["127.0.0.1", `${port}`, "--workers=2"];
  await using server = new Process(["run", ...flags, `${folder}/${SAMPLE}`, ...args], false);
  await listeningPort(server);

  using killer = new Peer(port);
  await killer.send("!");
  const [, died] = await server.prints(
    /^worker (\d) died, starting another: Uncaught Error: died$/m,
  );
  // The other worker serves all clients, because the socket of the dead one is closed.
  {
    using clients = peers(32, port);
    await Promise.all(clients.map((client) => client.exchange("hello")));
  }
  // Until the new worker has bound its socket, new clients are assigned to the other one.
  const before = server.stdout.length;
  const isBack = () => server.stdout.slice(before).includes(`[worker ${died}] Message`);
  while (!isBack()) {
    using client = new Peer(port);
    await client.exchange("hello");
  }
  await stop(server);
});

test("in another directory names the flags that it requires", async (folder) => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...readSample(SAMPLE).flags, `${root}${SAMPLE}`],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const modules = ["posix/workers", "lib", "cli.ts", "mod.ts", "posix.ts"]
    .map((module) => `${root}${module}`);
  const says = `fork: permission not granted, requires --allow-read=${modules}\n`;
  const decoder = new TextDecoder();
  assertEquals([code, decoder.decode(stdout), decoder.decode(stderr)], [1, "", says]);
});

testWith(["Linux C library", "IPv6"], `${SAMPLE} on :: prints IPv4 addresses`, async () => {
  const { server, port } = await startServer(SAMPLE, "::", {});
  await using _server = server;
  using client = new Peer(port);
  await client.exchange("hello");
  const stdout = await stop(server);
  assert(workersOf(stdout).has(client.port), stdout);
});
