/**
 * A server of the table as a process.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Process, startSample, temporaryFolder } from "../../contract/process.ts";
import { toText } from "./bytes.ts";
import { startInShell } from "./program.ts";
import { readAll } from "./streams.ts";
import { openDatagramTo } from "../../lib/socket/datagram.ts";
import { withTimeout } from "../../lib/io/timeout.ts";
import { writeN } from "../../lib/io/read_write.ts";
import { argsAt, isUnix, ownPaths, type Subject, unixAddress } from "./servers.ts";

/** The time limit of a server in a test, in ms. */
const PATIENCE = 60_000;

/** The address of a server. */
export type Address = { hostname: string; port: number } | { transport: "unix"; path: string };

/** A running server. Disposing of it kills it. */
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
   * Starts a server, and waits until it listens.
   *
   * @param subject The server.
   * @param options Further arguments.
   * @param launch Starts its process. Default: under the flags of its header.
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

  /** Starts a server without waiting until it listens. */
  static async launch(
    subject: Subject,
    options: string[] = [],
    launch: Launch = startSample,
  ): Promise<Server> {
    await using resources = new AsyncDisposableStack();
    const folder = resources.use(await temporaryFolder());
    const path = `${folder.path}/socket`;
    const args = [...argsAt(subject, path), ...options];
    const grants = { ...subject.grants, ...ownPaths(path) };
    const process = resources.use(launch(subject.path, args, grants));
    // Killing the server makes a test fail that waits for it.
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      process.kill("SIGKILL");
    }, PATIENCE);
    resources.defer(() => {
      clearTimeout(timer);
      if (isLate) throw new Error(`${subject.name} took more than ${PATIENCE / 1000} s`);
    });
    return new Server(subject, process, unixAddress(subject, path), resources.move());
  }

  /** Waits until it prints its address. */
  async #listens(): Promise<void> {
    const line = /^listening on \[?(.*?)\]?(?::(\d+))?$/m;
    const [, hostname = "", port] = await this.process.prints(line);
    if (port !== undefined) this.#address = { hostname, port: Number(port) };
  }

  /** Sets the port of a server that cannot print it. */
  listensOn(port: number): void {
    const host = this.subject.args.find((arg) => /^127\./.test(arg)) ?? "127.0.0.1";
    if (!isUnix(this.subject)) this.#address = { hostname: host, port };
  }

  /** Its address, known when it listens. */
  get address(): Address {
    return this.#address;
  }

  get #datagramAddress(): Deno.Addr {
    const { address } = this;
    return "path" in address
      ? { transport: "unixpacket", path: address.path }
      : { transport: "udp", ...address };
  }

  /** Connects a client. */
  async connect(): Promise<Deno.Conn> {
    const { address } = this;
    return "path" in address ? await Deno.connect(address) : await Deno.connect(address);
  }

  /** Asserts that its address can be bound again. */
  assertAddressIsFree(): void {
    const { address } = this;
    ("path" in address ? Deno.listen(address) : Deno.listen(address)).close();
  }

  /** Terminates it; asserts that it exits with 0. */
  async assertEnds(): Promise<void> {
    this.process.kill("SIGTERM");
    const code = await this.process.exits();
    if (code !== 0) throw new Error(`${this.subject.name} ${this.process.describe()}`);
  }

  /** Sends a datagram from a socket that is closed before a reply can arrive. */
  async tell(message: Uint8Array): Promise<void> {
    using client = await openDatagramTo(this.#datagramAddress);
    await client.send(message, this.#datagramAddress);
  }

  /** Sends a datagram; returns the reply, or no bytes if the server does not reply. */
  async ask(message: Uint8Array, timeout: number = PATIENCE): Promise<Uint8Array> {
    const { address } = this;
    const client = "path" in address
      ? Deno.listenDatagram({ transport: "unixpacket", path: `${address.path}.client` })
      : Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    try {
      await client.send(message, this.#datagramAddress);
      if (this.subject.reply === undefined) return new Uint8Array();
      const receiving = client.receive();
      receiving.catch(() => {}); // the socket is closed before a reply
      const late = `${this.subject.name} does not reply`;
      const [reply] = await withTimeout(receiving, timeout, late);
      return reply;
    } finally {
      client.close();
      if ("path" in address) await Deno.remove(`${address.path}.client`);
    }
  }

  /** Asserts that well-behaved clients receive correct replies, one after another. */
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
      const text = toText(got);
      assertMatch(text, reply, `${name} replies ${JSON.stringify(text)}`);
    }
  }

  /** Asserts that well-behaved clients are served, and that no worker has died. */
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

/** Starts samples with a clock on which long timers run two hundred times as fast. */
export function withFastClock(path: string, args: string[]): Process {
  return new Process(
    ["run", "--allow-all", "--preload=tests/support/fast_clock.ts", path, ...args],
    false,
  );
}

/** Starts samples with a limit of descriptors, and all permissions. */
export function withDescriptors(count: number): Launch {
  return (path, args) => {
    return startInShell(`ulimit -n ${count} && exec "$@"`, path, args);
  };
}
