/**
 * Many datagrams in one system call: `recvmmsg(2)` and `sendmmsg(2)`.
 *
 * @module
 */

import { logError, report } from "../io/log_error.ts";
import { layout } from "./_layout.ts";
import { MSG_TRUNC, POLLOUT } from "./constants.ts";
import type { Descriptor } from "./descriptor.ts";
import { EAGAIN, isPosixError } from "./errno.ts";
import { addressOf, errnoAddress, errnoCell, libc } from "./libc.ts";
import { poll } from "./poll.ts";
import { decodeSockaddr, encodeSockaddr } from "./sockaddr.ts";
import { wouldBlock } from "./transfer.ts";

const { iovec, mmsghdr, msghdr, sockaddr_storage } = layout;

// The members that change are 4 bytes, or the lower half of 8, so a batch accesses them as 32-bit words.
const HEADER = mmsghdr.size / 4;
const NAME_LENGTH = msghdr.msg_namelen / 4;
const FLAGS = msghdr.msg_flags / 4;
const LENGTH = mmsghdr.msg_len / 4;
const IOV = iovec.size / 4;
const IOV_LENGTH = iovec.iov_len / 4;
const NAME = sockaddr_storage.size;

/** The maximum number of messages of one call, Linux's UIO_MAXIOV. */
const MAX_CAPACITY = 1024;

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && min <= value && value <= max;
}

/**
 * The datagrams of `recvmmsg(2)` and `sendmmsg(2)`: a vector of `struct mmsghdr` with buffers of one size.
 *
 * A received batch can be sent without changes: each datagram is sent to its sender, even if the address is link-local,
 * because the batch keeps its scope id. {@linkcode MessageBatch.push} adds other datagrams.
 *
 * Source: recvmmsg(2), sendmmsg(2).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   AF_INET, bind, getsockname, MessageBatch, recvmmsg, sendto, SOCK_DGRAM, socket,
 * } from "@deno-sockets/samples/posix";
 *
 * using receiver = socket(AF_INET, SOCK_DGRAM);
 * bind(receiver, { transport: "udp", hostname: "127.0.0.1", port: 0 });
 * using sender = socket(AF_INET, SOCK_DGRAM);
 * for (const byte of [1, 2, 3]) sendto(sender, new Uint8Array([byte]), getsockname(receiver));
 *
 * const batch = new MessageBatch(64, 80);
 * assertEquals(recvmmsg(receiver, batch), 3);
 * assertEquals(batch.message(2), new Uint8Array([3]));
 * ```
 *
 * @category Messages
 */
export class MessageBatch {
  /** The maximum number of datagrams. */
  readonly capacity: number;
  /** The maximum size of a datagram, in bytes. */
  readonly size: number;
  readonly #headers: Uint32Array<ArrayBuffer>;
  readonly #headerBytes: Uint8Array<ArrayBuffer>;
  readonly #iovs: Uint32Array<ArrayBuffer>;
  readonly #names: Uint8Array<ArrayBuffer>;
  readonly #data: Uint8Array<ArrayBuffer>;
  #count = 0;

  /**
   * Allocates a batch.
   *
   * @param capacity The maximum number of datagrams, at most 1024.
   * @param size The maximum size of a datagram, in bytes. A longer one is truncated.
   * @throws {RangeError} If `capacity` is not from 1 to 1024, or `size` is not a number of bytes.
   */
  constructor(capacity: number, size: number) {
    if (!isWithin(capacity, 1, MAX_CAPACITY)) {
      throw new RangeError(`recvmmsg: a capacity of ${capacity} is not from 1 to ${MAX_CAPACITY}`);
    }
    if (!isWithin(size, 0, Infinity)) {
      throw new RangeError(`recvmmsg: ${size} is not a number of bytes`);
    }
    this.capacity = capacity;
    this.size = size;
    this.#headers = new Uint32Array(HEADER * capacity);
    this.#headerBytes = new Uint8Array(this.#headers.buffer);
    this.#iovs = new Uint32Array(IOV * capacity);
    this.#names = new Uint8Array(NAME * capacity);
    this.#data = new Uint8Array(Math.max(size * capacity, 1));
    const headers = new BigUint64Array(this.#headers.buffer);
    const iovs = new BigUint64Array(this.#iovs.buffer);
    const names = addressOf(this.#names);
    const iov = addressOf(new Uint8Array(this.#iovs.buffer));
    const data = addressOf(this.#data);
    for (let i = 0; i < capacity; i++) {
      const header = i * mmsghdr.size;
      headers[(header + msghdr.msg_name) / 8] = names + BigInt(i * NAME);
      headers[(header + msghdr.msg_iov) / 8] = iov + BigInt(i * iovec.size);
      headers[(header + msghdr.msg_iovlen) / 8] = 1n;
      iovs[(i * iovec.size + iovec.iov_base) / 8] = data + BigInt(i * size);
    }
  }

  /**
   * The number of datagrams: those that `recvmmsg` has received, and those that were added.
   *
   * @returns The number, 0 at first.
   */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds a datagram to send.
   *
   * @param message The message, which is copied.
   * @param to The address, with a numeric host.
   * @throws {RangeError} If the batch is full, or the message is longer than its buffers.
   * @throws {TypeError} If the host is not numeric.
   */
  push(message: Uint8Array, to: Deno.Addr): void {
    if (this.#count === this.capacity) {
      throw new RangeError(`sendmmsg: the batch of ${this.capacity} is full`);
    }
    if (message.length > this.size) {
      throw new RangeError(`sendmmsg: ${message.length} bytes are more than ${this.size}`);
    }
    const name = encodeSockaddr(to);
    const index = this.#count++;
    this.#names.set(name, index * NAME);
    this.#data.set(message, index * this.size);
    this.#headers[index * HEADER + NAME_LENGTH] = name.length;
    this.#headers[index * HEADER + FLAGS] = 0;
    this.#headers[index * HEADER + LENGTH] = message.length;
  }

  /** Removes all datagrams. */
  clear(): void {
    this.#count = 0;
  }

  /**
   * Returns a datagram's bytes, which the next `recvmmsg` overwrites.
   *
   * @param index The index of the datagram.
   * @returns The bytes, a view of the batch's buffer. The buffer must not be transferred.
   * @throws {RangeError} If there is no such datagram.
   */
  message(index: number): Uint8Array<ArrayBuffer> {
    this.#check(index);
    return this.#data.subarray(index * this.size, index * this.size + this.#length(index));
  }

  #check(index: number): void {
    if (isWithin(index, 0, this.#count - 1)) return;
    throw new RangeError(`recvmmsg: ${index} is not in a batch of ${this.#count} datagrams`);
  }

  /** The length of a datagram in the buffer. With the flag MSG_TRUNC, the system stores that of the whole datagram. */
  #length(index: number): number {
    return Math.min(this.#headers[index * HEADER + LENGTH] ?? 0, this.size);
  }

  /**
   * Returns a datagram's sender.
   *
   * @param index The index of the datagram.
   * @returns The address; the path "" of a Unix-domain socket that is not bound.
   * @throws {RangeError} If there is no such datagram.
   */
  from(index: number): Deno.Addr {
    this.#check(index);
    const start = index * NAME;
    const length = this.#headers[index * HEADER + NAME_LENGTH] ?? 0;
    return decodeSockaddr(this.#names.subarray(start, start + length), false);
  }

  /**
   * `MSG_TRUNC`: reports whether a datagram was longer than the buffer.
   *
   * @param index The index of the datagram.
   * @returns Whether it was truncated.
   * @throws {RangeError} If there is no such datagram.
   */
  isTruncated(index: number): boolean {
    this.#check(index);
    return ((this.#headers[index * HEADER + FLAGS] ?? 0) & MSG_TRUNC) !== 0;
  }

  /**
   * The port of a datagram's sender, without decoding the address.
   *
   * @internal
   */
  fromPort(index: number): number {
    const at = index * NAME + layout.sockaddr_in.sin_port; // as in sockaddr_in6, in network byte order
    return (this.#names[at] ?? 0) << 8 | (this.#names[at + 1] ?? 0);
  }

  /**
   * Removes a datagram: replaces it by the last.
   *
   * @internal
   */
  remove(index: number): void {
    const last = --this.#count;
    const { size } = this;
    this.#data.copyWithin(index * size, last * size, (last + 1) * size);
    this.#names.copyWithin(index * NAME, last * NAME, (last + 1) * NAME);
    for (const word of [NAME_LENGTH, FLAGS, LENGTH]) {
      this.#headers[index * HEADER + word] = this.#headers[last * HEADER + word] ?? 0;
    }
  }

  /**
   * Frees all room, and returns the vector for recvmmsg.
   *
   * @internal
   */
  receive(): Uint8Array<ArrayBuffer> {
    this.#checkBuffers();
    this.#count = 0;
    for (let i = 0; i < this.capacity; i++) {
      this.#headers[i * HEADER + NAME_LENGTH] = NAME;
      this.#iovs[i * IOV + IOV_LENGTH] = this.size;
    }
    return this.#headerBytes;
  }

  /**
   * Sets the number of datagrams that recvmmsg has received.
   *
   * @internal
   */
  received(count: number): void {
    this.#count = count;
  }

  /**
   * Returns a part of the vector for sendmmsg, with the lengths of the received datagrams.
   *
   * @internal
   */
  send(start: number, end: number): Uint8Array<ArrayBuffer> {
    for (let i = start; i < end; i++) {
      this.#iovs[i * IOV + IOV_LENGTH] = this.#length(i);
    }
    this.#checkBuffers();
    return this.#headerBytes.subarray(start * mmsghdr.size);
  }

  /** The system would access the memory of a buffer that was transferred to another thread. */
  #checkBuffers(): void {
    if (this.#data.buffer.detached) throw new TypeError("recvmmsg: the buffer was transferred");
  }
}

/**
 * `recvmmsg(2)`: receives up to a batch of datagrams, those that have arrived.
 *
 * Source: recvmmsg(2). See {@linkcode MessageBatch} for an example.
 *
 * @param socket The datagram socket.
 * @param batch The batch to fill.
 * @param flags Flags. Default 0.
 * @returns The number of datagrams; `-EAGAIN` if none has arrived.
 * @throws {PosixError} The errors of {@linkcode recv}.
 *
 * @category Messages
 */
export function recvmmsg(socket: Descriptor, batch: MessageBatch, flags?: number): number {
  const vector = batch.receive();
  const sys = libc();
  const count = sys.recvmmsg(socket.fd, vector, batch.capacity, flags ?? 0, null);
  if (count === -1) return wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "recvmmsg");
  batch.received(count);
  return count;
}

/**
 * `sendmmsg(2)`: sends the datagrams of a batch: received ones to their senders, added ones to their addresses.
 *
 * Source: sendmmsg(2). See {@linkcode receiveBatches} for an example.
 *
 * @param socket The datagram socket.
 * @param batch The batch.
 * @param start The index of the first datagram to send.
 * @param end The index behind the last datagram to send.
 * @returns The number of datagrams sent, which is less than all if one fails; `-EAGAIN` if there is no room for
 * the first.
 * @throws {PosixError} If the first fails: the errors of {@linkcode sendto}.
 * @throws {RangeError} If `start` to `end` is not within the batch.
 *
 * @category Messages
 */
export function sendmmsg(
  socket: Descriptor,
  batch: MessageBatch,
  start: number,
  end: number,
): number {
  // Otherwise the system would read memory outside the batch as messages.
  if (!isWithin(end, 0, batch.count) || !isWithin(start, 0, end)) {
    throw new RangeError(`sendmmsg: ${start} to ${end} is not in a batch of ${batch.count}`);
  }
  const vector = batch.send(start, end);
  const sys = libc();
  const count = sys.sendmmsg(socket.fd, vector, end - start, 0);
  return count === -1 ? wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "sendmmsg") : count;
}

/**
 * `sendmmsg(2)`, until all datagrams of a batch are sent.
 *
 * If the socket has no room, it waits. A datagram that fails does not affect the others.
 *
 * Source: sendmmsg(2), poll(2).
 *
 * @param socket The UDP socket. With a Unix-domain socket that is not connected, the wait for a peer whose queue is
 * full uses processor time.
 * @param batch The batch, which must not change until the promise resolves.
 * @param onError Called with the error of each datagram that fails: the errors of {@linkcode sendto}. Default:
 * `logError` of the main module.
 * @throws {PosixError} `EBADF` if the socket is closed.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   AF_INET, bind, getsockname, MessageBatch, recvmmsg, sendAll, SOCK_DGRAM, socket,
 * } from "@deno-sockets/samples/posix";
 *
 * using receiver = socket(AF_INET, SOCK_DGRAM);
 * bind(receiver, { transport: "udp", hostname: "127.0.0.1", port: 0 });
 * using sender = socket(AF_INET, SOCK_DGRAM);
 *
 * const batch = new MessageBatch(64, 80);
 * for (const byte of [1, 2, 3]) batch.push(new Uint8Array([byte]), getsockname(receiver));
 * await sendAll(sender, batch);
 * assertEquals(recvmmsg(receiver, batch), 3);
 * ```
 *
 * @category Messages
 */
export async function sendAll(
  socket: Descriptor,
  batch: MessageBatch,
  onError?: (error: Error) => void,
): Promise<void> {
  onError ??= logError;
  for (let sent = 0; sent < batch.count;) {
    try {
      const more = sendmmsg(socket, batch, sent, batch.count);
      if (more === -EAGAIN) await poll([{ descriptor: socket, events: POLLOUT }]);
      else sent += more;
    } catch (error) {
      if (!isPosixError(error) || error.code === "EBADF") throw error;
      report(onError, error);
      sent++;
    }
  }
}
