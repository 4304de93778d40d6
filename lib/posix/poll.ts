/**
 * Waits for several descriptors: `poll(2)` and `select(2)`.
 *
 * Both wait in a thread of Deno's pool, so that timers, signals and promises of the program continue, even
 * while a descriptor is always ready. The pool has few threads, and file operations use them too: a program
 * should have one such wait at a time.
 *
 * @module
 */

import { numbers } from "./_errno_names.ts";
import { layout, LITTLE_ENDIAN } from "./_layout.ts";
import { MAX_BUSY, nextTurn } from "../io/_next_turn.ts";
import type { Descriptor } from "./descriptor.ts";
import { errnoError } from "./errno.ts";
import { errno, errnoAddress, errnoCell, libc } from "./libc.ts";

const { fd_set, pollfd, timeval } = layout;

/**
 * An entry of {@linkcode poll}: `struct pollfd`.
 *
 * @category Multiplexing
 */
export interface PollEntry {
  /** The descriptor to wait for. */
  readonly descriptor: Descriptor;
  /** The events to wait for, such as `POLLIN | POLLOUT`. */
  events: number;
  /** The events that have occurred, set by `poll`. They may include `POLLERR`, `POLLHUP` and `POLLNVAL`. */
  revents?: number;
}

/**
 * `poll(2)`: waits until one of several descriptors is ready. Closing one of them does not end the wait.
 *
 * Source: poll(2).
 *
 * @param entries The descriptors and the events to wait for. The call sets `revents` of each.
 * @param timeout The maximum wait, in ms; 0 to return immediately. Default: without a time limit.
 * @returns The number of entries with events; 0 after the timeout.
 * @throws {PosixError} `EBADF` if a descriptor is closed; `EINVAL` if there are more entries than descriptors
 * that the process may open.
 * @throws {RangeError} If `timeout` is negative.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { poll, POLLIN, send, SOCK_STREAM, socketpair } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * const entry = { descriptor: right, events: POLLIN, revents: 0 };
 * assertEquals(await poll([entry], 10), 0);
 * send(left, new Uint8Array(1));
 * assertEquals(await poll([entry]), 1);
 * assertEquals(entry.revents, POLLIN);
 * ```
 *
 * @category Multiplexing
 */
export async function poll(entries: PollEntry[], timeout?: number): Promise<number> {
  const vector = new Uint8Array(pollfd.size * entries.length);
  const view = new DataView(vector.buffer);
  const now = () => {
    // Each time: another file may have the number of a descriptor that was closed during the wait.
    for (const [index, { descriptor, events }] of entries.entries()) {
      if (descriptor.fd === -1) throw errnoError(numbers.EBADF, "poll"); // C's poll ignores the number -1
      view.setInt32(index * pollfd.size + pollfd.fd, descriptor.fd, LITTLE_ENDIAN);
      view.setInt16(index * pollfd.size + pollfd.events, events, LITTLE_ENDIAN);
    }
    return libc().poll(vector, entries.length, 0);
  };
  const inPool = (left: number) => libc().waitPoll(vector, entries.length, Math.ceil(left));
  const count = await wait("poll", timeout, now, inPool);
  for (const [index, entry] of entries.entries()) {
    entry.revents = view.getInt16(index * pollfd.size + pollfd.revents, LITTLE_ENDIAN);
  }
  return count;
}

/**
 * `fd_set`: a set of descriptors, for {@linkcode select}.
 *
 * Its size is fixed: it holds descriptors with numbers below {@linkcode FD_SETSIZE} only. A set contains numbers: if a
 * descriptor is closed and its number used again, the set contains the other file.
 *
 * Source: select(2).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FdSet, SOCK_STREAM, socketpair } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * const set = new FdSet();
 * set.add(left);
 * assertEquals([set.has(left), set.has(right)], [true, false]);
 * ```
 *
 * @category Multiplexing
 */
export class FdSet {
  /** @internal */
  readonly bytes: Uint8Array<ArrayBuffer>;

  /**
   * `FD_ZERO`: creates a set.
   *
   * @param set The set to copy. Default: an empty set.
   */
  constructor(set?: FdSet) {
    this.bytes = set === undefined ? new Uint8Array(fd_set.size) : set.bytes.slice();
  }

  /**
   * `FD_SET`: adds a descriptor.
   *
   * @param descriptor The descriptor.
   * @throws {RangeError} If its number is at least {@linkcode FD_SETSIZE}. In C, this overwrites other memory.
   * @throws {PosixError} `EBADF` if it is closed.
   */
  add(descriptor: Descriptor): void {
    const { fd } = descriptor;
    if (fd === -1) throw errnoError(numbers.EBADF, "FD_SET");
    if (fd >= FD_SETSIZE) {
      throw new RangeError(`FD_SET: descriptor ${fd} is not below FD_SETSIZE, ${FD_SETSIZE}`);
    }
    this.bytes[fd >> 3] = (this.bytes[fd >> 3] ?? 0) | 1 << (fd & 7);
  }

  /**
   * `FD_CLR`: removes a descriptor.
   *
   * @param descriptor The descriptor. It must be open.
   */
  delete(descriptor: Descriptor): void {
    const { fd } = descriptor;
    if (fd >= 0 && fd < FD_SETSIZE) {
      this.bytes[fd >> 3] = (this.bytes[fd >> 3] ?? 0) & ~(1 << (fd & 7));
    }
  }

  /**
   * `FD_ISSET`: reports whether the set contains a descriptor.
   *
   * @param descriptor The descriptor.
   * @returns Whether it is in the set; false if it is closed.
   */
  has(descriptor: Descriptor): boolean {
    const { fd } = descriptor;
    return fd >= 0 && ((this.bytes[fd >> 3] ?? 0) & 1 << (fd & 7)) !== 0;
  }

  /**
   * One more than the highest number in the set.
   *
   * @internal
   */
  get end(): number {
    const last = this.bytes.findLastIndex((byte) => byte !== 0);
    return last === -1 ? 0 : last * 8 + 32 - Math.clz32(this.bytes[last] ?? 0);
  }
}

/**
 * One more than the highest descriptor number that an {@linkcode FdSet} can hold.
 *
 * @category Constants
 */
export const FD_SETSIZE = 1024;

/**
 * `select(2)`: waits until one of several descriptors is ready.
 *
 * Source: UCM lecture; select(2).
 *
 * @param readable The descriptors to receive from; `null` for none. The call removes those that are not ready.
 * @param writable The descriptors to send to; `null` for none. The call removes those that are not ready.
 * @param exceptional The descriptors to receive urgent data from; `null` for none. The call removes those that
 * are not ready.
 * @param timeout The maximum wait, in ms; 0 to return immediately. Default: without a time limit.
 * @returns The number of descriptors that are ready; 0 after the timeout, with empty sets.
 * @throws {PosixError} `EBADF` if a descriptor in a set was closed.
 * @throws {RangeError} If `timeout` is negative.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FdSet, select, send, SOCK_STREAM, socketpair } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * send(left, new Uint8Array(1));
 * const readable = new FdSet();
 * readable.add(left);
 * readable.add(right);
 * assertEquals(await select(readable, null, null), 1);
 * assertEquals([readable.has(left), readable.has(right)], [false, true]);
 * ```
 *
 * @category Multiplexing
 */
export async function select(
  readable: FdSet | null,
  writable: FdSet | null,
  exceptional: FdSet | null,
  timeout?: number,
): Promise<number> {
  const sets = [readable, writable, exceptional];
  const originals = sets.map((set) => set?.bytes.slice());
  const [reading = null, writing = null, excepting = null] = sets.map((set) => set?.bytes);
  const end = Math.max(...sets.map((set) => set?.end ?? 0));
  // The kernel overwrites the sets and, on Linux, the timeout.
  const restore = () => sets.forEach((set, index) => set?.bytes.set(originals[index] ?? []));
  const now = () => {
    restore();
    return libc().select(end, reading, writing, excepting, new Uint8Array(timeval.size));
  };
  const inPool = (left: number) => {
    restore();
    return libc().waitSelect(end, reading, writing, excepting, encodeTimeval(left));
  };
  return await wait("select", timeout, now, inPool);
}

/** Encodes a time in ms as `struct timeval`. */
function encodeTimeval(ms: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(timeval.size);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(timeval.tv_sec, BigInt(Math.floor(ms / 1000)), LITTLE_ENDIAN);
  view.setBigInt64(timeval.tv_usec, BigInt(Math.floor(ms % 1000 * 1000)), LITTLE_ENDIAN);
  return bytes;
}

/** The maximum timeout of C's `poll`, in ms: 24 days. A longer wait is split. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** When Deno's own loop last ran during a wait. */
let yielded = 0;

/**
 * Waits until a call reports a descriptor that is ready.
 *
 * @param syscall The call, by its name in C.
 * @param timeout The maximum wait, in ms.
 * @param now Calls it without waiting.
 * @param inPool Calls it in the pool, where it may wait for the given time in ms. Its result does not matter.
 * @returns The result of the last `now`.
 */
async function wait(
  syscall: string,
  timeout: number | undefined,
  now: () => number,
  inPool: (left: number) => Promise<number>,
): Promise<number> {
  timeout ??= Infinity;
  if (!(timeout >= 0)) {
    throw new RangeError(`${syscall}: a timeout of ${timeout} ms is not at least 0 ms`);
  }
  const end = performance.now() + timeout;
  if (performance.now() - yielded > MAX_BUSY) {
    await nextTurn();
    yielded = performance.now();
  }
  const sys = libc();
  for (;;) {
    const count = now();
    if (count === -1) {
      const error = errno(sys.saveErrno(errnoCell, errnoAddress, 4));
      if (error === numbers.EINTR) continue; // a signal with a listener, even though the call did not wait
      throw errnoError(error, syscall);
    }
    const left = end - performance.now();
    if (count > 0 || left <= 0) return count;
    await inPool(Math.min(left, MAX_TIMEOUT));
    yielded = performance.now();
  }
}
