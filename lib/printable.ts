/**
 * Makes text from a peer safe to print.
 *
 * @module
 */

// A byte order mark is part of the text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Line separators, and characters that change the direction of text. */
const MARKS = String.raw`[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]`;

/** Control characters except tab: a newline would forge a line. */
const UNSAFE = new RegExp(String.raw`[^\P{Cc}\t]|${MARKS}`, "gu");

/** Control characters except tab, LF and CRLF: with a CR alone, a terminal overwrites the line. */
const UNSAFE_IN_LINES = new RegExp(String.raw`\r(?!\n)|[^\P{Cc}\t\n\r]|${MARKS}`, "gu");

/**
 * `printf("%s")` that is safe on a terminal: formats a peer's message as one line of text.
 *
 * Source: UCM lecture, `printf("\tMessage: %s\n")`.
 *
 * @param message Text, or bytes in UTF-8.
 * @returns The text without the line ending at its end. Bytes that are not UTF-8, control characters
 * except tab, line separators and characters that change the text direction become U+FFFD: a peer can
 * neither control the terminal nor forge a line.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { printable } from "@deno-sockets/samples";
 *
 * assertEquals(printable(new TextEncoder().encode("hello\n")), "hello");
 * assertEquals(printable(new Uint8Array([0x1b, 0x5b, 0x32, 0x4a, 0xff])), "\ufffd[2J\ufffd");
 * ```
 *
 * @category Errors and text
 */
export function printable(message: Uint8Array | string): string {
  const text = typeof message === "string" ? message : decoder.decode(message);
  return text.replace(/\r?\n$/, "").replace(UNSAFE, "\ufffd");
}

/** Makes text of several lines safe to print, as {@linkcode printable} does, but keeps LF and CRLF. */
export function printableLines(text: string): string {
  return text.replace(UNSAFE_IN_LINES, "\ufffd");
}
