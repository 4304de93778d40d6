/**
 * Printing that cannot stop a server: bounded, asynchronous, and never an error.
 *
 * @module
 */

import { writeN, type Writer } from "./robust_io.ts";
import { printable } from "./text.ts";

/** How much may wait to be written before `print` asks its caller to wait, in characters. */
const HIGH_WATER = 1 << 18;

/** How much may wait at most; lines beyond it are dropped. */
const LIMIT = 1 << 20;

/** How long a caller is asked to wait for an output that does not take what it is given, in ms. */
const LONGEST_WAIT = 1000;

/** The most that one write takes, in bytes: POSIX's `PIPE_BUF` on Linux, so lines of several threads do not mix. */
const PIECE = 4096;

const encoder = new TextEncoder();
const READY = Promise.resolve();

/**
 * `printf(3)` on a buffered stream: prints lines without waiting for the reader of the output.
 *
 * `console.log` waits until the output takes the line: a pipe that is not read stops the whole program, and
 * a full disk makes it throw. A printer queues each line and writes in the background. A caller that
 * awaits `print` is slowed down to the speed of the output, but an output that stands still holds it up
 * for a second and no longer. When the queue is full, or a write fails, lines are dropped and counted; the
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
 */
export class LinePrinter {
  readonly #target: Writer;
  readonly #onDropped: (lines: number) => void;
  #queue: string[] = [];
  #queued = 0; // characters in #queue
  #dropped = 0;
  #writing: Promise<void> | undefined;
  #room: Promise<void> | undefined; // for callers that have to wait
  #isStalled = false; // they have waited long enough

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
    if (this.#queued > 0 && this.#queued + line.length > LIMIT) {
      this.#dropped++;
      return READY;
    }
    this.#queued += line.length + 1;
    this.#queue.push(`${printable(line)}\n`);
    this.#writing ??= this.#write();
    if (this.#queued < HIGH_WATER || this.#isStalled) return READY;
    return this.#room ??= this.#waitForRoom();
  }

  async #waitForRoom(): Promise<void> {
    await this.flush(LONGEST_WAIT);
    this.#isStalled = this.#writing !== undefined;
    this.#room = undefined;
  }

  /**
   * `fflush(3)`: waits until all lines are written or dropped.
   *
   * @param timeout How long to wait, in ms; what is left then stays in the queue.
   */
  async flush(timeout: number): Promise<void> {
    if (this.#writing === undefined) return;
    const { promise: expired, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeout);
    await Promise.race([this.#writing, expired]);
    clearTimeout(timer);
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // lines that are printed together are written together
    while (this.#queue.length > 0) {
      const lines = this.#queue;
      this.#queue = [];
      this.#queued = 0;
      for (const piece of pieces(lines)) {
        try {
          await writeN(this.#target, encoder.encode(piece.text));
        } catch {
          this.#dropped += piece.lines;
          continue;
        }
        if (this.#dropped > 0) {
          const dropped = this.#dropped;
          this.#dropped = 0;
          this.#onDropped(dropped);
        }
      }
    }
    this.#writing = undefined;
    this.#isStalled = false;
  }
}

/** Joins lines to pieces of at most `PIECE` bytes; a longer line is a piece of its own. */
function* pieces(lines: string[]): Generator<{ text: string; lines: number }> {
  let text = "";
  let count = 0;
  for (const line of lines) {
    // A character takes at most three bytes a UTF-16 unit.
    if (count > 0 && 3 * (text.length + line.length) > PIECE) {
      yield { text, lines: count };
      text = "";
      count = 0;
    }
    text += line;
    count++;
  }
  if (count > 0) yield { text, lines: count };
}

/** `stderr`: prints diagnoses and the lines of a log. */
export const stderr: LinePrinter = new LinePrinter(Deno.stderr);

/** `stdout`: prints what a server shows of its clients. */
export const stdout: LinePrinter = new LinePrinter(
  Deno.stdout,
  (lines) => void stderr.print(`stdout: ${lines} lines dropped`),
);
