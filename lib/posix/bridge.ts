/**
 * Makes descriptors connections of the main module and sockets of Node.
 *
 * @module
 */

import type { Socket } from "node:net";
import { Connection } from "../socket/connection.ts";
import {
  EPOLLIN,
  EPOLLOUT,
  IPPROTO_TCP,
  SHUT_WR,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./constants.ts";
import type { Descriptor } from "./descriptor.ts";
import { EAGAIN, withoutCall } from "./errno.ts";
import { Poller } from "./poller.ts";
import { getpeername, getsockname, setsockopt, shutdown } from "./socket.ts";
import { recv, send } from "./transfer.ts";

/** The poller of all connections, created when the first of them waits. */
let poller: Poller | undefined;

/**
 * Makes a connected stream socket a `Connection` of the main module, for `readN`, `BufferedReader`, framing and
 * the rest of that module.
 *
 * While a read or a write waits, the process stays alive; `ref` and `unref` have no effect.
 *
 * @param socket The connected socket, non-blocking. Takes ownership.
 * @returns The connection.
 * @throws {PosixError} `ENOTCONN` if the socket is not connected.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BufferedReader, writeText } from "@deno-sockets/samples";
 * import { SOCK_STREAM, socketpair, toConnection } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM).map(toConnection);
 * using client = left!; // socketpair returns two
 * using server = right!;
 * await writeText(client, "hello\n");
 * assertEquals(await new BufferedReader(server).lines().next(), { value: "hello", done: false });
 * ```
 *
 * @category Bridges
 */
export function toConnection(socket: Descriptor): Connection {
  return new Connection(new PolledConn(socket));
}

/**
 * Makes a connected stream socket a socket of `node:net`.
 *
 * @param socket The connected socket, TCP or Unix. Takes ownership.
 * @returns The socket of Node.
 * @throws {PosixError} `EBADF` if the socket is closed, `ENOTCONN` if it is not connected. The caller
 * remains the owner.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { send, SOCK_STREAM, socketpair, toNodeSocket } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * const socket = await toNodeSocket(right);
 * const received = new Promise((resolve) => socket.once("data", resolve));
 * send(left, new TextEncoder().encode("hello"));
 * assertEquals(`${await received}`, "hello");
 * socket.destroy();
 * ```
 *
 * @category Bridges
 */
export async function toNodeSocket(socket: Descriptor): Promise<Socket> {
  const { Socket } = await import("node:net");
  getpeername(socket); // Node's error would not name the cause
  const adopted = new Socket({ fd: socket.fd });
  socket.release();
  return adopted;
}

/** A connected stream socket whose reads and writes wait with a poller. */
class PolledConn
  implements Omit<Deno.TcpConn, "localAddr" | "remoteAddr" | "readable" | "writable"> {
  readonly localAddr: Deno.Addr;
  readonly remoteAddr: Deno.Addr;
  readonly #socket: Descriptor;
  /** The waiting calls, by event. The socket is registered for these events, and removed when no call waits. */
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();

  constructor(socket: Descriptor) {
    this.localAddr = getsockname(socket);
    this.remoteAddr = getpeername(socket);
    this.#socket = socket;
  }

  async read(p: Uint8Array): Promise<number | null> {
    if (p.length === 0) return 0; // recv would fail with EAGAIN
    for (;;) {
      const size = unnamed(() => recv(this.#socket, inBuffer(p)));
      if (size > 0) return size;
      if (size === 0) return null;
      await this.#ready(EPOLLIN);
    }
  }

  async write(p: Uint8Array): Promise<number> {
    for (;;) {
      const size = unnamed(() => send(this.#socket, inBuffer(p)));
      if (size !== -EAGAIN) return size;
      await this.#ready(EPOLLOUT);
    }
  }

  closeWrite(): Promise<void> {
    return Promise.try(unnamed<void>, () => shutdown(this.#socket, SHUT_WR));
  }

  setNoDelay(noDelay: boolean = true): void {
    if ("hostname" in this.remoteAddr) this.#set(IPPROTO_TCP, TCP_NODELAY, noDelay);
  }

  setKeepAlive(keepAlive: boolean = true): void {
    if ("hostname" in this.remoteAddr) this.#set(SOL_SOCKET, SO_KEEPALIVE, keepAlive);
  }

  ref(): void {}

  unref(): void {}

  close(): void {
    this.#socket.close();
    for (const { reject } of this.#waiting.values()) {
      reject(new Deno.errors.Interrupted("the connection was closed"));
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #set(level: number, option: number, isEnabled: boolean): void {
    setsockopt(this.#socket, level, option, isEnabled ? 1 : 0);
  }

  /** Resolves when an event occurs. Several calls may wait for the same event. */
  #ready(event: number): Promise<void> {
    const pending = this.#waiting.get(event);
    if (pending !== undefined) return pending.promise;
    poller ??= new Poller();
    const events = [...this.#waiting.keys()].reduce((all, event) => all | event, event);
    if (this.#waiting.size > 0) poller.modify(this.#socket, events);
    else poller.add(this.#socket, events, (_, events) => this.#wake(events));
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(event, waiting);
    return waiting.promise;
  }

  /** Resolves the calls that wait for the events; an error or a hang-up concerns all. */
  #wake(events: number): void {
    const isOver = (events & ~(EPOLLIN | EPOLLOUT)) !== 0;
    for (const [event, { resolve }] of this.#waiting) {
      if ((events & event) === 0 && !isOver) continue;
      this.#waiting.delete(event);
      resolve();
    }
    const [left] = this.#waiting.keys();
    if (left === undefined) poller?.remove(this.#socket);
    else poller?.modify(this.#socket, left);
  }
}

/** Calls a function, and removes the name of the call from its error: the `Connection` adds its own. */
function unnamed<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw withoutCall(error);
  }
}

/** Deno's interfaces accept views of shared buffers, too; FFI passes the address of either. */
function inBuffer(p: Uint8Array): Uint8Array<ArrayBuffer> {
  return p as Uint8Array<ArrayBuffer>;
}
