/**
 * A buffered reader of lines and counted bytes, after CS:APP's RIO package.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { memchr } from "./_memchr.ts";
import { chomp } from "./chomp.ts";
import { type Reader, readSome } from "./read_write.ts";

/**
 * CS:APP's `MAXLINE`: the default limit of a line, in bytes, 8192. In C it is the size of a buffer that
 * ends with a NUL, so `rio_readlineb` and `fgets` return at most `MAXLINE - 1` bytes.
 *
 * @category Streams
 */
export const MAXLINE = 8192;

const NEWLINE = 0x0a;

/** The maximum size of a read, as a multiple of the reader's size. */
const GROWTH = 8;

// A byte order mark is part of the text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * `rio_t` with `rio_readlineb`, `rio_readnb` and `rio_read`: reads a stream through a buffer, so that reading
 * a line does not require a system call per byte.
 *
 * All methods may be mixed on one stream, if they use the same reader and each call is awaited before the
 * next. Errors lose no data: if the source throws, the bytes read before that stay in the buffer for the next
 * call.
 *
 * Source: CS:APP lecture, the RIO package.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BufferedReader, openListener, writeText } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await writeText(client, "PUT 3\nabcbye");
 * await client.closeWrite();
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
 *
 * @category Streams
 */
export class BufferedReader implements Reader {
  readonly #source: Reader;
  readonly #size: number;
  #readSize: number; // of the next buffer
  #buffer: DataView<ArrayBuffer>;
  // The unread bytes are #buffer from #start to #end.
  #start = 0;
  #end = 0;
  #sourceEnded = false;

  /**
   * `rio_readinitb`: creates a reader with an empty buffer.
   *
   * @param source The stream to read from.
   * @param size The size of a read from the source, in bytes, at least 1. Default {@linkcode MAXLINE}.
   * While reads are full, they grow up to eight times this size, which saves system calls.
   * @throws {RangeError} If `size` is not a positive integer.
   */
  constructor(source: Reader, size?: number) {
    size ??= MAXLINE;
    checkPositive("BufferedReader", size);
    this.#source = source;
    this.#size = size;
    this.#readSize = size;
    this.#buffer = new DataView(new ArrayBuffer(size));
  }

  /**
   * `rio_read`: reads up to `p.length` bytes, buffered bytes first.
   *
   * @param p The buffer to fill.
   * @returns The number of bytes read, which may be less than `p.length`; `null` at EOF.
   * @throws Any error thrown by the source.
   */
  async read(p: Uint8Array): Promise<number | null> {
    if (p.length === 0) return 0;
    if (this.#start === this.#end) {
      // A read as large as the buffer bypasses it.
      if (p.length >= this.#size) return await this.#readSource(p);
      if (!await this.#fill()) return null;
    }
    const taken = this.#take(Math.min(this.#end - this.#start, p.length));
    p.set(taken);
    return taken.length;
  }

  /**
   * `rio_readnb`: reads until `p` is full, as {@linkcode readN} does.
   *
   * @param p The buffer to fill.
   * @returns The number of bytes read: `p.length`, or fewer if the stream ended first; `null` at EOF.
   * For an empty `p` it is 0.
   * @throws Any error thrown by the source. The next call returns the bytes read before that.
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
   * `rio_readlineb`: reads a line, newline included.
   *
   * @param max The limit in bytes, newline included. Default {@linkcode MAXLINE}. A longer line is
   * returned in pieces of `max` bytes, of which only the last ends with the newline.
   * @returns The bytes, owned by the caller. Without a newline at the end they are a piece of a longer
   * line, or the unterminated last line of the stream. `null` at EOF.
   * @throws Any error thrown by the source. The next call returns the bytes read before that.
   * @throws {RangeError} If `max` is not a positive integer.
   */
  readLine(max?: number): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.readUntil(NEWLINE, max ?? MAXLINE);
  }

  /**
   * `rio_readlineb` without `read(2)`: takes a line from the buffer, newline included.
   *
   * Finding a line in the buffer costs less than a promise. A program that reads many lines calls this
   * method first, and awaits {@linkcode BufferedReader.readLine} only if it returns `undefined`.
   *
   * @param max The limit in bytes, newline included. Default {@linkcode MAXLINE}. A longer line is
   * returned in pieces, as by {@linkcode BufferedReader.readLine}.
   * @returns The bytes that `readLine` would return, or `undefined` if `readLine` would have to read from
   * the source first. Only `readLine` returns EOF and an unterminated last line.
   * @throws {RangeError} If `max` is not a positive integer.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { BufferedReader, openListener, writeText } from "@deno-sockets/samples";
   *
   * using listener = await openListener(0);
   * using client = await Deno.connect({ port: listener.addr.port });
   * using conn = await listener.accept();
   * await writeText(client, "one\ntwo\nthree");
   * await client.closeWrite();
   *
   * const reader = new BufferedReader(conn);
   * const lengths = [];
   * for (;;) {
   *   const line = reader.tryReadLine() ?? await reader.readLine();
   *   if (line === null) break;
   *   lengths.push(line.length);
   * }
   * assertEquals(lengths, [4, 4, 5]);
   * ```
   */
  tryReadLine(max?: number): Uint8Array<ArrayBuffer> | undefined {
    max ??= MAXLINE;
    checkPositive("tryReadLine", max);
    return this.#takeUntil(NEWLINE, max);
  }

  /**
   * Iterates over the lines of a text, without their line endings (LF or CRLF).
   *
   * @param max The limit of a line in bytes, newline included. Default {@linkcode MAXLINE}.
   * @returns The lines, decoded as UTF-8; bytes that are not UTF-8 become U+FFFD. An unterminated
   * last line is included. The iterator ends at EOF.
   * @throws Any error thrown by the source.
   * @throws {RangeError} If a line is longer than `max`, or `max` is not a positive integer.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { BufferedReader, openListener, writeText } from "@deno-sockets/samples";
   *
   * using listener = await openListener(0);
   * using client = await Deno.connect({ port: listener.addr.port });
   * using conn = await listener.accept();
   * await writeText(client, "one\r\ntwo\nthree");
   * await client.closeWrite();
   *
   * const lines = [];
   * for await (const line of new BufferedReader(conn).lines()) lines.push(line);
   * assertEquals(lines, ["one", "two", "three"]);
   * ```
   */
  async *lines(max?: number): AsyncGenerator<string, void, void> {
    const limit = max ?? MAXLINE;
    for (;;) {
      const line = this.tryReadLine(limit) ?? await this.readLine(limit);
      if (line === null) return;
      if (line.length === limit && line.at(-1) !== NEWLINE) {
        this.unread(line); // before the look-ahead, which may throw
        if (this.#end - this.#start > limit || await this.#fill()) {
          throw new RangeError(`readline: the line exceeds ${limit} bytes`);
        }
        this.#take(limit);
      }
      yield decoder.decode(chomp(line));
    }
  }

  /**
   * `getdelim(3)`: reads up to a delimiter, delimiter included, as
   * {@linkcode BufferedReader.readLine} reads up to a newline.
   *
   * @param delimiter The byte that ends the read, from 0 to 255.
   * @param max The limit in bytes, delimiter included.
   * @returns The bytes, owned by the caller. Without the delimiter at the end they are `max` bytes, or the
   * last bytes of the stream. `null` at EOF.
   * @throws Any error thrown by the source. The next call returns the bytes read before that.
   * @throws {RangeError} If `max` is not a positive integer.
   */
  async readUntil(delimiter: number, max: number): Promise<Uint8Array<ArrayBuffer> | null> {
    checkPositive("readUntil", max);
    for (let held = 0;;) { // the number of bytes already searched
      const taken = this.#takeUntil(delimiter, max, held);
      if (taken !== undefined) return taken;
      held = this.#end - this.#start;
      if (!await this.#fill()) return held === 0 ? null : this.#take(held);
    }
  }

  /**
   * `ungetc(3)`: puts bytes back in front of the unread bytes, so that the next call reads them again.
   *
   * @param bytes The bytes to read next.
   */
  unread(bytes: Uint8Array): void {
    const held = concat([bytes, this.#held()]);
    this.#buffer = new DataView(held.buffer);
    this.#start = 0;
    this.#end = held.length;
  }

  /**
   * `feof(3)`: reports whether the stream has ended and every byte has been read. Unlike C's, it reads
   * ahead: it waits for a byte or EOF.
   *
   * @returns Whether the next read returns EOF.
   * @throws Any error thrown by the source.
   */
  async atEnd(): Promise<boolean> {
    return this.#start === this.#end && !await this.#fill();
  }

  /** Returns the unread bytes. */
  #held(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.buffer, this.#start, this.#end - this.#start);
  }

  /** Takes the next `count` unread bytes. */
  #take(count: number): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(this.#buffer.buffer, this.#start, count);
    this.#start += count;
    return taken;
  }

  /**
   * Takes the bytes up to a delimiter, delimiter included, or `max` bytes; returns `undefined` if more must
   * be read first. The first `searched` bytes contain no delimiter.
   */
  #takeUntil(delimiter: number, max: number, searched = 0): Uint8Array<ArrayBuffer> | undefined {
    const end = Math.min(this.#end, this.#start + max);
    const found = memchr(this.#buffer, delimiter, this.#start + searched, end);
    if (found < end) return this.#take(found + 1 - this.#start);
    return end - this.#start === max ? this.#take(max) : undefined;
  }

  /** Reads once from the source, and appends to the unread bytes; returns false at EOF. */
  async #fill(): Promise<boolean> {
    // Returned lines are views of this buffer, so no byte of it is overwritten: when little of it is left,
    // the unread bytes move to a new buffer.
    if (this.#buffer.byteLength - this.#end < this.#size / 2) {
      const held = this.#held();
      const buffer = new Uint8Array(Math.max(this.#readSize, 2 * held.length));
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
    this.#readSize = isFull ? Math.min(2 * this.#readSize, GROWTH * this.#size) : this.#size;
    return true;
  }

  /** Reads from the source, but does not read it again after EOF. */
  async #readSource(p: Uint8Array): Promise<number | null> {
    if (this.#sourceEnded) return null;
    const count = await readSome(this.#source, p);
    this.#sourceEnded = count === null;
    return count;
  }
}

function checkPositive(call: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`${call}: ${value} is not a positive number of bytes`);
  }
}
