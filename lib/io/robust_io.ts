/**
 * Robust input and output, after CS:APP's RIO package: reads and writes that deal with short counts,
 * and a buffered reader of lines.
 *
 * A stream socket keeps no message boundaries: one `read` may return less than was asked for, and
 * one `write` may send less than it was given. Whoever ignores the count that a call returns has a
 * program that works on loopback and fails on a network.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";

/** What can be read from, as a `Deno.Conn`, a `Deno.FsFile` and `Deno.stdin` can. */
export interface Reader {
  /**
   * `read(2)`: reads up to `p.length` bytes into `p`.
   *
   * @param p Where the bytes go.
   * @returns How many came, perhaps fewer than asked for; `null` at the end of the stream.
   */
  read(p: Uint8Array): Promise<number | null>;
}

/** What can be written to, as a `Deno.Conn`, a `Deno.FsFile` and `Deno.stdout` can. */
export interface Writer {
  /**
   * `write(2)`: writes up to `p.length` bytes from `p`.
   *
   * @param p The bytes.
   * @returns How many were written, perhaps fewer than were given.
   */
  write(p: Uint8Array): Promise<number>;
}

/**
 * CS:APP's `MAXLINE`: the longest line that a line reader returns in one piece by default, in
 * bytes. In C it is the size of a buffer with a NUL at its end, so `rio_readlineb` and `fgets`
 * return at most `MAXLINE - 1` bytes.
 */
export const MAXLINE = 8192;

const NEWLINE = 0x0a;

/** How many times its size a buffered reader asks for while its source has more than that to give. */
const GROWTH = 8;

/** How often a source may return nothing at all before it counts as broken. */
const MAX_EMPTY = 100;

/** One read that returns at least a byte, or `null`: a count of 0 is no end of stream, only no news. */
async function readSome(source: Reader, p: Uint8Array): Promise<number | null> {
  for (let empty = 0; empty < MAX_EMPTY; empty++) {
    const count = await source.read(p);
    if (count !== null && !(count >= 0 && count <= p.length)) {
      throw new RangeError(`read: the source returned ${count} for ${p.length} bytes`);
    }
    if (count !== 0) return count;
  }
  throw new Error(`read: the source returned no bytes ${MAX_EMPTY} times in a row`);
}

/**
 * `rio_readn`: reads until `p` is full.
 *
 * @param source What to read from.
 * @param p Where the bytes go.
 * @returns How many bytes came: `p.length`, or fewer if the stream ended first; `null` if it had
 * ended already (0 only for an empty `p`).
 * @throws What `source.read` throws; what had come before then stands at the start of `p`.
 * @throws {Error} If the source returns 0 again and again.
 *
 * Source: CS:APP lecture, `rio_readn`; UNP, `readn`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { readN } from "@deno-sockets/samples";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * using conn = await listener.accept();
 * await client.write(new Uint8Array([1, 2, 3, 4, 5]));
 * client.closeWrite();
 *
 * const header = new Uint8Array(4);
 * assertEquals(await readN(conn, header), 4);
 * assertEquals(await readN(conn, header), 1); // the stream ended after one byte more
 * assertEquals(await readN(conn, header), null);
 * ```
 */
export async function readN(source: Reader, p: Uint8Array): Promise<number | null> {
  let filled = 0;
  while (filled < p.length) {
    const count = await readSome(source, p.subarray(filled));
    if (count === null) return filled === 0 ? null : filled;
    filled += count;
  }
  return filled;
}

/**
 * `rio_writen`: writes all of `p`, however many calls that takes.
 *
 * Calls on one target take turns: the bytes of each are written together, in the order of the calls, even if
 * they are not awaited.
 *
 * @param target What to write to.
 * @param p The bytes, which must not change until they are written.
 * @returns Nothing: there is no short count to look at.
 * @throws What `target.write` throws, `Deno.errors.BrokenPipe` or `Deno.errors.ConnectionReset` as a
 * rule if the peer has gone.
 * @throws {Error} If the target takes no bytes again and again.
 *
 * Source: CS:APP lecture, `rio_writen`; UNP, `writen`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { writeN } from "@deno-sockets/samples";
 *
 * let sent = "";
 * const oneByteAtATime = {
 *   write(p: Uint8Array) {
 *     sent += String.fromCharCode(p[0] ?? 0);
 *     return Promise.resolve(1);
 *   },
 * };
 * await writeN(oneByteAtATime, new TextEncoder().encode("hello"));
 * assertEquals(sent, "hello");
 * ```
 */
export async function writeN(target: Writer, p: Uint8Array): Promise<void> {
  const before = writing.get(target);
  const { promise: done, resolve } = Promise.withResolvers<void>();
  writing.set(target, done);
  try {
    if (before !== undefined) await before;
    await writeAll(target, p);
  } finally {
    resolve();
    if (writing.get(target) === done) writing.delete(target);
  }
}

/** The end of the last `writeN` of each target that has one under way. */
const writing = new WeakMap<Writer, Promise<void>>();

async function writeAll(target: Writer, p: Uint8Array): Promise<void> {
  let empty = 0;
  for (let written = 0; written < p.length;) {
    const count = await target.write(p.subarray(written));
    if (!(count >= 0 && count <= p.length - written)) {
      throw new RangeError(`write: the target returned ${count} for ${p.length - written} bytes`);
    }
    written += count;
    empty = count === 0 ? empty + 1 : 0;
    if (empty === MAX_EMPTY) throw new Error(`write: the target took no bytes ${MAX_EMPTY} times`);
  }
}

/**
 * Copies a stream to its end.
 *
 * It reads on only when all that it read has been written, so a slow target slows the source down, and
 * the memory it takes is one buffer.
 *
 * @param source What to read from.
 * @param target What to write to.
 * @returns How many bytes there were.
 * @throws What `source.read` and `target.write` throw.
 *
 * Source: CS:APP lecture, Unix I/O.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { copy } from "@deno-sockets/samples";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * using conn = await listener.accept();
 * await client.write(new TextEncoder().encode("hello"));
 * client.closeWrite();
 * assertEquals(await copy(conn, conn), 5); // an echo
 * ```
 */
export async function copy(source: Reader, target: Writer): Promise<number> {
  const buffer = new Uint8Array(65536);
  for (let copied = 0;;) {
    const count = await source.read(buffer);
    if (count === null) return copied;
    await writeN(target, buffer.subarray(0, count));
    copied += count;
  }
}

/**
 * `rio_t` with `rio_readlineb`, `rio_readnb` and `rio_read`: reads from a source through a buffer of
 * its own, so that a line need not cost a system call a byte.
 *
 * Lines, counted bytes and plain reads may follow one another on one connection in any order, as
 * long as all go through the same reader and each waits for the one before. No error loses data:
 * if the source throws, what had come stays in the buffer for the next call.
 *
 * Source: CS:APP lecture, the RIO package.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BufferedReader } from "@deno-sockets/samples";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * using conn = await listener.accept();
 * await client.write(new TextEncoder().encode("PUT 3\nabcbye"));
 * client.closeWrite();
 *
 * const reader = new BufferedReader(conn);
 * const text = (bytes: Uint8Array | null) => bytes && new TextDecoder().decode(bytes);
 * assertEquals(text(await reader.readLine()), "PUT 3\n");
 * const body = new Uint8Array(3);
 * assertEquals(await reader.readN(body), 3);
 * assertEquals(text(body), "abc");
 * assertEquals(text(await reader.readLine()), "bye"); // no newline: the stream ended
 * assertEquals(await reader.readLine(), null);
 * ```
 */
export class BufferedReader implements Reader {
  readonly #source: Reader;
  readonly #size: number;
  #asks: number; // for so many bytes when it next has a new buffer
  #buffer: DataView<ArrayBuffer>;
  // What has come and has not been taken yet: #buffer from #start up to #end.
  #start = 0;
  #end = 0;
  #sourceEnded = false;

  /**
   * `rio_readinitb`: a reader with an empty buffer.
   *
   * @param source What to read from.
   * @param size How many bytes to ask the source for at once, at least 1. While that many come each
   * time, it asks for up to eight times as many, which makes fewer system calls.
   * @throws {RangeError} If `size` is no positive integer.
   */
  constructor(source: Reader, size: number = MAXLINE) {
    checkPositive("BufferedReader", size);
    this.#source = source;
    this.#size = size;
    this.#asks = size;
    this.#buffer = new DataView(new ArrayBuffer(size));
  }

  /**
   * `rio_read`: reads up to `p.length` bytes, those in the buffer first.
   *
   * @param p Where the bytes go.
   * @returns How many came, perhaps fewer than asked for; `null` at the end of the stream.
   * @throws What the source throws.
   */
  async read(p: Uint8Array): Promise<number | null> {
    if (p.length === 0) return 0;
    if (this.#start === this.#end) {
      // A read as large as the buffer need not go through it.
      if (p.length >= this.#size) return await this.#readSource(p);
      if (!await this.#fill()) return null;
    }
    const taken = this.#take(Math.min(this.#end - this.#start, p.length));
    p.set(taken);
    return taken.length;
  }

  /**
   * `rio_readnb`: reads until `p` is full, as {@linkcode readN} does without a buffer.
   *
   * @param p Where the bytes go.
   * @returns How many bytes came: `p.length`, or fewer if the stream ended first; `null` if it had
   * ended already (0 only for an empty `p`).
   * @throws What the source throws; what had come before then is read again by the next call.
   */
  async readN(p: Uint8Array): Promise<number | null> {
    if (p.length <= this.#end - this.#start) {
      p.set(this.#take(p.length));
      return p.length;
    }
    let filled = 0;
    try {
      while (filled < p.length) {
        const count = await this.read(p.subarray(filled));
        if (count === null) return filled === 0 ? null : filled;
        filled += count;
      }
      return filled;
    } catch (error) {
      this.unread(p.subarray(0, filled));
      throw error;
    }
  }

  /**
   * `rio_readlineb`: reads a line, with its newline.
   *
   * @param max The longest line to return, in bytes and with its newline. A longer one comes in
   * pieces of `max` bytes, of which only the last has the newline: memory stays bounded and nothing
   * is lost.
   * @returns The line's bytes, the caller's to keep: the reader does not touch them again. Without a
   * newline at the end it is a piece of `max` bytes of a longer line, or else the last line of a
   * stream that ended without one. `null` at the end of the stream.
   * @throws What the source throws; what had come before then is read again by the next call.
   * @throws {RangeError} If `max` is no positive integer.
   */
  readLine(max: number = MAXLINE): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.readUntil(NEWLINE, max);
  }

  /**
   * `rio_readlineb` as far as it needs no `read(2)`: takes a line, with its newline, that has come
   * already.
   *
   * To wait for a promise costs more than to find a line in the buffer. Whoever reads many lines takes
   * those that are there, and waits for {@linkcode BufferedReader.readLine} only where there is none.
   *
   * @param max The longest line to return, in bytes and with its newline. A longer one comes in
   * pieces, as {@linkcode BufferedReader.readLine} gives them.
   * @returns The bytes that `readLine` would return, the caller's to keep; `undefined` if it would have
   * to read from the source first. The end of the stream, and a last line without a newline, are left
   * to `readLine`.
   * @throws {RangeError} If `max` is no positive integer.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { BufferedReader } from "@deno-sockets/samples";
   *
   * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
   * using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
   * using conn = await listener.accept();
   * await client.write(new TextEncoder().encode("one\ntwo\nthree"));
   * client.closeWrite();
   *
   * const reader = new BufferedReader(conn);
   * const lengths = [];
   * for (;;) {
   *   const line = reader.takeLine() ?? await reader.readLine();
   *   if (line === null) break;
   *   lengths.push(line.length);
   * }
   * assertEquals(lengths, [4, 4, 5]);
   * ```
   */
  takeLine(max: number = MAXLINE): Uint8Array<ArrayBuffer> | undefined {
    checkPositive("takeLine", max);
    return this.#takeUntil(NEWLINE, max);
  }

  /**
   * `getdelim(3)`: reads up to a delimiter and with it, as {@linkcode BufferedReader.readLine} does up
   * to a newline.
   *
   * @param delimiter The byte to look for, from 0 to 255.
   * @param max The most bytes to return, the delimiter among them.
   * @returns The bytes, the caller's to keep. Without the delimiter at the end they are a piece of `max`
   * bytes, or else the last of the stream. `null` at the end of the stream.
   * @throws What the source throws; what had come before then is read again by the next call.
   * @throws {RangeError} If `max` is no positive integer.
   */
  async readUntil(delimiter: number, max: number): Promise<Uint8Array<ArrayBuffer> | null> {
    checkPositive("readUntil", max);
    for (let held = 0;;) {
      const taken = this.#takeUntil(delimiter, max, held);
      if (taken !== undefined) return taken;
      held = this.#end - this.#start;
      if (!await this.#fill()) return held === 0 ? null : this.#take(held);
    }
  }

  /**
   * `ungetc(3)`: puts bytes back, in front of what there is, so that the next call reads them again.
   *
   * @param bytes What to read next.
   */
  unread(bytes: Uint8Array): void {
    const held = concat([bytes, this.#held()]);
    this.#buffer = new DataView(held.buffer);
    this.#start = 0;
    this.#end = held.length;
  }

  /**
   * `feof(3)`, but it looks ahead: whether the stream has ended and everything has been read.
   *
   * @returns False as soon as there is a byte to read; it may wait for one.
   * @throws What the source throws.
   */
  async atEnd(): Promise<boolean> {
    return this.#start === this.#end && !await this.#fill();
  }

  /** The bytes that have come and have not been taken. */
  #held(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.buffer, this.#start, this.#end - this.#start);
  }

  /** Takes `count` of the bytes that have come. */
  #take(count: number): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(this.#buffer.buffer, this.#start, count);
    this.#start += count;
    return taken;
  }

  /**
   * Takes the bytes up to a delimiter and with it, or `max` of them; `undefined` if more must come
   * first. Among the first `searched` there is no delimiter.
   */
  #takeUntil(delimiter: number, max: number, searched = 0): Uint8Array<ArrayBuffer> | undefined {
    const end = Math.min(this.#end, this.#start + max);
    const found = memchr(this.#buffer, delimiter, this.#start + searched, end);
    if (found < end) return this.#take(found + 1 - this.#start);
    return end - this.#start === max ? this.#take(max) : undefined;
  }

  /** Reads once from the source behind what is there already; false at the end of the stream. */
  async #fill(): Promise<boolean> {
    // The lines that were returned are parts of this buffer, so no byte of it is written twice: when
    // it is half full, a new one takes over, with what has not been taken.
    if (this.#buffer.byteLength - this.#end < this.#size / 2) {
      const held = this.#held();
      const buffer = new Uint8Array(Math.max(this.#asks, 2 * held.length));
      buffer.set(held);
      this.#buffer = new DataView(buffer.buffer);
      this.#start = 0;
      this.#end = held.length;
    }
    const target = new Uint8Array(this.#buffer.buffer, this.#end);
    const count = await this.#readSource(target);
    if (count === null) return false;
    this.#end += count;
    const isFull = count === target.length;
    this.#asks = isFull ? Math.min(2 * this.#asks, GROWTH * this.#size) : this.#size;
    return true;
  }

  /** Reads from the source; once that has ended, it is not asked again. */
  async #readSource(p: Uint8Array): Promise<number | null> {
    if (this.#sourceEnded) return null;
    const count = await readSome(this.#source, p);
    this.#sourceEnded = count === null;
    return count;
  }
}

/**
 * `memchr(3)`: where a byte comes first from `start` up to `end`; `end` if it does not.
 *
 * `Uint8Array.indexOf` is fast in long lines, but in short ones the call costs more than the search.
 */
function memchr(bytes: DataView, byte: number, start: number, end: number): number {
  // Eight bytes at a time, as C libraries do it: XOR makes 0 of the byte that is looked for.
  const pattern = byte * 0x01010101;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    if (hasZeroByte(bytes.getInt32(i) ^ pattern)) break;
    if (hasZeroByte(bytes.getInt32(i + 4) ^ pattern)) break;
  }
  while (i < end && bytes.getUint8(i) !== byte) i++;
  return i;
}

/** Whether one of a word's four bytes is 0: that one borrows when 1 is taken from each. */
function hasZeroByte(word: number): boolean {
  return ((word - 0x01010101) & ~word & 0x80808080) !== 0;
}

function checkPositive(call: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`${call}: ${value} is not a positive number of bytes`);
  }
}
