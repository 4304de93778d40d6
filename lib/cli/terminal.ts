/**
 * Writes a peer's bytes to a terminal safely.
 *
 * @module
 */

import { writeN, type Writer } from "../io/read_write.ts";
import { printableLines } from "../printable.ts";

/**
 * `fwrite(3)` to stdout: returns a writer for a peer's bytes that is safe if stdout is a terminal.
 *
 * Source: CS:APP lecture, the echo client; isatty(3).
 *
 * @returns If stdout is a terminal, a {@linkcode TerminalWriter} to it; if it is a file or a pipe,
 * `Deno.stdout`, which writes the bytes unchanged.
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
 * `write(2)` to a terminal: writes text without the characters that control a terminal.
 *
 * It decodes UTF-8, and replaces with U+FFFD bytes that are not UTF-8, control characters except tab, LF and
 * CRLF, the line separators U+2028 and U+2029, and the characters that change the direction of text (U+061C,
 * U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069).
 *
 * An incomplete character or a CR at the end of a write is buffered until the next write. At the end of the
 * stream it is lost.
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
  // A byte order mark is part of the text.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #encoder = new TextEncoder();
  /** A CR at the end of the last write: the next write shows whether an LF follows. */
  #held = "";

  /**
   * Creates a writer.
   *
   * @param target The terminal.
   */
  constructor(target: Writer) {
    this.#target = target;
  }

  /**
   * `write(2)`: writes text in UTF-8.
   *
   * @param p The bytes.
   * @returns `p.length`: all bytes are written or buffered.
   * @throws Any error thrown by the target.
   */
  async write(p: Uint8Array): Promise<number> {
    const text = this.#held + this.#decoder.decode(p, { stream: true });
    this.#held = text.endsWith("\r") ? "\r" : "";
    const shown = printableLines(text.slice(0, text.length - this.#held.length));
    await writeN(this.#target, this.#encoder.encode(shown));
    return p.length;
  }
}
