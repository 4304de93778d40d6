/**
 * Formats bytes as the lectures' programs print them.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";

/**
 * Python's `repr` of `bytes`: formats bytes as a Python literal.
 *
 * Source: CS:APP lecture, the Python client.
 *
 * @param bytes The bytes.
 * @returns `b'...'`, or `b"..."` if the bytes contain `'` but not `"`. Printable ASCII is unchanged, all
 * other bytes are escaped.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bytesLiteral } from "@deno-sockets/samples/cli";
 *
 * assertEquals(bytesLiteral(new Uint8Array([0x68, 0x69, 0x0a, 0x00, 0xff])), "b'hi\\n\\x00\\xff'");
 * ```
 *
 * @category Output
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
 * `printf("0x%hhx ")` for each byte: formats bytes as numbers.
 *
 * Source: CNP3 lecture, `recvfrom`.
 *
 * @param bytes The bytes.
 * @returns The value of each byte in hexadecimal, followed by a space.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { hexBytes } from "@deno-sockets/samples/cli";
 *
 * assertEquals(hexBytes(new Uint8Array([0, 10, 255])), "0x0 0xa 0xff ");
 * ```
 *
 * @category Output
 */
export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `0x${byte.toString(16)} `).join("");
}

/**
 * `printf("0x%hhx ('%c') ")` for each byte: formats bytes as numbers and as characters.
 *
 * Source: CNP3 lecture, `recv`.
 *
 * @param bytes The bytes.
 * @returns The output of `printf`, as bytes: `%c` prints a byte unchanged, even if it is not text.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { hexChars } from "@deno-sockets/samples/cli";
 *
 * const printed = hexChars(new TextEncoder().encode("hi"));
 * assertEquals(new TextDecoder().decode(printed), "0x68 ('h') 0x69 ('i') ");
 * ```
 *
 * @category Output
 */
export function hexChars(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const encode = (text: string) => new TextEncoder().encode(text);
  return concat(Array.from(bytes, (byte) => {
    return concat([encode(`0x${byte.toString(16)} ('`), new Uint8Array([byte]), encode("') ")]);
  }));
}
