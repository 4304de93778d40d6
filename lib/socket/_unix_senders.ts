/**
 * Sending Unix-domain datagrams without waiting for peers that do not receive.
 *
 * @module
 */

import { delay } from "@std/async/delay";

/** How long to wait between two tries to send to a peer whose queue is full, in ms. */
const RETRY_PAUSE = 10;

/** The longest message for which no memory of its own is mapped, in bytes. */
const BUFFER_SIZE = 65536;

/** What became of a try to send: the peer's queue was full, or the try cannot be ended. */
type Outcome = "sent" | "full" | "stuck";

/**
 * One socket, from which a message is sent or taken back.
 *
 * Deno has no `MSG_DONTWAIT`: a send to a peer whose queue is full tries again and again, cannot be
 * cancelled, and keeps the socket from receiving. But each try is a sendto(2) of the same memory. To
 * shrink a resizable buffer takes the memory away, and the next try fails with `EFAULT`.
 *
 * This does not end a send of an empty message, which has no memory, nor one from a socket that has a
 * quarter of its send buffer unread, for which there is no next try until some of that is read. The
 * sender is stuck then, until the send ends by itself.
 */
class Sender {
  /** The send that is under way; it does not reject. */
  pending: Promise<unknown> | undefined;
  /** The peer that will receive an empty message as soon as it has room. */
  stuckWith: string | undefined;
  readonly socket: Deno.DatagramConn;
  #buffer = new ArrayBuffer(0, { maxByteLength: BUFFER_SIZE });

  constructor(socket: Deno.DatagramConn) {
    this.socket = socket;
  }

  /** Tries to send a message, for about a turn of the event loop; an empty one for `timeout` ms. */
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
    if (!await isOver(pending, message.length === 0 ? timeout : 0)) {
      buffer.resize(0);
      if (!await isOver(pending, 0)) {
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
  #turn: Promise<void> = Promise.resolve(); // of the try that comes next

  /**
   * Sends for a socket.
   *
   * @param own The socket itself.
   * @param spares Sockets that have the same name, to send from, so that `own` is never stuck. Without
   * any, `own` sends.
   */
  constructor(own: Deno.DatagramConn, spares: Deno.DatagramConn[]) {
    this.#own = new Sender(own);
    this.#spares = spares.map((socket) => new Sender(socket));
  }

  /** The send that keeps the socket itself from receiving; it does not reject. */
  get pending(): Promise<unknown> | undefined {
    return this.#own.pending;
  }

  /**
   * Sends a message when the peer has room for it.
   *
   * @param message The message.
   * @param to The peer.
   * @param timeout How long to wait for room, in ms.
   * @throws {Deno.errors.WouldBlock} If there was none.
   * @throws {RangeError} If the time is negative, or not less than 2 ** 31.
   * @throws What the socket's `send` throws.
   */
  async send(message: Uint8Array, to: Deno.UnixAddr, timeout: number): Promise<void> {
    if (!(timeout >= 0 && timeout < 2 ** 31)) {
      throw new RangeError(`sendto: ${timeout} ms is not a time to wait`);
    }
    const end = performance.now() + timeout;
    for (let left = timeout; !await this.#tryInTurn(message, to, left);) {
      left = end - performance.now();
      if (left <= 0) {
        throw new Deno.errors.WouldBlock(
          "Resource temporarily unavailable, the peer does not receive",
        );
      }
      await delay(Math.min(RETRY_PAUSE, left));
    }
  }

  /** Tries after the tries that began before: none finds the senders busy with another. */
  async #tryInTurn(message: Uint8Array, to: Deno.UnixAddr, timeout: number): Promise<boolean> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      return await this.#try(message, to, timeout);
    } finally {
      resolve();
    }
  }

  /** Tries once; an empty message cannot be taken back, so that is tried for `timeout` ms. */
  async #try(message: Uint8Array, to: Deno.UnixAddr, timeout: number): Promise<boolean> {
    // Replies stay in order: what the peer has not got yet comes before this message.
    if (this.#spares.some((sender) => sender.stuckWith === to.path)) return false;
    const senders = this.#spares.length > 0 ? this.#spares : [this.#own];
    for (const sender of senders) {
      if (sender.pending !== undefined) continue;
      try {
        const outcome = await sender.send(message, to, timeout);
        if (outcome === "stuck" && message.length > 0) continue; // it was taken back all the same
        return outcome === "sent";
      } catch (error) {
        if (!isNotPermitted(error) || sender === this.#own) throw error;
        // The peer has connected, and takes datagrams from the socket it is connected to only. For such
        // a peer the system limits the unread messages by the send buffer, and not by their number.
        if (this.#own.pending !== undefined) return false;
        return await this.#own.send(message, to, timeout) === "sent";
      }
    }
    return false;
  }

  /** Closes the spare sockets. */
  close(): void {
    for (const { socket } of this.#spares) socket.close();
  }
}

/** `EPERM`, and not the `EACCES` of a file that may not be written. */
function isNotPermitted(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied &&
    error.message.startsWith("Operation not permitted");
}

/** Whether a promise that does not reject is over within `ms`, and a turn of the event loop more. */
async function isOver(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<false>((resolve) => {
    // However late the first timer is, the loop looks at the sockets before the second one.
    timer = setTimeout(() => timer = setTimeout(() => resolve(false)), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), expired]);
  } finally {
    clearTimeout(timer);
  }
}

const known = new WeakMap<Deno.DatagramConn, UnixSenders>();

/**
 * The senders of a Unix datagram socket.
 *
 * @param socket The socket.
 * @param spares Its spare sockets, given once, before anything is sent.
 * @returns Its senders.
 */
export function sendersOf(
  socket: Deno.DatagramConn,
  spares: Deno.DatagramConn[] = [],
): UnixSenders {
  const senders = known.get(socket) ?? new UnixSenders(socket, spares);
  known.set(socket, senders);
  return senders;
}
