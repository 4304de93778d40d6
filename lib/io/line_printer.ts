/**
 * Asynchronous, bounded printing that neither throws nor blocks a server.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { codeOf } from "../errors.ts";
import type { Writer } from "./read_write.ts";
import { printable } from "../printable.ts";

/** The size of the queue at which `print` makes its caller wait, in characters. */
const HIGH_WATER = 1 << 18;

/** The maximum size of the queue, in characters; further lines are dropped. */
const LIMIT = 1 << 20;

/** The maximum time that a caller waits for room, in ms. */
const LONGEST_WAIT = 1000;

/** The pause before a write is retried if a non-blocking output is full (`EAGAIN`), in ms. */
const RETRY_PAUSE = 10;

/**
 * The maximum size of a write, in bytes: `PIPE_BUF` on Linux. Writes to a pipe up to this size are atomic, so
 * lines of several threads do not interleave.
 */
const PIECE = 4096;

const NEWLINE = 0x0a;
const ASCII = /^\p{ASCII}*$/u;
const encoder = new TextEncoder();
const READY = Promise.resolve();

/**
 * `printf(3)` on a buffered stream: prints lines in the background.
 *
 * `console.log` blocks until the line is written: a pipe that is not read stops the whole program, and a full
 * disk makes it throw. A `LinePrinter` queues lines, up to 1 Mi characters. A caller that awaits
 * {@linkcode LinePrinter.print} is slowed down to the speed of the output, but waits a second at most. If the
 * queue is full or a write fails, lines are dropped and counted; the count is reported when a write succeeds
 * again.
 *
 * Source: setvbuf(3); write(2), pipe(7).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LinePrinter } from "@deno-sockets/samples";
 *
 * let printed = "";
 * const printer = new LinePrinter({
 *   write(p) {
 *     printed += new TextDecoder().decode(p);
 *     return Promise.resolve(p.length);
 *   },
 * });
 * printer.print("hello\x1b[2J");
 * await printer.flush(1000);
 * assertEquals(printed, "hello\ufffd[2J\n");
 * ```
 *
 * @category Servers
 */
export class LinePrinter {
  readonly #target: Writer;
  readonly #onDropped: (lines: number) => void;
  #queue: string[] = [];
  #queued = 0; // the size of the lines that are not written yet, in characters
  #dropped = 0;
  #hasPartialLine = false; // whether a failed write has written a part of a line
  #writing: Promise<void> | undefined;
  // Resolved when the queue has room again, or after a second.
  #room: PromiseWithResolvers<void> | undefined;
  // Set after a second without room. While it is set, callers do not wait.
  #isStalled = false;

  /**
   * Creates a printer with an empty queue.
   *
   * @param target The output.
   * @param onDropped Called with the number of dropped lines when a write succeeds again. Default: prints a
   * line with the number.
   */
  constructor(target: Writer, onDropped?: (lines: number) => void) {
    this.#target = target;
    this.#onDropped = onDropped ?? ((lines) => void this.print(`${lines} lines dropped`));
  }

  /**
   * `puts(3)`: prints a line. Never throws.
   *
   * @param line The line, without its newline. It is printed as {@linkcode printable} formats it, so one call
   * prints exactly one line.
   * @returns A promise that resolves when there is room for the next line, after a second at most. It need not
   * be awaited.
   */
  print(line: string): Promise<void> {
    const text = `${printable(line)}\n`;
    if (this.#queued > 0 && this.#queued + text.length > LIMIT) {
      this.#dropped++;
      return READY;
    }
    this.#queued += text.length;
    this.#queue.push(text);
    this.#writing ??= this.#write();
    if (this.#queued < HIGH_WATER || this.#isStalled) return READY;
    this.#room ??= this.#waitForRoom();
    return this.#room.promise;
  }

  /**
   * `fflush(3)`: waits until all lines are written or dropped.
   *
   * @param timeout The maximum wait, in ms. Lines that are not written by then stay in the queue.
   */
  async flush(timeout: number): Promise<void> {
    if (this.#writing === undefined) return;
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(timeout, 2 ** 31 - 1));
    await Promise.race([this.#writing, expired]);
    clearTimeout(timer);
  }

  #waitForRoom(): PromiseWithResolvers<void> {
    const room = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      this.#isStalled = true;
      room.resolve();
    }, LONGEST_WAIT);
    room.promise.then(() => {
      clearTimeout(timer);
      this.#room = undefined;
    });
    return room;
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // lines that are printed in one turn are written together
    while (this.#queue.length > 0) {
      const lines = this.#queue;
      this.#queue = [];
      for (const piece of pieces(lines)) {
        await this.#writePiece(piece);
        this.#queued -= piece.length;
        if (this.#queued >= HIGH_WATER) continue;
        this.#isStalled = false;
        this.#room?.resolve();
      }
    }
    this.#writing = undefined;
  }

  async #writePiece(piece: string): Promise<void> {
    // A newline ends the partial line.
    const bytes = encoder.encode(this.#hasPartialLine ? `\n${piece}` : piece);
    let written = 0;
    while (written < bytes.length) {
      try {
        const count = await this.#target.write(bytes.subarray(written));
        written += count;
        if (count === 0) await delay(RETRY_PAUSE);
      } catch (error) {
        if (codeOf(error) === "EAGAIN") {
          await delay(RETRY_PAUSE);
          continue;
        }
        const lost = bytes.subarray(written === 0 && this.#hasPartialLine ? 1 : written);
        this.#dropped += lost.reduce((lines, byte) => byte === NEWLINE ? lines + 1 : lines, 0);
        if (written > 0) this.#hasPartialLine = bytes[written - 1] !== NEWLINE;
        return;
      }
    }
    this.#hasPartialLine = false;
    if (this.#dropped > 0) this.#reportDropped();
  }

  #reportDropped(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    try {
      this.#onDropped(dropped);
    } catch {
      // There is no other output to report the error to.
    }
  }
}

/** Joins lines into pieces of up to `PIECE` bytes; a longer line is a separate piece. */
function* pieces(lines: string[]): Generator<string> {
  let piece = "";
  let size = 0; // an upper bound, in bytes: UTF-8 needs up to three per UTF-16 code unit
  for (const line of lines) {
    const most = ASCII.test(line) ? line.length : 3 * line.length;
    if (piece !== "" && size + most > PIECE) {
      yield piece;
      piece = "";
      size = 0;
    }
    piece += line;
    size += most;
  }
  if (piece !== "") yield piece;
}

/**
 * `stderr`: prints diagnostics and log lines.
 *
 * @category Output
 */
export const stderr: LinePrinter = new LinePrinter(Deno.stderr);

/**
 * `stdout`: prints a server's output. Dropped lines are reported on stderr.
 *
 * @category Output
 */
export const stdout: LinePrinter = new LinePrinter(
  Deno.stdout,
  (lines) => void stderr.print(`stdout: ${lines} lines dropped`),
);
