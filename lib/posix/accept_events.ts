/**
 * A server's event loop, in which functions serve the connections, not promises.
 *
 * @module
 */

import { formatAddress, unmapAddress } from "../address/format.ts";
import { failed, withPeer } from "../errors.ts";
import { report } from "../io/log_error.ts";
import { acceptLoop, type AcceptOptions, type LoopContext } from "../server/accept_loop.ts";
import type { Acceptor } from "../server/_backlog.ts";
import type { Activity } from "../server/idle_monitor.ts";
import {
  EPOLLIN,
  EPOLLOUT,
  IPPROTO_TCP,
  SO_ACCEPTCONN,
  SOL_SOCKET,
  TCP_NODELAY,
} from "./constants.ts";
import { numbers } from "./_errno_names.ts";
import { Descriptor } from "./descriptor.ts";
import { EAGAIN, errnoError, isPosixError, withoutCall } from "./errno.ts";
import { sendfile } from "./file.ts";
import { errnoAddress, errnoCell, libc } from "./libc.ts";
import type { OnReady, Poller } from "./poller.ts";
import { accept, type Accepted, getsockopt, setsockopt, shutdown } from "./socket.ts";
import { recv, wouldBlock } from "./transfer.ts";

/**
 * A server's connection to one client, which a {@linkcode Poller} serves.
 *
 * Nagle's algorithm is disabled (`TCP_NODELAY`). The idle timeout and the minimum rate count what its own
 * methods receive and send. See {@linkcode acceptEvents} for an example.
 *
 * @category Servers
 */
export class EventConnection extends Descriptor {
  /** `getpeername(2)`: the client's address. An IPv4 client of a dual-stack socket has its IPv4 address. */
  readonly remoteAddr: Deno.Addr;
  /**
   * Bytes that could not be sent. The property is for the program's use: {@linkcode EventConnection.send} neither
   * reads nor sets it.
   */
  unsent: Uint8Array<ArrayBuffer> | undefined;
  readonly #poller: Poller;
  readonly #context: LoopContext;
  #onError: (error: Error) => void;
  /** The events that it waits for. */
  #events = 0;
  // The I/O counters, which the idle monitor reads. They are members, not an object of their own, because a server
  // with many connections updates them at each message.
  /** @internal */
  changes: number = 0;
  /** @internal */
  bytes: number = 0;

  /** @internal */
  constructor({ socket, peer }: Accepted, poller: Poller, context: LoopContext) {
    super(socket.release());
    this.remoteAddr = unmapAddress(peer);
    this.#poller = poller;
    this.#context = context;
    this.#onError = context.onError;
  }

  /** @internal */
  get activity(): Activity {
    return this;
  }

  /** @internal */
  get reading(): number {
    return this.#events & EPOLLIN ? 1 : 0;
  }

  /** @internal */
  get writing(): number {
    return this.#events & EPOLLOUT ? 1 : 0;
  }

  /**
   * Serves the client by calling a function whenever data can be received.
   *
   * An error of the function ends only this connection.
   *
   * @param onReady Called with the connection and the events that have occurred. The connection waits for
   * `EPOLLIN` until {@linkcode waitFor} changes that. Many connections can share one function.
   * @param onError Called with the error that ended the connection, such as one that `onReady` throws or an idle
   * timeout. Default: the `onError` of {@linkcode acceptEvents}.
   * @throws {PosixError} `EEXIST` if the connection is served already.
   */
  serve(onReady: OnReady<EventConnection>, onError?: (error: Error) => void): void {
    if (this.fd === -1) return; // the server has aborted it since it was accepted
    this.#poller.add(this, EPOLLIN, onReady, EventConnection.#failed);
    this.#onError = onError ?? this.#onError;
    this.#events = EPOLLIN;
  }

  /**
   * `epoll_ctl(2)`: changes the events for which the function is called.
   *
   * @param events `EPOLLIN`, `EPOLLOUT`, or 0 for neither. `EPOLLERR` and `EPOLLHUP` are always reported, repeatedly
   * until the function closes the connection.
   */
  waitFor(events: number): void {
    this.#events = events;
    this.#poller.modify(this, events);
  }

  /**
   * `recv(2)`: receives bytes.
   *
   * @param buffer The buffer to fill. Connections may share it: the call returns immediately.
   * @returns The number of bytes; 0 at EOF; `-EAGAIN` if nothing has arrived.
   * @throws {PosixError} `ECONNRESET` if the client reset the connection.
   */
  recv(buffer: Uint8Array<ArrayBuffer>): number {
    return this.#count(recv(this, buffer));
  }

  /**
   * `send(2)`: sends bytes.
   *
   * @param bytes The bytes.
   * @param length The number of bytes to send. Default all.
   * @returns The number of bytes sent, possibly 0. If it is less than `length`, the system's buffer is full, and the
   * rest must be sent after `EPOLLOUT`.
   * @throws {PosixError} `EPIPE` or `ECONNRESET` if the connection has ended.
   * @throws {RangeError} If `length` is not from 0 to the number of bytes.
   */
  send(bytes: Uint8Array<ArrayBuffer>, length?: number): number {
    length ??= bytes.length;
    // Otherwise the system would send the memory after the bytes.
    if (!(length >= 0 && length <= bytes.length)) {
      throw new RangeError(`send: ${length} is not a length from 0 to ${bytes.length}`);
    }
    const sys = libc();
    const size = sys.send(this.fd, bytes, length, 0);
    if (size === -1) {
      wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "send");
      return 0;
    }
    return this.#count(size);
  }

  /**
   * `sendfile(2)`: sends bytes of a file, from its current offset.
   *
   * @param file The file.
   * @param count The maximum number of bytes.
   * @returns The number of bytes sent; 0 at the end of the file; `-EAGAIN` if the system's buffer is full: the
   * rest must be sent after `EPOLLOUT`.
   * @throws {PosixError} `EPIPE` or `ECONNRESET` if the connection has ended.
   */
  sendfile(file: Descriptor, count: number): number {
    return this.#count(sendfile(this, file, count));
  }

  /**
   * `shutdown(2)`: shuts down one direction. Does nothing if the connection is closed, or the client has reset it:
   * the next receive or send reports the reset.
   *
   * @param how `SHUT_RD` or `SHUT_WR`.
   */
  shutdown(how: number): void {
    if (this.fd === -1) return;
    try {
      shutdown(this, how);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotConnected)) throw error;
    }
  }

  /**
   * Closes the connection, and calls `onError` with the reason.
   *
   * @param reason The reason.
   */
  abort(reason: Error): void {
    this.#fail(
      failed(this.#events & EPOLLOUT ? "send" : "recv", reason, formatAddress(this.remoteAddr)),
    );
  }

  /**
   * Gives up ownership: marks the connection as closed without closing it.
   *
   * @returns The number of the descriptor, which the caller must close.
   */
  override release(): number {
    if (this.fd === -1) return -1;
    const fd = super.release();
    this.#context.onClose(this); // `close` calls this method, too
    return fd;
  }

  /** Counts the bytes of a transfer, for the idle monitor. */
  #count(size: number): number {
    if (size !== -EAGAIN) {
      this.changes++;
      this.bytes += size;
    }
    return size;
  }

  /** Shared by all connections. */
  static #failed(error: unknown, conn: EventConnection): void {
    conn.#fail(error);
  }

  #fail(error: unknown): void {
    if (this.fd === -1) return; // the function used the connection after closing it
    this.close();
    report(this.#onError, this.#withPeer(error));
  }

  /** Adds the client's address to an error that does not contain it. */
  #withPeer(error: unknown): Error {
    const peer = formatAddress(this.remoteAddr);
    if (isPosixError(error) && error.address === undefined) {
      return errnoError(error.errno, error.syscall, peer);
    }
    return withPeer(peer, error);
  }
}

/**
 * `accept(2)` in a fault-tolerant loop, with `epoll(7)`: yields the connections of a listening socket.
 *
 * It is `accept` of the main module for sockets of this module, with the same options: the limits, the backoff
 * while no descriptor is free, and the drain when `signal` aborts.
 *
 * Source: accept(2), epoll(7).
 *
 * @param listener The listening socket. The loop closes it after `signal` aborts; if it is closed before, the
 * loop drains.
 * @param poller The poller that calls the connections' functions. It must stay open until the loop has ended.
 * @param options See {@linkcode AcceptOptions}.
 * @returns The connections. The caller must serve or close each. After `signal`, the loop drains the open
 * connections and ends.
 * @throws {RangeError} If a limit is invalid. A time must be less than 2 ** 31 ms.
 * @throws {PosixError} `EINVAL` if the socket does not listen.
 * @throws {Deno.errors.Busy} If another loop accepts from the listener.
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
 *     conn.serve((conn) => {
 *       const size = conn.recv(buffer);
 *       if (size === 0) conn.close();
 *       else if (size > 0) conn.send(buffer, size); // a server must keep what was not sent
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
  if (listener.fd !== -1 && getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN) === 0) {
    throw errnoError(numbers.EINVAL, "accept");
  }
  return acceptFrom(new EventAcceptor(listener, poller), poller, options);
}

async function* acceptFrom(
  acceptor: EventAcceptor,
  poller: Poller,
  options: AcceptOptions | undefined,
): AsyncGenerator<EventConnection, void, void> {
  try {
    yield* acceptLoop(acceptor, options, (accepted, context) => {
      return new EventConnection(accepted, poller, context);
    });
  } finally {
    acceptor.unregister(); // if the caller has left the loop, the listener stays open
  }
}

/** The maximum number of clients that are accepted before other connections are served. */
const MAX_IN_A_ROW = 16;

/** A listening socket. A poller waits for its clients. */
class EventAcceptor implements Acceptor<Accepted> {
  readonly #listener: Descriptor;
  readonly #poller: Poller;
  #isRegistered = false;
  #turns = 0; // of the poller, at the last call of `isStalled`
  #inARow = 0;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(listener: Descriptor, poller: Poller) {
    this.#listener = listener;
    this.#poller = poller;
  }

  async accept(): Promise<Accepted> {
    for (;;) {
      if (++this.#inARow <= MAX_IN_A_ROW) {
        const accepted = this.#acceptNow();
        if (accepted !== null) return withoutDelay(accepted);
      }
      this.#inARow = 0;
      await this.#ready();
    }
  }

  /** While the loop waits for a slow function, data may have arrived on any connection. */
  isStalled(): boolean {
    const { isAwaiting, turns } = this.#poller;
    // The first turn since the last call may have begun before it.
    const isStalled = isAwaiting && turns < this.#turns + 2;
    this.#turns = turns;
    return isStalled;
  }

  #acceptNow(): Accepted | null {
    try {
      return accept(this.#listener);
    } catch (error) {
      if (isPosixError(error) && error.errno === numbers.EINVAL) {
        throw new Deno.errors.BadResource("the socket no longer listens"); // after shutdown(2)
      }
      throw withoutCall(error); // the loop names the call
    }
  }

  wake(): void {
    this.#poller.wake();
  }

  /** Resolves when a client waits in the backlog, after at least one turn of the poller. */
  #ready(): Promise<void> {
    this.#waiting = Promise.withResolvers<void>();
    if (this.#isRegistered) {
      this.#poller.modify(this.#listener, EPOLLIN);
    } else {
      this.#register();
      this.#listener.setOnClose(() => {
        this.unregister();
        this.#waiting?.reject(new Deno.errors.BadResource("the listener is closed"));
      });
    }
    return this.#waiting.promise;
  }

  #register(): void {
    try {
      this.#poller.add(this.#listener, EPOLLIN, () => {
        this.#poller.modify(this.#listener, 0);
        this.#waiting?.resolve();
      });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw withoutCall(error);
      throw new Deno.errors.Busy("another loop accepts from the listener");
    }
    this.#isRegistered = true;
  }

  /** Ends the wait for clients. */
  unregister(): void {
    if (!this.#isRegistered) return;
    this.#isRegistered = false;
    if (this.#poller.has(this.#listener)) this.#poller.remove(this.#listener);
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

/** Disables Nagle's algorithm, which delays short messages. */
function withoutDelay(accepted: Accepted): Accepted {
  const { socket, peer } = accepted;
  try {
    if (peer.transport === "tcp") setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    return accepted;
  } catch (error) {
    socket.close();
    throw withoutCall(error);
  }
}
