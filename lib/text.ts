/**
 * Bytes that came from a peer, shown to a person.
 *
 * @module
 */

const decoder = new TextDecoder();

/**
 * `printf("%s")`, but safe on a terminal: what a peer sent, as text to print.
 *
 * @param bytes What came: UTF-8, if the peer means well.
 * @returns The text without the newline at its end, if it has one, so that it can stand in a line.
 * Bytes that are not UTF-8 and control characters, with which a peer could rewrite the screen, become
 * U+FFFD; tabs and newlines stay.
 *
 * Source: UCM lecture, `printf("\tMessage: %s\n")`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { printable } from "@deno-sockets/samples";
 *
 * assertEquals(printable(new TextEncoder().encode("hello\n")), "hello");
 * assertEquals(printable(new Uint8Array([0x1b, 0x5b, 0x32, 0x4a, 0xff])), "\ufffd[2J\ufffd");
 * ```
 */
export function printable(bytes: Uint8Array): string {
  return decoder.decode(bytes).replace(/\r?\n$/, "").replace(/[^\P{Cc}\t\n]/gu, "\ufffd");
}
