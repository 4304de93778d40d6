/**
 * Numbers in messages: `pack`, `unpack` and `calcSize`, after Python's `struct` module.
 *
 * A message is bytes, and its numbers need a layout that both ends agree on: how many bytes each of
 * them takes, and which byte comes first. A format string states the layout once, for both directions.
 * {@linkcode pack} explains its letters.
 *
 * @module
 */

import { hostIsLittleEndian } from "./byte_order.ts";

/**
 * One value of a message. Which of these types it has, the format says.
 *
 * @category Byte order and records
 */
export type PackValue = number | bigint | boolean | Uint8Array;

/**
 * The values of a format: `PackValues<"!HB4s">` is `[number, number, Uint8Array]`.
 *
 * The type takes the first character off the format and calls itself with the rest. `Count` is the
 * digits just before, `Values` what it has found so far; leave them out. It does not look for mistakes:
 * the functions do. Where it cannot know, above all for a format made at run time, it is `PackValue[]`.
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
 * `Count` times `Value`: `PackRepeat<number, "3">` is `[number, number, number]`.
 *
 * The type adds one at a time to `Values` until their number reads like `Count`. No digits are 1. Above
 * 100 it is `Value[]`, so that the type checker stays quick.
 *
 * @category Byte order and records
 */
export type PackRepeat<Value, Count extends string, Values extends Value[] = []> = Count extends ""
  ? [Value]
  : `${Values["length"]}` extends Count ? Values
  : Values["length"] extends 100 ? Value[]
  : PackRepeat<Value, Count, [...Values, Value]>;

/**
 * `struct.pack`: makes a message of values, laid out as a format says.
 *
 * The format's first character is the byte order: `!` or `>` for network order, the most significant
 * byte first; `<` for the reverse; `=` for this host's. It is required. Without one, Python lays a
 * message out as the C compiler of the machine would, and that has no place on a wire. Then come the
 * items, with no gaps between them:
 *
 * | code        | bytes   | in the message                                   | value        |
 * | ----------- | ------- | ------------------------------------------------ | ------------ |
 * | `b` `h` `i` | 1, 2, 4 | integer in two's complement                      | `number`     |
 * | `B` `H` `I` | 1, 2, 4 | integer from 0                                   | `number`     |
 * | `q` `Q`     | 8       | integer in two's complement, integer from 0      | `bigint`     |
 * | `f` `d`     | 4, 8    | IEEE 754 binary number                           | `number`     |
 * | `?`         | 1       | 1 for true, 0 for false; not 0 is read as true   | `boolean`    |
 * | `4s`        | 4       | bytes, as many as the count says                 | `Uint8Array` |
 * | `x`         | 1       | 0; anything when read                            | none         |
 *
 * A decimal count repeats the code after it, so `3H` is `HHH`; but `4s` is one value of 4 bytes. White
 * space between items means nothing. For flags, and for integers of 3 bytes, see `packBits`.
 *
 * @param format The byte order and the items. The types of the values follow from it.
 * @param values The values, in order. A `Uint8Array` shorter than its `s` is padded with zeros; of a
 * longer one, the rest is left out without a word, as in Python.
 * @returns A new array of `calcSize(format)` bytes.
 * @throws {SyntaxError} If the format is wrong.
 * @throws {TypeError} If there are too few or too many values, or one is not of the type in the table.
 * @throws {RangeError} If an integer has a fraction or does not fit, if a number is too large for an
 * `f` (other numbers are rounded), or if the format is for more than 2147483647 bytes.
 *
 * Source: CS:APP lecture; Python's struct.
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
 * `struct.unpack`: takes the values out of a message that is laid out as a format says.
 *
 * @param format The byte order and the items, as for {@linkcode pack}.
 * @param bytes The message: `calcSize(format)` bytes, neither more nor fewer.
 * @returns The values, in order. A `Uint8Array` among them is a copy, padding included.
 * @throws {SyntaxError} If the format is wrong.
 * @throws {RangeError} If the message has another size, or the format is for more than 2147483647 bytes.
 *
 * Source: CS:APP lecture; Python's struct.
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
        // Not slice(): that of node's Buffer, which is a Uint8Array as well, does not copy.
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
 * `struct.calcsize`: tells how long a message of a format is.
 *
 * @param format The byte order and the items, as for {@linkcode pack}.
 * @returns The size in bytes.
 * @throws {SyntaxError} If the format is wrong.
 * @throws {RangeError} If it is for more than 2147483647 bytes.
 *
 * Source: CS:APP lecture; Python's struct.
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

// Each number goes through these bytes on its way into or out of a message. A DataView of the message
// would do as well, but to make one takes longer than to read a few numbers.
const scratch = new DataView(new ArrayBuffer(8));
const scratchBytes = new Uint8Array(scratch.buffer);

/** A code: how many bytes it has, and how a value gets out of the scratch bytes and into them. */
interface Code {
  readonly size: number;
  get(little: boolean): PackValue;
  set(value: unknown, little: boolean): void;
}

const codes: Record<string, Code> = {
  b: {
    size: 1,
    get: () => scratch.getInt8(0),
    set: (value) => scratch.setInt8(0, integer(value, -0x80, 0x7f)),
  },
  B: {
    size: 1,
    get: () => scratch.getUint8(0),
    set: (value) => scratch.setUint8(0, integer(value, 0, 0xff)),
  },
  h: {
    size: 2,
    get: (little) => scratch.getInt16(0, little),
    set: (value, little) => scratch.setInt16(0, integer(value, -0x8000, 0x7fff), little),
  },
  H: {
    size: 2,
    get: (little) => scratch.getUint16(0, little),
    set: (value, little) => scratch.setUint16(0, integer(value, 0, 0xffff), little),
  },
  i: {
    size: 4,
    get: (little) => scratch.getInt32(0, little),
    set: (value, little) => scratch.setInt32(0, integer(value, -0x80000000, 0x7fffffff), little),
  },
  I: {
    size: 4,
    get: (little) => scratch.getUint32(0, little),
    set: (value, little) => scratch.setUint32(0, integer(value, 0, 0xffffffff), little),
  },
  q: {
    size: 8,
    get: (little) => scratch.getBigInt64(0, little),
    set: (value, little) =>
      scratch.setBigInt64(0, bigInteger(value, -(2n ** 63n), 2n ** 63n - 1n), little),
  },
  Q: {
    size: 8,
    get: (little) => scratch.getBigUint64(0, little),
    set: (value, little) => scratch.setBigUint64(0, bigInteger(value, 0n, 2n ** 64n - 1n), little),
  },
  f: {
    size: 4,
    get: (little) => scratch.getFloat32(0, little),
    set: (value, little) => scratch.setFloat32(0, single(value), little),
  },
  d: {
    size: 8,
    get: (little) => scratch.getFloat64(0, little),
    set: (value, little) => scratch.setFloat64(0, double(value), little),
  },
  "?": {
    size: 1,
    get: () => scratch.getUint8(0) !== 0,
    set: (value) => scratch.setUint8(0, boolean(value) ? 1 : 0),
  },
};

/** `count` values of `size` bytes each, the first of them at `offset`. */
interface Item {
  readonly code: Code | "s";
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** What a format says. */
interface Layout {
  readonly little: boolean;
  readonly items: readonly Item[];
  readonly size: number;
  readonly valueCount: number;
}

// What Python can count on a 32-bit host. No message is as long: such a count is a mistake.
const maxSize = 0x7fffffff;

// A program has few formats and uses each of them often. When the cache is full, it starts afresh.
const cache = new Map<string, Layout>();
const maxCached = 100;

function layoutOf(format: string): Layout {
  const cached = cache.get(format);
  if (cached !== undefined) return cached;
  const layout = readFormat(format);
  if (cache.size === maxCached) cache.clear();
  cache.set(format, layout);
  return layout;
}

function readFormat(format: string): Layout {
  const [order = "", ...chars] = format;
  if (!["!", ">", "<", "="].includes(order)) {
    throw new SyntaxError(
      `Format "${format}" begins with "${order}", not with a byte order (! > < =)`,
    );
  }
  const items: Item[] = [];
  let offset = 0;
  let valueCount = 0;
  let digits = "";
  for (const char of chars) {
    if (char >= "0" && char <= "9") {
      digits += char;
      continue;
    }
    if (digits === "" && " \t\n\v\f\r".includes(char)) continue;
    const number = digits === "" ? 1 : Number(digits);
    digits = "";
    const code = codes[char];
    if (code !== undefined) {
      items.push({ code, offset, size: code.size, count: number });
      valueCount += number;
      offset += number * code.size;
    } else if (char === "s") {
      items.push({ code: "s", offset, size: number, count: 1 });
      valueCount += 1;
      offset += number;
    } else if (char === "x") {
      offset += number;
    } else {
      throw new SyntaxError(`Format "${format}" has "${char}" where a code should be`);
    }
    if (offset > maxSize) {
      throw new RangeError(`Format "${format}" is for more than ${maxSize} bytes`);
    }
  }
  if (digits !== "") {
    throw new SyntaxError(`Format "${format}" ends with "${digits}", which counts nothing`);
  }
  const little = order === "<" || (order === "=" && hostIsLittleEndian);
  return { little, items, size: offset, valueCount };
}

/** For so few bytes, a loop is much faster than `to.set(from.subarray())`. */
function copy(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, size: number): void {
  for (let i = 0; i < size; i++) to[toAt + i] = from[fromAt + i] ?? 0;
}

function integer(value: unknown, min: number, max: number): number {
  if (typeof value !== "number") throw wrongType("number", value);
  if (!Number.isInteger(value) || value < min || value > max) throw outOfRange(value, min, max);
  return value;
}

function bigInteger(value: unknown, min: bigint, max: bigint): bigint {
  if (typeof value !== "bigint") throw wrongType("bigint", value);
  if (value < min || value > max) throw outOfRange(value, min, max);
  return value;
}

function double(value: unknown): number {
  if (typeof value !== "number") throw wrongType("number", value);
  return value;
}

function single(value: unknown): number {
  const rounded = Math.fround(double(value));
  if (!Number.isFinite(rounded) && Number.isFinite(value)) {
    throw new RangeError(`pack: ${value} is too large for "f"`);
  }
  return rounded;
}

function boolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw wrongType("boolean", value);
  return value;
}

function outOfRange<T extends number | bigint>(value: T, min: T, max: T): RangeError {
  return new RangeError(`pack: ${value} is not an integer from ${min} to ${max}`);
}

function wrongType(type: string, value: unknown): TypeError {
  return new TypeError(
    `pack: a value of type ${typeof value} is given where the format has a ${type}`,
  );
}
