/**
 * Records: numbers and bytes in a fixed layout, after Python's `struct` module.
 *
 * A format string defines the layout of a message: the size, the type and the byte order of its values.
 * {@linkcode pack} documents its syntax.
 *
 * @module
 */

import { layoutOf, scratchBytes, wrongType } from "./_format.ts";

/**
 * A value in a message. The format determines its type.
 *
 * @category Byte order and records
 */
export type PackValue = number | bigint | boolean | Uint8Array;

/**
 * The types of a format's values: `PackValues<"!HB4s">` is `[number, number, Uint8Array]`.
 *
 * If the format is not known at compile time, it is `PackValue[]`. It does not validate the format; the
 * functions do. It is recursive over the characters of the format: `Count` is the digits before the current
 * character, `Values` the result so far. Callers omit both.
 *
 * @category Byte order and records
 */
export type PackValues<
  Format extends string,
  Count extends string = "",
  Values extends PackValue[] = [],
> = Format extends `${infer Char}${infer Rest}`
  ? Char extends "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9"
    ? PackValues<Rest, `${Count}${Char}`, Values>
  : Char extends "b" | "B" | "h" | "H" | "i" | "I" | "f" | "d"
    ? PackValues<Rest, "", [...Values, ...PackRepeat<number, Count>]>
  : Char extends "q" | "Q" ? PackValues<Rest, "", [...Values, ...PackRepeat<bigint, Count>]>
  : Char extends "?" ? PackValues<Rest, "", [...Values, ...PackRepeat<boolean, Count>]>
  : Char extends "s" ? PackValues<Rest, "", [...Values, Uint8Array]>
  : Char extends "x" | "!" | ">" | "<" | "=" | " " | "\t" | "\n" | "\v" | "\f" | "\r"
    ? PackValues<Rest, "", Values>
  : PackValue[]
  : Format extends "" ? Values
  : PackValue[];

/**
 * A tuple of `Count` times `Value`: `PackRepeat<number, "3">` is `[number, number, number]`.
 *
 * An empty `Count` is 1. Above 100 the type is `Value[]`, which keeps type checks fast. `Values` is the result
 * so far. Callers omit it.
 *
 * @category Byte order and records
 */
export type PackRepeat<Value, Count extends string, Values extends Value[] = []> = Count extends ""
  ? [Value]
  : `${Values["length"]}` extends Count ? Values
  : Values["length"] extends 100 ? Value[]
  : PackRepeat<Value, Count, [...Values, Value]>;

/**
 * `struct.pack`: encodes values as a message.
 *
 * The first character of the format is the byte order: `!` or `>` for network byte order, which is
 * big-endian; `<` for little-endian; `=` for this host's. It is required: Python's default, the layout of the
 * C compiler, depends on the machine. The items follow, without padding between them:
 *
 * | code        | bytes   | encoding                                         | value        |
 * | ----------- | ------- | ------------------------------------------------ | ------------ |
 * | `b` `h` `i` | 1, 2, 4 | signed integer (two's complement)                | `number`     |
 * | `B` `H` `I` | 1, 2, 4 | unsigned integer                                 | `number`     |
 * | `q` `Q`     | 8       | signed integer, unsigned integer                 | `bigint`     |
 * | `f` `d`     | 4, 8    | IEEE 754 floating-point number                   | `number`     |
 * | `?`         | 1       | 1 for true, 0 for false; nonzero decodes as true | `boolean`    |
 * | `4s`        | 4       | bytes; the count is their number                 | `Uint8Array` |
 * | `x`         | 1       | padding: 0; ignored when decoded                 | none         |
 *
 * A decimal count repeats the code after it: `3H` is `HHH`. But `4s` is one value of 4 bytes. White space
 * between items is ignored. For flags and integers of other sizes, see {@linkcode packBits}.
 *
 * Source: CS:APP lecture; Python's struct.
 *
 * @param format The byte order and the items.
 * @param values The values, in order. A `Uint8Array` shorter than its `s` is padded with zeros; a longer one
 * is truncated without an error, as in Python.
 * @returns A new array of `calcSize(format)` bytes.
 * @throws {SyntaxError} If the format is invalid.
 * @throws {TypeError} If the number of values is wrong, or a value is not of the type in the table.
 * @throws {RangeError} If a value is not an integer in the range of its code, if a number is too large for
 * `f` (other numbers are rounded), or if the size exceeds 2147483647 bytes.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { pack } from "@deno-sockets/samples";
 *
 * assertEquals(pack("!I", 4294967295), new Uint8Array([0xff, 0xff, 0xff, 0xff]));
 *
 * const name = new TextEncoder().encode("ab");
 * assertEquals(pack("!HB4s", 7007, 3, name), new Uint8Array([0x1b, 0x5f, 3, 0x61, 0x62, 0, 0]));
 * ```
 *
 * @category Byte order and records
 */
export function pack<Format extends string>(
  format: Format,
  ...values: PackValues<Format>
): Uint8Array<ArrayBuffer> {
  const { little, items, size, valueCount } = layoutOf(format);
  if (values.length !== valueCount) {
    throw new TypeError(
      `pack: the number of values for "${format}" is ${values.length}, not ${valueCount}`,
    );
  }
  const bytes = new Uint8Array(size);
  let next = 0;
  for (const item of items) {
    let at = item.offset;
    for (let left = item.count; left > 0; left--) {
      const value = values[next++];
      if (item.code === "s") {
        if (!(value instanceof Uint8Array)) throw wrongType("Uint8Array", value);
        bytes.set(value.subarray(0, item.size), at);
      } else {
        item.code.set(value, little);
        copy(scratchBytes, 0, bytes, at, item.size);
      }
      at += item.size;
    }
  }
  return bytes;
}

/**
 * `struct.unpack`: decodes the values of a message.
 *
 * Source: CS:APP lecture; Python's struct.
 *
 * @param format The byte order and the items, as for {@linkcode pack}.
 * @param bytes The message: exactly `calcSize(format)` bytes.
 * @returns The values, in order. A `Uint8Array` among them is a copy, padding included.
 * @throws {SyntaxError} If the format is invalid.
 * @throws {RangeError} If the message has another size, or the size exceeds 2147483647 bytes.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unpack } from "@deno-sockets/samples";
 *
 * const message = new Uint8Array([0x1b, 0x5f, 3, 0x61, 0x62, 0, 0]);
 * const [port, kind, name] = unpack("!HB4s", message);
 * assertEquals(port + kind, 7010);
 * assertEquals(name, new Uint8Array([0x61, 0x62, 0, 0]));
 * ```
 *
 * @category Byte order and records
 */
export function unpack<Format extends string>(
  format: Format,
  bytes: Uint8Array,
): PackValues<Format> {
  const { little, items, size } = layoutOf(format);
  if (bytes.length !== size) {
    throw new RangeError(
      `unpack: the number of bytes for "${format}" is ${bytes.length}, not ${size}`,
    );
  }
  const values: PackValue[] = [];
  for (const item of items) {
    let at = item.offset;
    for (let left = item.count; left > 0; left--) {
      if (item.code === "s") {
        // Not slice(): if `bytes` is a Node `Buffer`, that does not copy.
        values.push(new Uint8Array(bytes.subarray(at, at + item.size)));
      } else {
        copy(bytes, at, scratchBytes, 0, item.size);
        values.push(item.code.get(little));
      }
      at += item.size;
    }
  }
  return values as PackValues<Format>;
}

/**
 * `struct.calcsize`: returns the size of a message.
 *
 * Source: CS:APP lecture; Python's struct.
 *
 * @param format The byte order and the items, as for {@linkcode pack}.
 * @returns The size in bytes.
 * @throws {SyntaxError} If the format is invalid.
 * @throws {RangeError} If the size exceeds 2147483647 bytes.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { calcSize } from "@deno-sockets/samples";
 *
 * assertEquals(calcSize("!HB4s"), 7);
 * ```
 *
 * @category Byte order and records
 */
export function calcSize(format: string): number {
  return layoutOf(format).size;
}

/** Copies `size` bytes. A loop is faster than `to.set(from.subarray())` for so few. */
function copy(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, size: number): void {
  for (let i = 0; i < size; i++) to[toAt + i] = from[fromAt + i] ?? 0;
}
