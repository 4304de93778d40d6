/**
 * Fields of any width: flags, and integers of 3, 12 or 24 bits.
 *
 * Protocols draw a message from left to right, 32 bits a line, the most significant bit first. C's bit
 * fields look made for it, but their order is the compiler's choice, so that C programs shift and mask
 * instead. `packBits` and `unpackBits` take the widths as they are in the picture.
 *
 * @module
 */

/**
 * C's bit fields, in the order of a protocol's picture: makes a message of integers of any width.
 *
 * @param widths The width of each field in bits, from 1 to 32, as in the picture from left to right.
 * Together they have to fill whole bytes: an unused field has a width too.
 * @param values The value of each field, from 0 to 2 ** width - 1. A flag is 0 or 1.
 * @returns A new array of bytes. The first field begins at the most significant bit of the first byte,
 * and each goes on where the one before it ended, across bytes if need be.
 * @throws {TypeError} If there are not as many values as widths.
 * @throws {RangeError} If a width is not an integer from 1 to 32, if they do not fill whole bytes, or
 * if a value is not an integer that fits its width.
 *
 * Source: CNP3, sockets and their exercises.
 *
 * @example The message of CNP3: 16 bits, the flags A to H, 24 bits, 8, 8
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { packBits } from "@deno-sockets/samples";
 *
 * const widths = [16, 1, 1, 1, 1, 1, 1, 1, 1, 24, 8, 8];
 * const message = packBits(widths, [7007, 1, 0, 0, 0, 0, 0, 1, 1, 0x010203, 4, 5]);
 * assertEquals(message, new Uint8Array([0x1b, 0x5f, 0b10000011, 1, 2, 3, 4, 5]));
 * ```
 *
 * @example The first byte of a request to CNP3's calculator: unused, opcode, format
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { packBits } from "@deno-sockets/samples";
 *
 * assertEquals(packBits([4, 3, 1], [0, 1, 0]), new Uint8Array([0x02]));
 * ```
 *
 * @category Byte order and records
 */
export function packBits(
  widths: readonly number[],
  values: readonly number[],
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteCount("packBits", widths));
  if (values.length !== widths.length) {
    throw new TypeError(`packBits: the number of values is ${values.length}, not ${widths.length}`);
  }
  let at = 0;
  let shifted = 0;
  for (const [index, width] of widths.entries()) {
    const value = values[index] ?? NaN;
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** width) {
      throw new RangeError(`packBits: ${value} does not fit the ${width} bits of field ${index}`);
    }
    for (let bit = width - 1; bit >= 0; bit--) {
      // The array cuts what it is given to the last eight bits, so the eighth of these stores is right.
      shifted = shifted << 1 | (value >>> bit & 1);
      bytes[at++ >> 3] = shifted;
    }
  }
  return bytes;
}

/**
 * C's bit fields, in the order of a protocol's picture: takes integers of any width out of a message.
 *
 * @param widths The width of each field in bits, as for {@linkcode packBits}.
 * @param bytes The message: exactly as many bytes as the widths fill.
 * @returns The value of each field, from 0 to 2 ** width - 1, never negative.
 * @throws {RangeError} If a width is not an integer from 1 to 32, if they do not fill whole bytes, or
 * if the message has another size.
 *
 * Source: CNP3, sockets and their exercises.
 *
 * @example The message of CNP3: 16 bits, the flags A to H, 24 bits, 8, 8
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unpackBits } from "@deno-sockets/samples";
 *
 * const widths = [16, 1, 1, 1, 1, 1, 1, 1, 1, 24, 8, 8];
 * const message = new Uint8Array([0x1b, 0x5f, 0b10000011, 1, 2, 3, 4, 5]);
 * assertEquals(unpackBits(widths, message), [7007, 1, 0, 0, 0, 0, 0, 1, 1, 0x010203, 4, 5]);
 * ```
 *
 * @example The first byte of a request to CNP3's calculator: unused, opcode, format
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unpackBits } from "@deno-sockets/samples";
 *
 * const [_unused, opcode, format] = unpackBits([4, 3, 1], new Uint8Array([0x71]));
 * assertEquals([opcode, format], [0, 1]);
 * ```
 *
 * @category Byte order and records
 */
export function unpackBits(widths: readonly number[], bytes: Uint8Array): number[] {
  const size = byteCount("unpackBits", widths);
  if (bytes.length !== size) {
    throw new RangeError(`unpackBits: the number of bytes is ${bytes.length}, not ${size}`);
  }
  let at = 0;
  return widths.map((width) => {
    let value = 0;
    for (const end = at + width; at < end; at++) {
      const bit = (bytes[at >> 3] ?? 0) >> (7 - at % 8) & 1;
      // >>> 0 because the first of 32 bits is not a sign.
      value = (value << 1 | bit) >>> 0;
    }
    return value;
  });
}

function byteCount(call: string, widths: readonly number[]): number {
  let bits = 0;
  for (const [index, width] of widths.entries()) {
    if (!Number.isInteger(width) || width < 1 || width > 32) {
      throw new RangeError(`${call}: field ${index} is ${width} bits wide, not from 1 to 32`);
    }
    bits += width;
  }
  if (bits % 8 !== 0) {
    throw new RangeError(`${call}: the widths add up to ${bits} bits, not to whole bytes`);
  }
  return bits / 8;
}
