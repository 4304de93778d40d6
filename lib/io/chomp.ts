/**
 * Removes line endings.
 *
 * @module
 */

const CR = 0x0d;
const LF = 0x0a;

/**
 * Perl's `chomp`: returns a line without its line ending.
 *
 * Source: UCM lecture, UDP client.
 *
 * @param line A line, as {@linkcode BufferedReader.readLine} returns it.
 * @returns A view of the same bytes without the LF or CRLF at the end. A CR without an LF is kept.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { chomp } from "@deno-sockets/samples";
 *
 * assertEquals(chomp(new Uint8Array([0x68, 0x69, 0x0a])), new Uint8Array([0x68, 0x69]));
 * assertEquals(chomp(new Uint8Array([0x68, 0x69])), new Uint8Array([0x68, 0x69]));
 * ```
 *
 * @category Streams
 */
export function chomp(line: Uint8Array): Uint8Array {
  if (line.at(-1) !== LF) return line;
  return line.subarray(0, line.at(-2) === CR ? -2 : -1);
}
