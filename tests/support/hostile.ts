/**
 * The servers of the suite as tests meet them, and hostile peers: clients that reset,
 * flood, stall or send nonsense, and servers that do.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { once } from "node:events";
import net from "node:net";
import { withTimeout } from "../../lib/io/timeout.ts";
import { dirname } from "node:path";
import { concat } from "@std/bytes/concat";
import { encodeDelimited, encodeJsonLine, encodeLengthFrame } from "../../lib/io/framing.ts";
import { openDatagramTo } from "../../lib/socket/datagram.ts";
import { pack } from "../../lib/wire/pack.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { Process, startSample, temporaryFolder } from "../../contract/process.ts";
import { randomIntegers } from "./readers.ts";

/** How long a server may live in a test, in ms: a safety net, far more than any test needs. */
const PATIENCE = 60_000;

/** How long a peer may make no progress before it counts as one that takes no more, in ms. */
const STALL = 500;

/** The Unix samples' own paths, which each test replaces by its own. */
const SOCKET = "/tmp/stream_echo.sock";
const DATAGRAM_SOCKETS = ["/tmp/dgram.sock", "/tmp/dgram_echo.sock"];
const CLIENT_SOCKET = "/tmp/dgram_echo_client.sock";

/** Whether this system tells what a process uses, in the files of Linux. */
export const hasProc: boolean = Deno.build.os === "linux";

/** A server of the suite, and what a test has to know of it. */
export interface Subject {
  /** How a test's name calls it. */
  name: string;
  path: string;
  args: string[];
  /** Whether it accepts connections or receives datagrams. */
  kind: "stream" | "datagram";
  /** The option with which it prints no line for each message, if it has one. */
  quiet: string[];
  /** What is granted in place of what its header says, as `startSample` does it. */
  grants: Record<string, string>;
  /** How many clients may wait to be accepted. A further one tries again after a second only. */
  backlog: number;
  /** Whether a client waits for the end of the one before. */
  isIterative: boolean;
  /** How many clients it serves, for a test that needs some: it may end after them. */
  clients: number;
  /** What a good client sends, and the whole of what it gets for that, or else sees printed. */
  greeting: Uint8Array;
  reply?: RegExp;
  prints?: RegExp;
}

export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A subject: by default a concurrent echo server on a free port of 127.0.0.1. */
function subject(path: string, changes: Partial<Subject> = {}): Subject {
  return {
    name: path,
    path,
    args: ["127.0.0.1", "0"],
    kind: "stream",
    quiet: [],
    grants: { 7007: "0" },
    backlog: 4096,
    isIterative: false,
    clients: 8,
    greeting: bytes("hello\n"),
    reply: /^hello\n$/,
    ...changes,
  };
}

export const iterative: Subject = subject("servers/tcp_echo_iterative.ts", {
  backlog: 5,
  isIterative: true,
});
export const twoStacks: Subject = subject("servers/tcp_echo_two_stacks.ts", {
  args: ["0"],
  grants: { "127.0.0.1:7007": "127.0.0.1", "[::1]:7007": "[::1]:0" }, // the port that the first got
  backlog: 5,
  isIterative: true,
});
export const lines: Subject = subject("servers/tcp_echo_lines.ts", {
  args: ["0"],
  backlog: 1024,
  isIterative: true,
});
export const concurrent: Subject = subject("servers/tcp_echo_concurrent.ts", {
  quiet: ["--quiet"],
});
export const concurrentOnIpv6: Subject = subject("servers/tcp_echo_concurrent.ts", {
  name: "servers/tcp_echo_concurrent.ts on ::1",
  args: ["::1", "0"],
  quiet: ["--quiet"],
  grants: { "127.0.0.1:7007": "[::1]:0" },
});
export const prefork: Subject = subject("servers/tcp_echo_prefork.ts", {
  args: ["127.0.0.1", "0", "--workers=2"],
  quiet: ["--quiet"],
  grants: { "127.0.0.1:7007": "127.0.0.1" }, // the second worker binds the port that the first got
});
export const unix: Subject = subject("unix/stream_echo_server.ts", {
  args: [SOCKET],
  quiet: ["--quiet"],
  backlog: 1024,
});

/** The servers of one answer a client. */
export const others: Subject[] = [
  subject("servers/tcp_echo_once.ts", { grants: { 7009: "0" }, backlog: 3, isIterative: true }),
  subject("servers/tcp_request.ts", { grants: { 5678: "0" }, isIterative: true }),
  subject("servers/tcp_counter.ts", {
    grants: { 1213: "0" },
    backlog: 3,
    isIterative: true,
    greeting: bytes(""),
    reply: /^Connection \d+!\n$/,
  }),
];

/** The server of one client. */
export const message: Subject = subject("servers/tcp_message.ts", {
  args: ["0"],
  grants: { 51717: "0" },
  backlog: 5,
  isIterative: true,
  clients: 1,
  reply: /^I got your message$/,
});

/** The servers that say nothing before the client has shut down its side. */
export const listeners: Subject[] = [
  subject("servers/tcp_count.ts", { grants: { 7014: "0" }, reply: /^1 1 6\n$/ }),
  ...Object.entries({
    length: encodeLengthFrame(bytes("hello")),
    line: encodeDelimited(bytes("hello")),
    json: encodeJsonLine("hello"),
  }).map(([framing, greeting]) =>
    subject("servers/tcp_frames.ts", {
      name: `servers/tcp_frames.ts --framing=${framing}`,
      args: ["127.0.0.1", "0", `--framing=${framing}`],
      grants: { 7013: "0" },
      greeting,
      reply: /^$/,
      prints: /^hello$/m,
    })
  ),
];

/** A datagram server, which prints what it receives or replies to it. */
function datagramSubject(path: string, changes: Partial<Subject>): Subject {
  const { reply: _, ...defaults } = subject(path);
  return { ...defaults, kind: "datagram", grants: {}, greeting: bytes("hello"), ...changes };
}

const prints = { prints: /^Message from .*: hello$/m };

/** The servers of datagrams that reply. */
export const repliers: Subject[] = [
  datagramSubject("servers/udp_echo.ts", { quiet: ["--quiet"], reply: /^hello$/ }),
  datagramSubject("servers/udp_echo_prefork.ts", { quiet: ["--quiet"], reply: /^hello$/ }),
  datagramSubject("servers/udp_sum.ts", {
    greeting: pack("!2I", 0x30303030, 0x01010101),
    reply: /^1111$/,
  }),
  datagramSubject("servers/udp_calculator.ts", {
    grants: { "[::1]": "127.0.0.1" },
    greeting: concat([new Uint8Array([0b0001]), pack("!2I", 20, 22)]),
    reply: /^\ufffd42$/,
  }),
  datagramSubject("unix/dgram_echo_server.ts", {
    args: ["/tmp/dgram_echo.sock"],
    quiet: ["--quiet"],
    reply: /^hello$/,
  }),
];

/** The servers of datagrams that print what they receive. */
export const receivers: Subject[] = [
  datagramSubject("servers/udp_broadcast.ts", {
    args: ["127.255.255.255", "0"],
    grants: { 7029: "0" },
    ...prints,
  }),
  datagramSubject("servers/udp_multicast.ts", {
    args: ["239.0.0.1", "0"],
    grants: { 7030: "0" },
    ...prints,
  }),
];

/** The receivers of one datagram. */
export const oneShots: Subject[] = [
  datagramSubject("servers/udp_receive.ts", {
    grants: { "[::1]:55555": "127.0.0.1:0" },
    clients: 1,
    prints: /^received 5 bytes:$/m,
  }),
  datagramSubject("unix/dgram_receive.ts", {
    args: ["/tmp/dgram.sock"],
    clients: 1,
    prints: /^68 65 6c 6c 6f $/m,
  }),
];

/** The servers for production, which have the options of all limits. */
export const reliable: Subject[] = [concurrent, prefork, unix];

/** Every server of the suite, each once for each way in which it works. */
export const servers: Subject[] = [
  iterative,
  twoStacks,
  lines,
  ...others,
  message,
  concurrent,
  prefork,
  ...listeners,
  unix,
  ...repliers,
  ...receivers,
  ...oneShots,
];

/** Where a server is. */
export type Address = { hostname: string; port: number } | { transport: "unix"; path: string };

/** A subject that runs. Disposing of it kills it. */
export class Server implements AsyncDisposable {
  readonly subject: Subject;
  readonly process: Process;
  #address: Address;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    subject: Subject,
    process: Process,
    address: Address,
    resources: AsyncDisposableStack,
  ) {
    this.subject = subject;
    this.process = process;
    this.#address = address;
    this.#resources = resources;
  }

  /**
   * Starts a subject.
   *
   * @param subject Which.
   * @param options What follows on its command line.
   * @param launch Starts its process, by default under its header's flags.
   */
  static async start(
    subject: Subject,
    options: string[] = [],
    launch: Launch = startSample,
  ): Promise<Server> {
    const server = await Server.launch(subject, options, launch);
    try {
      await server.#listens();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts a subject without waiting until it listens. */
  static async launch(
    subject: Subject,
    options: string[] = [],
    launch: Launch = startSample,
  ): Promise<Server> {
    await using resources = new AsyncDisposableStack();
    const folder = resources.use(await temporaryFolder());
    const path = `${folder.path}/socket`;
    const paths: Record<string, string> = { [CLIENT_SOCKET]: `${folder.path}/client` };
    for (const written of [SOCKET, ...DATAGRAM_SOCKETS]) paths[written] = path;
    const args = [...subject.args.map((arg) => paths[arg] ?? arg), ...options];
    const process = resources.use(launch(subject.path, args, { ...subject.grants, ...paths }));
    // A test that waits for a server that does not do what it should fails by the server's end.
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      process.kill("SIGKILL");
    }, PATIENCE);
    resources.defer(() => {
      clearTimeout(timer);
      if (isLate) throw new Error(`${subject.name} took more than ${PATIENCE / 1000} s`);
    });
    return new Server(subject, process, { transport: "unix", path }, resources.move());
  }

  /** Waits until it says where it listens. */
  async #listens(): Promise<void> {
    const line = /^listening on \[?(.*?)\]?(?::(\d+))?$/m;
    const [, hostname = "", port] = await this.process.prints(line);
    if (port !== undefined) this.#address = { hostname, port: Number(port) };
  }

  /** Tells where a server listens that cannot say so. */
  listensOn(port: number): void {
    const host = this.subject.args.find((arg) => /^127\./.test(arg)) ?? "127.0.0.1";
    if (!this.subject.path.startsWith("unix/")) this.#address = { hostname: host, port };
  }

  /** Where it is: known when it listens. */
  get address(): Address {
    return this.#address;
  }

  /** Connects a client. */
  async connect(): Promise<Deno.Conn> {
    const { address } = this;
    return "path" in address ? await Deno.connect(address) : await Deno.connect(address);
  }

  /** Asserts that its address is free: another server could have it at once. */
  assertAddressIsFree(): void {
    const { address } = this;
    ("path" in address ? Deno.listen(address) : Deno.listen(address)).close();
  }

  /** Tells it to end, and asserts that it does so with 0. */
  async assertEnds(): Promise<void> {
    this.process.kill("SIGTERM");
    const code = await this.process.exits();
    if (code !== 0) throw new Error(`${this.subject.name} ${this.process.describe()}`);
  }

  /** Sends a datagram from a socket that is closed before a reply can come. */
  async tell(message: Uint8Array): Promise<void> {
    const { address } = this;
    const client = "path" in address
      ? await openDatagramTo({ transport: "unixpacket", path: address.path })
      : await openDatagramTo({ transport: "udp", ...address });
    const to: Deno.Addr = "path" in address
      ? { transport: "unixpacket", path: address.path }
      : { transport: "udp", ...address };
    await client.send(message, to);
    client.close();
  }

  /** Sends a datagram; returns the reply, if the server is one that replies. */
  async ask(message: Uint8Array, timeout: number = PATIENCE): Promise<Uint8Array> {
    const { address } = this;
    const client = "path" in address
      ? Deno.listenDatagram({ transport: "unixpacket", path: `${dirname(address.path)}/client` })
      : Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    try {
      const to: Deno.Addr = "path" in address
        ? { transport: "unixpacket", path: address.path }
        : { transport: "udp", ...address };
      await client.send(message, to);
      if (this.subject.reply === undefined) return new Uint8Array();
      const receiving = client.receive();
      receiving.catch(() => {}); // closed before it comes
      const late = `${this.subject.name} does not reply`;
      const [reply] = await withTimeout(receiving, timeout, late);
      return reply;
    } finally {
      client.close();
      if ("path" in address) await Deno.remove(`${dirname(address.path)}/client`);
    }
  }

  /** Asserts that good clients get what they should, one after another. */
  async assertReplies(): Promise<void> {
    const { name, kind, clients, greeting, reply = /^$/ } = this.subject;
    for (let i = 0; i < clients; i++) {
      let got: Uint8Array;
      if (kind === "datagram") {
        got = await this.ask(greeting);
      } else {
        using conn = await this.connect();
        await writeN(conn, greeting);
        await conn.closeWrite();
        got = await readAll(conn);
      }
      const text = new TextDecoder().decode(got);
      assertMatch(text, reply, `${name} answers ${JSON.stringify(text)} to a good client`);
    }
  }

  /** Asserts that good clients get what they should, and that what it prints is in order. */
  async assertServes(): Promise<void> {
    await this.assertReplies();
    const { name, prints } = this.subject;
    if (prints !== undefined) await this.process.prints(prints);
    const { stderr } = this.process;
    assertEquals(/^worker \d died.*|^error: Uncaught.*/m.exec(stderr), null, `${name} has died`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Starts a process, as `startSample` does. */
export type Launch = (path: string, args: string[], grants: Record<string, string>) => Process;

/** Starts samples whose long timers expire two hundred times as soon. */
export function withFastClock(path: string, args: string[]): Process {
  return new Process(
    ["run", "--allow-all", "--preload=tests/support/fast_clock.ts", path, ...args],
    false,
  );
}

/** Starts samples that may have so many descriptors. The shell knows no flags, so all is granted. */
export function withDescriptors(count: number): Launch {
  return (path, args) => {
    const script = `ulimit -n ${count} && exec "$0" run --allow-all "$@"`;
    return new Process(["-c", script, Deno.execPath(), path, ...args], false, undefined, "sh");
  };
}

/** Sends `text` and receives it back. */
export async function exchange(conn: Deno.Conn, text: string): Promise<void> {
  await writeN(conn, bytes(text));
  await receive(conn, text);
}

/** Receives `text`. */
export async function receive(conn: Deno.Conn, text: string): Promise<void> {
  const reply = new Uint8Array(bytes(text).length);
  const count = await readN(conn, reply) ?? 0;
  assertEquals(new TextDecoder().decode(reply.subarray(0, count)), text);
}

/** Everything that comes until the peer shuts down its side. */
export async function readAll(conn: Deno.Conn): Promise<Uint8Array> {
  return await new Response(conn.readable).bytes();
}

/** Waits until the server has closed the connection, in whatever way. */
export async function isCutOff(conn: Deno.Conn): Promise<void> {
  const nowhere = new Uint8Array(65536);
  try {
    while (await conn.read(nowhere) !== null);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

/** Pseudo-random bytes, the same ones for the same seed. */
export function randomBytes(count: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = randomIntegers(seed);
  return new Uint8Array(count).map(() => random(256));
}

/** How long the lines are that {@linkcode flood} sends; byte n of a line is n + 11 modulo it. */
export const LINE = 251;
const flow = new Uint8Array(LINE + 65536).map((_, offset) => flowAt(offset));

function flowAt(offset: number): number {
  return (offset + 11) % LINE; // at the end of a line, 10
}

/** Sends `limit` bytes and receives none, or stops when no more are taken; returns how many were. */
export async function flood(conn: Deno.Conn, limit: number): Promise<number> {
  let sent = 0;
  while (sent < limit) {
    const start = sent % LINE;
    const writing = conn.write(flow.subarray(start, start + Math.min(limit - sent, 65536)));
    try {
      sent += await withTimeout(writing, STALL, "the server takes no more");
    } catch (error) {
      if (!(error instanceof Deno.errors.TimedOut)) throw error;
      writing.catch(() => {}); // it goes on when the client receives, or ends with the connection
      break;
    }
  }
  return sent;
}

/** Receives what {@linkcode flood} sent, to the end of the stream; returns how many bytes came. */
export async function receiveFlood(conn: Deno.Conn): Promise<number> {
  let received = 0;
  for await (const piece of conn.readable) {
    for (const byte of piece) {
      if (byte !== flowAt(received)) throw new Error(`byte ${received} came back as ${byte}`);
      received++;
    }
  }
  return received;
}

/**
 * Connects and resets the connection: at once, or when the answer to `message` begins. A Unix socket
 * knows no reset: there it is closed.
 */
export async function connectAndReset(address: Address, message?: Uint8Array): Promise<void> {
  const socket = "path" in address
    ? net.connect(address.path)
    : net.connect(address.port, address.hostname);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {}); // the server may be quicker
  if (message !== undefined) socket.write(message);
  socket.once(message === undefined ? "connect" : "readable", () => {
    if ("path" in address) socket.destroy();
    else socket.resetAndDestroy();
  });
  await closed;
}

/** Starts to take the time; returns what tells how much has passed, in ms. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => performance.now() - start;
}

/** Calls `act` so many times, `atOnce` of them at once. */
export async function many(
  times: number,
  atOnce: number,
  act: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < times) await act(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** How much memory a process has in use, VmRSS, in MB. */
export function memoryOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ??
    [];
  return Number(kilobytes) / 1024;
}

/** Asserts that a process has not grown by more than 64 MB when `act` has ended, where that can be seen. */
export async function assertStaysFlat(
  process: Process,
  act: () => Promise<unknown>,
): Promise<void> {
  const before = hasProc ? memoryOf(process.pid) : 0;
  await act();
  const grown = hasProc ? memoryOf(process.pid) - before : 0;
  assert(grown < 64, `it has grown by ${grown} MB`);
}

/** How much processor time a process has used, utime and stime, in seconds. */
export function processorTimeOf(pid: number): number {
  const [, fields = ""] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") "); // after its name
  const [utime, stime] = fields.split(" ").slice(11, 13);
  return (Number(utime) + Number(stime)) / 100; // in ticks, of which Linux shows 100 a second
}

/** Some bytes that are no text, with lines among them, and no newline at the end. */
export const garbage: Uint8Array<ArrayBuffer> = bytes("\x1b[2J\x07\r\n\0%s\n\x9b\ufffe\n...");
garbage.set([0xff, 0xfe, 0xc0], garbage.length - 3);

/** A server that does to its clients as it likes. */
export class HostileServer implements AsyncDisposable {
  /** Resolves when a client is there. */
  readonly met: Promise<unknown>;
  readonly #server = net.createServer();

  /** Makes a server that has yet to be told where to listen. */
  constructor(meet: (socket: net.Socket) => void) {
    this.met = once(this.#server, "connection");
    this.#server.on("connection", (socket) => {
      socket.on("error", () => {}); // the client has gone
      meet(socket);
    });
  }

  /** Listens at a path, or without one on a free port of 127.0.0.1; returns the address in words. */
  async listen(path?: string): Promise<string> {
    if (path === undefined) this.#server.listen(0, "127.0.0.1");
    else this.#server.listen(path);
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "string" ? address : `127.0.0.1:${address?.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, "close"); // when all clients have gone, too
  }
}
