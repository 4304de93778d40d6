// Sends Unix-domain datagrams, so that a peer that does not receive delays no other peer.

import { delay } from "@std/async/delay";

/** The pause between two attempts to send to a peer whose queue is full, in ms. */
const RETRY_PAUSE = 10;

/** The size of a sender's buffer, in bytes. A longer message requires a larger buffer. */
const BUFFER_SIZE = 65536;

/**
 * The outcome of an attempt to send: `full` if the peer's queue is full, `stuck` if the send cannot be
 * cancelled.
 */
type Outcome = "sent" | "full" | "stuck";

/**
 * A socket whose sends can be cancelled.
 *
 * Deno has no `MSG_DONTWAIT`: a send to a peer whose queue is full retries until there is room, cannot be
 * cancelled, and prevents the socket from receiving. But each retry is a sendto(2) of the same memory.
 * Shrinking a resizable buffer removes that memory, so the next retry fails with `EFAULT`, which cancels the
 * send.
 *
 * A send cannot be cancelled if the message is empty, because it has no memory, or if a quarter of the
 * socket's send buffer is unread, because Deno does not retry it until a peer reads. The sender is then stuck
 * until the send completes.
 */
class Sender {
  /** The pending send. It does not reject. */
  pending: Promise<unknown> | undefined;
  /** The path of the peer to which an empty message is pending. */
  stuckWith: string | undefined;
  readonly socket: Deno.DatagramConn;
  #buffer = new ArrayBuffer(0, { maxByteLength: BUFFER_SIZE });

  constructor(socket: Deno.DatagramConn) {
    this.socket = socket;
  }

  /** Attempts to send a message for about a turn of the event loop; an empty one for `timeout` ms. */
  async send(message: Uint8Array, to: Deno.UnixAddr, timeout: number): Promise<Outcome> {
    if (message.length > this.#buffer.maxByteLength) {
      this.#buffer = new ArrayBuffer(0, { maxByteLength: message.length });
    }
    const buffer = this.#buffer;
    buffer.resize(message.length);
    const bytes = new Uint8Array(buffer, 0, message.length);
    bytes.set(message);

    const sending = this.socket.send(bytes, to);
    const pending = sending.catch(() => {}).finally(() => {
      this.pending = this.stuckWith = undefined;
    });
    this.pending = pending;
    if (!await settlesWithin(pending, message.length === 0 ? timeout : 0)) {
      buffer.resize(0); // cancels it
      if (!await settlesWithin(pending, 0)) {
        if (message.length === 0) this.stuckWith = to.path;
        return "stuck";
      }
    }
    try {
      await sending;
      return "sent";
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("Bad address")) return "full";
      throw error;
    }
  }
}

/** The sockets from which the messages of one Unix datagram socket are sent. */
export class UnixSenders {
  readonly #own: Sender;
  readonly #spares: Sender[];
  #turn: Promise<void> = Promise.resolve(); // resolves when the last requested attempt has ended

  /**
   * @param own The socket.
   * @param spares Sockets with the same path to send from, so that `own` is never stuck. If there are none,
   * `own` sends.
   */
  constructor(own: Deno.DatagramConn, spares: Deno.DatagramConn[]) {
    this.#own = new Sender(own);
    this.#spares = spares.map((socket) => new Sender(socket));
  }

  /** The pending send that prevents the socket from receiving. It does not reject. */
  get pending(): Promise<unknown> | undefined {
    return this.#own.pending;
  }

  /**
   * Sends a message as soon as the peer has room for it.
   *
   * @param message The message.
   * @param to The peer.
   * @param timeout How long to wait for room, in ms.
   * @throws {Deno.errors.WouldBlock} If the peer has no room in that time.
   * @throws {RangeError} If the time is negative, or not less than 2 ** 31 ms.
   * @throws Any error thrown by the socket's `send`.
   */
  async send(message: Uint8Array, to: Deno.UnixAddr, timeout: number): Promise<void> {
    if (!(timeout >= 0 && timeout < 2 ** 31)) {
      throw new RangeError(`sendto: timeout of ${timeout} ms is not from 0 to 2 ** 31 - 1 ms`);
    }
    const end = performance.now() + timeout;
    for (let left = timeout; !await this.#attemptInTurn(message, to, left);) {
      left = end - performance.now();
      if (left <= 0) {
        throw new Deno.errors.WouldBlock(
          "Resource temporarily unavailable, the peer does not receive",
        );
      }
      await delay(Math.min(RETRY_PAUSE, left));
    }
  }

  /** Attempts to send after earlier attempts have ended, so that each finds idle senders. */
  async #attemptInTurn(message: Uint8Array, to: Deno.UnixAddr, timeout: number): Promise<boolean> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      return await this.#attempt(message, to, timeout);
    } finally {
      resolve();
    }
  }

  /** Attempts to send once. An empty message cannot be cancelled, so its attempt lasts up to `timeout` ms. */
  async #attempt(message: Uint8Array, to: Deno.UnixAddr, timeout: number): Promise<boolean> {
    // Messages to a peer stay in order: a pending empty message is sent first.
    if (this.#spares.some((sender) => sender.stuckWith === to.path)) return false;
    const senders = this.#spares.length > 0 ? this.#spares : [this.#own];
    for (const sender of senders) {
      if (sender.pending !== undefined) continue;
      try {
        const outcome = await sender.send(message, to, timeout);
        if (outcome === "stuck" && message.length > 0) continue; // not sent: its buffer was shrunk
        return outcome === "sent";
      } catch (error) {
        if (!isNotPermitted(error) || sender === this.#own) throw error;
        // The peer is connected to this socket, so it receives from this socket only. For such a peer, the
        // send buffer limits the unread messages, not their number.
        if (this.#own.pending !== undefined) return false;
        return await this.#own.send(message, to, timeout) === "sent";
      }
    }
    return false;
  }
}

/** Reports whether an error is `EPERM`, and not `EACCES`, the error of a file that is not writable. */
function isNotPermitted(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied &&
    error.message.startsWith("Operation not permitted");
}

/** Reports whether a promise, which must not reject, resolves within `ms` and a turn of the event loop. */
async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<false>((resolve) => {
    // Two timers: even if the first is late, the event loop polls the sockets before the second.
    timer = setTimeout(() => timer = setTimeout(() => resolve(false)), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), expired]);
  } finally {
    clearTimeout(timer);
  }
}

const sendersBySocket = new WeakMap<Deno.DatagramConn, UnixSenders>();

/**
 * Returns the senders of a Unix datagram socket.
 *
 * @param socket The socket.
 * @param spares Its spare sockets. The first call must pass them. Default none.
 * @returns The senders, the same for each call with a socket.
 */
export function sendersOf(
  socket: Deno.DatagramConn,
  spares: Deno.DatagramConn[] = [],
): UnixSenders {
  const senders = sendersBySocket.get(socket) ?? new UnixSenders(socket, spares);
  sendersBySocket.set(socket, senders);
  return senders;
}
