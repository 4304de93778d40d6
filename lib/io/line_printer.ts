/**
 * Printing that cannot stop a server: bounded, asynchronous, and never an error.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { codeOf } from "../errors.ts";
import type { Writer } from "./read_write.ts";
import { printable } from "../printable.ts";

/** How much may wait to be written before `print` asks its caller to wait, in characters. */
const HIGH_WATER = 1 << 18;

/** How much may wait at most; lines beyond it are dropped. */
const LIMIT = 1 << 20;

/** How long a caller is asked to wait for room, in ms. */
const LONGEST_WAIT = 1000;

/** How long to wait until a non-blocking output is tried again (`EAGAIN`), in ms. */
const RETRY_PAUSE = 10;

/** The most that one write takes, in bytes: POSIX's `PIPE_BUF` on Linux, so lines of several threads do not mix. */
const PIECE = 4096;

const NEWLINE = 0x0a;
const ASCII = /^\p{ASCII}*$/u;
const encoder = new TextEncoder();
const READY = Promise.resolve();

/**
 * `printf(3)` on a buffered stream: prints lines without waiting for the reader of the output.
 *
 * `console.log` waits until the output takes the line: a pipe that is not read stops the whole program, and
 * a full disk makes it throw. A printer queues each line and writes in the background. A caller that
 * awaits `print` is slowed down to the speed of the output, but an output that makes no room within a second
 * holds it up no longer. When the queue is full, or a write fails, lines are dropped and counted; the
 * count is reported when printing works again.
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
 * @category Output
 */
export class LinePrinter {
  readonly #target: Writer;
  readonly #onDropped: (lines: number) => void;
  #queue: string[] = [];
  #queued = 0; // characters that are not written yet
  #dropped = 0;
  #isCut = false; // the last line that was written, by a write that failed midway
  #writing: Promise<void> | undefined;
  // What callers wait for until there is room, and whether they have waited long enough.
  #room: PromiseWithResolvers<void> | undefined;
  #isStalled = false;

  /**
   * Creates a printer with an empty queue.
   *
   * @param target The output.
   * @param onDropped Called with the number of lines that were dropped, when a write succeeds again.
   * Default: the printer itself prints a line with the number.
   */
  constructor(target: Writer, onDropped?: (lines: number) => void) {
    this.#target = target;
    this.#onDropped = onDropped ?? ((lines) => void this.print(`${lines} lines dropped`));
  }

  /**
   * `puts(3)`: prints a line. Never throws.
   *
   * @param line The text of the line, without its newline. Control characters other than tab are replaced
   * as {@linkcode printable} does, so one call prints exactly one line.
   * @returns A promise that resolves when there is room for the next line, and within a second in any
   * case. It need not be awaited.
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
   * @param timeout How long to wait, in ms; what is left then stays in the queue.
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
    await Promise.resolve(); // lines that are printed together are written together
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
    // What is left of a line that was cut must not run into the next.
    const bytes = encoder.encode(this.#isCut ? `\n${piece}` : piece);
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
        const lost = bytes.subarray(written === 0 && this.#isCut ? 1 : written);
        this.#dropped += lost.reduce((lines, byte) => byte === NEWLINE ? lines + 1 : lines, 0);
        if (written > 0) this.#isCut = bytes[written - 1] !== NEWLINE;
        return;
      }
    }
    this.#isCut = false;
    if (this.#dropped > 0) this.#reportDropped();
  }

  #reportDropped(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    try {
      this.#onDropped(dropped);
    } catch {
      // There is nothing left to report it to.
    }
  }
}

/** Joins lines to pieces of at most `PIECE` bytes; a longer line is a piece of its own. */
function* pieces(lines: string[]): Generator<string> {
  let piece = "";
  let size = 0; // in bytes, at most: a character takes up to three a UTF-16 unit
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
 * `stderr`: prints diagnoses and the lines of a log.
 *
 * @category Output
 */
export const stderr: LinePrinter = new LinePrinter(Deno.stderr);

/**
 * `stdout`: prints what a server shows of its clients.
 *
 * @category Output
 */
export const stdout: LinePrinter = new LinePrinter(
  Deno.stdout,
  (lines) => void stderr.print(`stdout: ${lines} lines dropped`),
);
