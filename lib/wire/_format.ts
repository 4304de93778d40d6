// Format strings of pack and unpack: parsing, and the codes for numbers.

import { hostIsLittleEndian } from "./byte_order.ts";

// Each number is converted here, and its bytes are copied. A DataView of the message would need no copy,
// but creating one takes longer than converting a few numbers.
const scratch = new DataView(new ArrayBuffer(8));

/** The bytes that a {@linkcode Code} converts. */
export const scratchBytes: Uint8Array = new Uint8Array(scratch.buffer);

/** The code of a number: its size, and the conversion from and to `scratchBytes`. */
export interface Code {
  readonly size: number;
  get(little: boolean): number | bigint | boolean;
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

/** `count` values of `size` bytes each, from `offset` on. */
export interface Item {
  readonly code: Code | "s";
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** A parsed format. */
export interface Layout {
  /** Whether the least significant byte of a number comes first. */
  readonly little: boolean;
  readonly items: readonly Item[];
  readonly size: number;
  readonly valueCount: number;
}

/** The maximum size of a message, in bytes: Python's on a 32-bit host. */
const MAX_SIZE = 0x7fffffff;

// A program uses few formats, and uses each often, so a full cache is simply cleared.
const cache = new Map<string, Layout>();
const MAX_CACHED = 100;

/**
 * Parses a format. Layouts are cached.
 *
 * @param format The byte order and the items.
 * @returns Its layout.
 * @throws {SyntaxError} If the format is invalid.
 * @throws {RangeError} If its size exceeds 2147483647 bytes.
 */
export function layoutOf(format: string): Layout {
  const cached = cache.get(format);
  if (cached !== undefined) return cached;
  const layout = parseFormat(format);
  if (cache.size === MAX_CACHED) cache.clear();
  cache.set(format, layout);
  return layout;
}

function parseFormat(format: string): Layout {
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
      throw new SyntaxError(`Format "${format}" has an unknown code "${char}"`);
    }
    if (offset > MAX_SIZE) {
      throw new RangeError(`Format "${format}" exceeds ${MAX_SIZE} bytes`);
    }
  }
  if (digits !== "") {
    throw new SyntaxError(`Format "${format}" ends with the count "${digits}", without a code`);
  }
  const little = order === "<" || (order === "=" && hostIsLittleEndian);
  return { little, items, size: offset, valueCount };
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

/** Returns the error of a value that does not have the type in the format. */
export function wrongType(type: string, value: unknown): TypeError {
  return new TypeError(`pack: the format requires a ${type}, not a value of type ${typeof value}`);
}
