/**
 * Bytes that came from a peer, shown to a person.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";

const CR = 0x0d;
const LF = 0x0a;

// A byte order mark is a character like others.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Control characters other than tab, line separators, and marks that change the writing direction. */
const UNSAFE = /[^\P{Cc}\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * `printf("%s")`, but safe on a terminal: returns what a peer sent as text for one line.
 *
 * @param message Text, or bytes in UTF-8.
 * @returns The text without the newline at its end. Bytes that are not UTF-8, control characters other
 * than tab (newlines inside the message too), line separators and marks that change the writing
 * direction become U+FFFD: a peer can neither rewrite the screen nor forge a line.
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
export function printable(message: Uint8Array | string): string {
  const text = typeof message === "string" ? message : decoder.decode(message);
  return text.replace(/\r?\n$/, "").replace(UNSAFE, "\ufffd");
}

/**
 * Perl's `chomp`: a line without the newline at its end, for a datagram, which has an end of its own.
 *
 * @param line A line as a reader returns it.
 * @returns The same bytes without the LF at their end, or the CRLF of a file that was made on Windows. A
 * CR without an LF behind it stays.
 *
 * Source: UCM lecture, UDP client.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { chomp } from "@deno-sockets/samples";
 *
 * assertEquals(chomp(new Uint8Array([0x68, 0x69, 0x0a])), new Uint8Array([0x68, 0x69]));
 * assertEquals(chomp(new Uint8Array([0x68, 0x69])), new Uint8Array([0x68, 0x69]));
 * ```
 */
export function chomp(line: Uint8Array): Uint8Array {
  if (line.at(-1) !== LF) return line;
  return line.subarray(0, line.at(-2) === CR ? -2 : -1);
}

/**
 * Python's `repr` of `bytes`: bytes as the literal that a Python program would write.
 *
 * @param bytes Any bytes.
 * @returns `b'...'`, or `b"..."` where that saves a backslash. Printable ASCII stands for itself, the
 * rest is escaped.
 *
 * Source: CS:APP lecture, the Python client, which prints what it received in this way.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bytesLiteral } from "@deno-sockets/samples";
 *
 * assertEquals(bytesLiteral(new Uint8Array([0x68, 0x69, 0x0a, 0x00, 0xff])), "b'hi\\n\\x00\\xff'");
 * ```
 */
export function bytesLiteral(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  const escapes: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
  let literal = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    if (char === quote) literal += `\\${char}`;
    else if (char in escapes) literal += escapes[char];
    else if (byte >= 0x20 && byte < 0x7f) literal += char;
    else literal += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `b${quote}${literal}${quote}`;
}

/**
 * `printf("0x%hhx ")` for each byte: bytes as numbers.
 *
 * @param bytes Any bytes.
 * @returns For each its value in hexadecimal, with a space behind it.
 *
 * Source: CNP3 lecture, `recvfrom`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { hexBytes } from "@deno-sockets/samples";
 *
 * assertEquals(hexBytes(new Uint8Array([0, 10, 255])), "0x0 0xa 0xff ");
 * ```
 */
export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `0x${byte.toString(16)} `).join("");
}

/**
 * `printf("0x%hhx ('%c') ")` for each byte: bytes as numbers and as what they are.
 *
 * @param bytes Any bytes.
 * @returns What `printf` would print: bytes, because `%c` prints a byte as it is, be it text or not.
 *
 * Source: CNP3 lecture, `recv`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { hexChars } from "@deno-sockets/samples";
 *
 * const printed = hexChars(new TextEncoder().encode("hi"));
 * assertEquals(new TextDecoder().decode(printed), "0x68 ('h') 0x69 ('i') ");
 * ```
 */
export function hexChars(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const encode = (text: string) => new TextEncoder().encode(text);
  return concat(Array.from(bytes, (byte) => {
    return concat([encode(`0x${byte.toString(16)} ('`), new Uint8Array([byte]), encode("') ")]);
  }));
}
