/**
 * Reads and writes that handle short counts, after CS:APP's RIO package.
 *
 * One `read` from a stream may return fewer bytes than requested, and one `write` may send fewer bytes than
 * given. A program that ignores the count may work on loopback but fail on a network.
 *
 * @module
 */

/**
 * A source of bytes: a `Deno.Conn`, a `Deno.FsFile`, `Deno.stdin`.
 *
 * @category Streams
 */
export interface Reader {
  /**
   * `read(2)`: reads up to `p.length` bytes into `p`.
   *
   * @param p The buffer to fill.
   * @returns The number of bytes read, which may be less than `p.length`; `null` at EOF.
   */
  read(p: Uint8Array): Promise<number | null>;
}

/**
 * A target of bytes: a `Deno.Conn`, a `Deno.FsFile`, `Deno.stdout`.
 *
 * @category Streams
 */
export interface Writer {
  /**
   * `write(2)`: writes up to `p.length` bytes from `p`.
   *
   * @param p The bytes to write.
   * @returns The number of bytes written, which may be less than `p.length`.
   */
  write(p: Uint8Array): Promise<number>;
}

/** The number of consecutive reads or writes of 0 bytes after which a stream is considered broken. */
const MAX_EMPTY = 100;

const encoder = new TextEncoder();

/**
 * Reads at least one byte; returns `null` at EOF. A count of 0 is not EOF: the read is retried.
 *
 * @throws {RangeError} If the source returns an invalid count.
 * @throws {Error} If the source returns 0 bytes 100 times in a row.
 */
export async function readSome(source: Reader, p: Uint8Array): Promise<number | null> {
  for (let empty = 0; empty < MAX_EMPTY; empty++) {
    const count = await source.read(p);
    if (count !== null && !(count >= 0 && count <= p.length)) {
      throw new RangeError(`read: the source returned ${count} for ${p.length} bytes`);
    }
    if (count !== 0) return count;
  }
  throw new Error(`read: the source returned 0 bytes ${MAX_EMPTY} times in a row`);
}

/**
 * `rio_readn`: reads until `p` is full.
 *
 * Source: CS:APP lecture, `rio_readn`; UNP, `readn`.
 *
 * @param source The stream to read from.
 * @param p The buffer to fill.
 * @returns The number of bytes read: `p.length`, or fewer if the stream ended first; `null` at EOF.
 * For an empty `p` it is 0.
 * @throws Any error thrown by `source.read`. The bytes read before that are at the start of `p`.
 * @throws {Error} If the source returns 0 bytes 100 times in a row.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openListener, readN } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await client.write(new Uint8Array([1, 2, 3, 4, 5]));
 * await client.closeWrite();
 *
 * const header = new Uint8Array(4);
 * assertEquals(await readN(conn, header), 4);
 * assertEquals(await readN(conn, header), 1); // the stream ended after one more byte
 * assertEquals(await readN(conn, header), null);
 * ```
 *
 * @category Streams
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
 * `rio_writen`: writes all of `p`, and retries after short writes.
 *
 * Concurrent calls on one target are serialized: the bytes of each call stay together, in the order of the
 * calls, even if they are not awaited.
 *
 * Source: CS:APP lecture, `rio_writen`; UNP, `writen`.
 *
 * @param target The stream to write to.
 * @param p The bytes to write. They must not change until the promise resolves.
 * @throws Any error thrown by `target.write`: usually `Deno.errors.BrokenPipe` or
 * `Deno.errors.ConnectionReset` if the peer has closed the connection.
 * @throws {Error} If the target writes 0 bytes 100 times in a row.
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
 *
 * @category Streams
 */
export async function writeN(target: Writer, p: Uint8Array): Promise<void> {
  const before = lastWrites.get(target);
  const { promise: done, resolve } = Promise.withResolvers<void>();
  lastWrites.set(target, done);
  try {
    if (before !== undefined) await before;
    await writeAll(target, p);
  } finally {
    resolve();
    if (lastWrites.get(target) === done) lastWrites.delete(target);
  }
}

/** The last pending `writeN` of each target. The next call waits for it. */
const lastWrites = new WeakMap<Writer, Promise<void>>();

async function writeAll(target: Writer, p: Uint8Array): Promise<void> {
  let empty = 0;
  for (let written = 0; written < p.length;) {
    const count = await target.write(p.subarray(written));
    if (!(count >= 0 && count <= p.length - written)) {
      throw new RangeError(`write: the target returned ${count} for ${p.length - written} bytes`);
    }
    written += count;
    empty = count === 0 ? empty + 1 : 0;
    if (empty === MAX_EMPTY) {
      throw new Error(`write: the target wrote 0 bytes ${MAX_EMPTY} times in a row`);
    }
  }
}

/**
 * `fputs(3)`: writes a string in UTF-8, as {@linkcode writeN} writes bytes.
 *
 * Source: fputs(3).
 *
 * @param target The stream to write to.
 * @param text The string. No newline is added.
 * @throws Any error thrown by {@linkcode writeN}.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BufferedReader, openListener, writeText } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await writeText(client, "hello\nworld\n");
 * await client.closeWrite();
 *
 * assertEquals(await Array.fromAsync(new BufferedReader(conn).lines()), ["hello", "world"]);
 * ```
 *
 * @category Streams
 */
export async function writeText(target: Writer, text: string): Promise<void> {
  await writeN(target, encoder.encode(text));
}

/**
 * `read(2)` and `write(2)` in a loop: copies a stream until EOF.
 *
 * It reads again only after all bytes read have been written, so a slow target applies backpressure to the
 * source. It uses one buffer of 64 KiB.
 *
 * Source: CS:APP lecture, Unix I/O.
 *
 * @param source The stream to read from.
 * @param target The stream to write to.
 * @returns The number of bytes copied.
 * @throws Any error thrown by `source.read` and `target.write`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { copy, openListener, writeText } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await writeText(client, "hello");
 * await client.closeWrite();
 * assertEquals(await copy(conn, conn), 5); // an echo
 * ```
 *
 * @category Streams
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
