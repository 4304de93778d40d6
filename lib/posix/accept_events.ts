/**
 * A server's event loop: connections that are served by functions, not by promises.
 *
 * @module
 */

import { formatAddress, unmapAddress } from "../address/format.ts";
import { failed, withContext } from "../errors.ts";
import { report } from "../io/log_error.ts";
import { acceptLoop, type AcceptOptions, type LoopContext } from "../server/accept_loop.ts";
import type { Acceptor } from "../server/_backlog.ts";
import type { Activity } from "../server/idle_monitor.ts";
import { EPOLLIN, EPOLLOUT, IPPROTO_TCP, TCP_NODELAY } from "./constants.ts";
import type { Descriptor } from "./descriptor.ts";
import { EAGAIN, errnoError, type PosixError } from "./errno.ts";
import type { OnReady, Poller } from "./poller.ts";
import { accept, type Accepted, setsockopt } from "./socket.ts";
import { recv, send } from "./transfer.ts";

/** The context that {@linkcode acceptEvents} passes to each connection. */
export interface EventContext extends LoopContext {
  /** Calls its function. */
  poller: Poller;
}

/**
 * A server's connection to one client, which a {@linkcode Poller} serves.
 *
 * It disables Nagle's algorithm (`TCP_NODELAY`). See {@linkcode acceptEvents} for an example.
 *
 * @category Servers
 */
export class EventConnection implements Disposable {
  /** The client's address as text. An IPv4 client of a dual-stack socket has its IPv4 address. */
  readonly peer: string;
  /** @internal */
  readonly activity: Activity = { reading: 0, writing: 0, changes: 0, bytes: 0 };
  readonly #socket: Descriptor;
  readonly #context: EventContext;
  #onError: (error: Error) => void;

  /** @internal */
  constructor({ socket, peer }: Accepted, context: EventContext) {
    this.peer = formatAddress(unmapAddress(peer));
    this.#socket = socket;
    this.#context = context;
    this.#onError = context.onError;
  }

  /**
   * Serves the client by calling a function whenever data can be received.
   *
   * An error of the function ends only this connection.
   *
   * @param onReady Called with the events, for which the connection waits by {@linkcode waitFor}; at first
   * `EPOLLIN`.
   * @param onError Called with the error that ended the connection: of the function, or an idle timeout. Default:
   * the `onError` of {@linkcode acceptEvents}.
   */
  serve(onReady: OnReady, onError?: (error: Error) => void): void {
    this.#onError = onError ?? this.#onError;
    this.activity.reading = 1;
    this.#context.poller.add(this.#socket, EPOLLIN, (events) => {
      try {
        const done = onReady(events);
        return done?.catch((error) => this.#fail(error));
      } catch (error) {
        return this.#fail(error);
      }
    });
  }

  /**
   * `epoll_ctl(2)`: changes the events for which the function is called.
   *
   * @param events `EPOLLIN`, `EPOLLOUT`, or 0 for neither.
   */
  waitFor(events: number): void {
    this.activity.reading = events & EPOLLIN ? 1 : 0;
    this.activity.writing = events & EPOLLOUT ? 1 : 0;
    this.#context.poller.modify(this.#socket, events);
  }

  /**
   * `recv(2)`: receives bytes.
   *
   * @param buffer The buffer to fill. Connections may share it: the call returns at once.
   * @returns The number of bytes; 0 at EOF; `-EAGAIN` if nothing has arrived.
   * @throws {PosixError} `ECONNRESET` if the client reset the connection.
   */
  recv(buffer: Uint8Array<ArrayBuffer>): number {
    return this.#count(recv(this.#socket, buffer));
  }

  /**
   * `send(2)`: sends bytes.
   *
   * @param bytes The bytes.
   * @returns The number of bytes sent, from 0: if the system's buffer has no room for all of them, the rest must be
   * sent after `EPOLLOUT`.
   * @throws {PosixError} `EPIPE` or `ECONNRESET` if the connection has ended.
   */
  send(bytes: Uint8Array<ArrayBuffer>): number {
    return Math.max(this.#count(send(this.#socket, bytes)), 0);
  }

  /**
   * Closes the connection for a reason, of which `onError` is called.
   *
   * @param reason The reason.
   */
  abort(reason: Error): void {
    this.#fail(failed(this.activity.writing > 0 ? "send" : "recv", reason, this.peer));
  }

  /** `close(2)`: closes the connection. A second call does nothing. */
  close(): void {
    if (this.#socket.fd === -1) return;
    this.#socket.close();
    this.#context.onClose();
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #count(size: number): number {
    const { activity } = this;
    if (size !== -EAGAIN) {
      activity.changes++;
      activity.bytes += size;
    }
    return size;
  }

  #fail(error: unknown): void {
    if (this.#socket.fd === -1) return; // the function has closed it, and used it again
    this.close();
    report(this.#onError, this.#withPeer(error));
  }

  /** Adds the client's address to an error that does not contain it. */
  #withPeer(error: unknown): Error {
    if (!(error instanceof Error)) return withContext(this.peer, error);
    if ("address" in error) return error;
    const { errno, syscall } = error as Partial<PosixError>;
    if (errno === undefined || syscall === undefined) return withContext(this.peer, error);
    return errnoError(errno, syscall, this.peer);
  }
}

/**
 * `accept(2)` in a fault-tolerant loop, with `epoll(7)`: yields the connections of a listening socket.
 *
 * It is `accept` of the main module for sockets of this module, with the same options: the limits, the backoff
 * without descriptors, and the drain when `signal` aborts.
 *
 * Source: accept(2), epoll(7).
 *
 * @param listener The listening socket. The loop closes it after `signal` aborts.
 * @param poller The poller that calls the connections' functions.
 * @param options See {@linkcode AcceptOptions}.
 * @returns The connections. The caller must serve or close each. After `signal`, the loop drains the open
 * connections and ends.
 * @throws {RangeError} If a limit is invalid. A time must be less than 2 ** 31 ms.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { readN, writeText } from "@deno-sockets/samples";
 * import {
 *   acceptEvents, AF_INET, bind, getsockname, listen, Poller, SOCK_STREAM, socket,
 * } from "@deno-sockets/samples/posix";
 *
 * const listener = socket(AF_INET, SOCK_STREAM);
 * bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
 * listen(listener, 4096);
 * const { port } = getsockname(listener) as Deno.NetAddr;
 *
 * using poller = new Poller();
 * const stop = new AbortController();
 * const buffer = new Uint8Array(1024); // one for all connections
 * const server = (async () => {
 *   for await (const conn of acceptEvents(listener, poller, { signal: stop.signal })) {
 *     conn.serve(() => {
 *       const size = conn.recv(buffer);
 *       if (size === 0) conn.close();
 *       else if (size > 0) conn.send(buffer.subarray(0, size)); // a server must keep what was not sent
 *     });
 *   }
 * })();
 *
 * using client = await Deno.connect({ port });
 * await writeText(client, "hello");
 * assertEquals(await readN(client, new Uint8Array(5)), 5);
 *
 * client.close();
 * stop.abort();
 * await server;
 * ```
 *
 * @category Servers
 */
export function acceptEvents(
  listener: Descriptor,
  poller: Poller,
  options?: AcceptOptions,
): AsyncGenerator<EventConnection, void, void> {
  const acceptor = new EventAcceptor(listener, poller);
  return acceptLoop(acceptor, options, (accepted, context) => {
    return new EventConnection(accepted, { ...context, poller });
  });
}

/** The number of clients that are accepted before other connections are served. */
const MAX_IN_A_ROW = 16;

/** A listening socket whose clients are awaited by a poller. */
class EventAcceptor implements Acceptor<Accepted> {
  readonly #listener: Descriptor;
  readonly #poller: Poller;
  #isRegistered = false;
  #inARow = 0;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(listener: Descriptor, poller: Poller) {
    this.#listener = listener;
    this.#poller = poller;
  }

  async accept(): Promise<Accepted> {
    for (;;) {
      if (++this.#inARow <= MAX_IN_A_ROW) {
        const accepted = accept(this.#listener);
        if (accepted !== null) return withoutDelay(accepted);
      }
      this.#inARow = 0;
      await this.#ready();
    }
  }

  /** Resolves when a client waits, after one turn of the poller at least. */
  #ready(): Promise<void> {
    this.#waiting = Promise.withResolvers<void>();
    if (this.#isRegistered) {
      this.#poller.modify(this.#listener, EPOLLIN);
    } else {
      this.#isRegistered = true;
      this.#poller.add(this.#listener, EPOLLIN, () => {
        this.#poller.modify(this.#listener, 0);
        this.#waiting?.resolve();
      });
    }
    return this.#waiting.promise;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    this.#waiting?.reject(new Deno.errors.BadResource("the listener is closed"));
  }
}

/** Disables Nagle's algorithm, which delays short messages. */
function withoutDelay(accepted: Accepted): Accepted {
  const { socket, peer } = accepted;
  if (peer.transport === "tcp") setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return accepted;
}
