/**
 * Bytes that came from a peer, written to a terminal.
 *
 * @module
 */

import { writeN, type Writer } from "../io/read_write.ts";
import { printableLines } from "../printable.ts";

/**
 * `fwrite(3)` to stdout, but safe on a terminal: where the bytes of a peer go that a person may see.
 *
 * @returns `Deno.stdout` itself where that is a file or a pipe, so the bytes are exact; where it is a
 * terminal, a {@linkcode TerminalWriter} to it.
 *
 * Source: CS:APP lecture, the echo client; isatty(3).
 *
 * @example
 * ```ts
 * import { openListener, writeN, writeText } from "@deno-sockets/samples";
 * import { terminalOutput } from "@deno-sockets/samples/cli";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await writeText(client, "hello\n");
 *
 * const buffer = new Uint8Array(80);
 * const count = await conn.read(buffer) ?? 0;
 * await writeN(terminalOutput(), buffer.subarray(0, count));
 * ```
 *
 * @category Output
 */
export function terminalOutput(): Writer {
  return Deno.stdout.isTerminal() ? new TerminalWriter(Deno.stdout) : Deno.stdout;
}

/**
 * `write(2)` to a terminal: passes text on, but no character with which a peer could rewrite the screen.
 *
 * Bytes are decoded as UTF-8, across the borders of the pieces in which they come. A byte that is not
 * UTF-8 becomes U+FFFD, and so do control characters except tab and newline, a carriage return that is
 * not followed by a newline, U+2028 and U+2029, and the characters that change the direction of text
 * (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069).
 *
 * The start of a character, or a carriage return, at the end of a piece is held until the next one. At the
 * end of the stream it is not written.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { TerminalWriter } from "@deno-sockets/samples/cli";
 *
 * let screen = "";
 * const terminal = new TerminalWriter({
 *   write(p: Uint8Array) {
 *     screen += new TextDecoder().decode(p);
 *     return Promise.resolve(p.length);
 *   },
 * });
 * await terminal.write(new TextEncoder().encode("\x1b[2Jhello\r\n"));
 * assertEquals(screen, "\ufffd[2Jhello\r\n");
 * ```
 *
 * @category Output
 */
export class TerminalWriter implements Writer {
  readonly #target: Writer;
  // A byte order mark is a character like others.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #encoder = new TextEncoder();
  /** A carriage return at the end of the last piece. */
  #held = "";

  /**
   * Makes a writer.
   *
   * @param target What to write to: a terminal.
   */
  constructor(target: Writer) {
    this.#target = target;
  }

  /**
   * `write(2)`: writes a piece of a text.
   *
   * @param p Its bytes.
   * @returns `p.length`: all of it is written or held.
   * @throws What the target throws.
   */
  async write(p: Uint8Array): Promise<number> {
    const text = this.#held + this.#decoder.decode(p, { stream: true });
    this.#held = text.endsWith("\r") ? "\r" : "";
    const shown = printableLines(text.slice(0, text.length - this.#held.length));
    await writeN(this.#target, this.#encoder.encode(shown));
    return p.length;
  }
}
