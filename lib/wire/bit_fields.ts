/**
 * Bit fields: flags, and integers of 3, 12 or 24 bits.
 *
 * The diagram of a protocol header lists its fields from left to right, the most significant bit first. The
 * order of C's bit fields depends on the compiler, so C programs shift and mask instead.
 *
 * @module
 */

/**
 * C's bit fields, in the order of a protocol's diagram: encodes integers of any width as a message.
 *
 * Source: CNP3 lecture and exercises.
 *
 * @param widths The width of each field in bits, from 1 to 32, in the order of the diagram. Include unused
 * fields: the sum must be a multiple of 8.
 * @param values The value of each field, from 0 to 2 ** width - 1. A flag is 0 or 1.
 * @returns A new array of bytes. The first field begins at the most significant bit of the first byte.
 * Fields may cross byte boundaries.
 * @throws {TypeError} If the number of values differs from the number of widths.
 * @throws {RangeError} If a width is not an integer from 1 to 32, if their sum is not a multiple of 8, or if
 * a value is not an integer in the range of its width.
 *
 * @example The message of CNP3: 16 bits, the flags A to H, 24, 8 and 8 bits
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
      throw new RangeError(
        `packBits: ${value} does not fit in the ${width} bits of field ${index}`,
      );
    }
    for (let bit = width - 1; bit >= 0; bit--) {
      // A Uint8Array stores the low eight bits, so each byte is complete after its eighth store.
      shifted = shifted << 1 | (value >>> bit & 1);
      bytes[at++ >> 3] = shifted;
    }
  }
  return bytes;
}

/**
 * C's bit fields, in the order of a protocol's diagram: decodes integers of any width from a message.
 *
 * Source: CNP3 lecture and exercises.
 *
 * @param widths The width of each field in bits, as for {@linkcode packBits}.
 * @param bytes The message. Its size in bits must be the sum of the widths.
 * @returns The value of each field, from 0 to 2 ** width - 1, never negative.
 * @throws {RangeError} If a width is not an integer from 1 to 32, if their sum is not a multiple of 8, or if
 * the message has another size.
 *
 * @example The message of CNP3: 16 bits, the flags A to H, 24, 8 and 8 bits
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
      // >>> 0: the result is unsigned.
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
    throw new RangeError(`${call}: the widths add up to ${bits} bits, not a multiple of 8`);
  }
  return bits / 8;
}
