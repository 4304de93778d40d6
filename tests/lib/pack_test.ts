import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { calcSize, pack, type PackValue, unpack } from "../../lib/wire/pack.ts";
import { python3 } from "../support/python.ts";
import stored from "../support/data/pack.json" with { type: "json" };

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

// The results of Python's struct, made and explained by tests/support/data/make_pack.py.

type Encoded = number | boolean | string;

interface Case {
  format: string;
  values?: Encoded[];
  hex?: string;
  back?: Encoded[];
  error?: boolean;
}

function decode(value: Encoded): PackValue {
  if (typeof value !== "string") return value;
  const rest = value.slice(1);
  if (value.startsWith("n")) return BigInt(rest);
  if (value.startsWith("x")) return Uint8Array.fromHex(rest);
  return Number(rest.replace("inf", "Infinity"));
}

function assertAgrees(one: Case): void {
  const { format, hex, error } = one;
  const text = JSON.stringify(one);
  const values = one.values?.map(decode);
  const bytes = hex === undefined ? undefined : Uint8Array.fromHex(hex);
  if (error && values !== undefined) {
    assertRefuses(() => pack(format, ...values), ["TypeError", "RangeError"], text);
  } else if (error && bytes !== undefined) {
    assertThrows(() => unpack(format, bytes), RangeError, "the number of bytes", text);
  } else if (error) {
    assertRefuses(() => calcSize(format), ["SyntaxError", "RangeError"], text);
    assertRefuses(() => pack(format), ["SyntaxError", "RangeError"], text);
    assertRefuses(() => unpack(format, new Uint8Array()), ["SyntaxError", "RangeError"], text);
  } else {
    assert(bytes !== undefined, text);
    assertEquals(calcSize(format), bytes.length, text);
    if (values !== undefined) assertEquals(pack(format, ...values).toHex(), hex, text);
    // As text: assertEquals() does not distinguish -0 from 0.
    assertEquals(inspect(unpack(format, bytes)), inspect(one.back?.map(decode) ?? values), text);
  }
}

function assertRefuses(fn: () => unknown, names: string[], text: string): void {
  const { name } = assertThrows(fn, Error, "", text);
  assert(names.includes(name), `${text} threw a ${name}`);
}

function inspect(values: unknown): string {
  return Deno.inspect(values, { iterableLimit: Infinity });
}

const ofTheHost: Case[] = stored.filter(({ format }) => format.startsWith("="));
const ofAnyHost: Case[] = stored.filter(({ format }) => !format.startsWith("="));

Deno.test("pack(), unpack(), calcSize() agree with Python's struct", () => {
  assert(ofAnyHost.length > 3000);
  for (const one of ofAnyHost) assertAgrees(one);
});

Deno.test({
  name: `pack(), unpack(), calcSize() agree with Python's struct about "="${
    hostIsLittleEndian ? "" : " (ignored: the stored cases are of a little-endian host)"
  }`,
  ignore: !hostIsLittleEndian,
  fn: () => {
    assert(ofTheHost.length > 500);
    for (const one of ofTheHost) assertAgrees(one);
  },
});

const pythonIsHere =
  await python3("-c", "import sys; print('true' if sys.version_info >= (3, 9) else 'false')") ===
    true;

Deno.test({
  name: `pack(), unpack(), calcSize() agree with Python's struct about new random cases${
    pythonIsHere ? "" : " (ignored: requires python3 3.9 or later)"
  }`,
  ignore: !pythonIsHere,
  fn: async () => {
    const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
    const script = `${import.meta.dirname}/../support/data/make_pack.py`;
    const cases = await python3<Case[]>(script, `${seed}`, "500");
    assert(cases !== null && cases.length > 300, `make_pack.py ${seed} 500`);
    for (const one of cases) assertAgrees(one);
  },
});

// Differences from Python.

const callers = {
  calcSize,
  pack: (format: string) => pack(format),
  unpack: (format: string) => unpack(format, new Uint8Array()),
};

Deno.test("pack(), unpack(), calcSize() reject a format without a byte order", () => {
  for (const format of ["HB", "@H", "3H", " !H", "\n", "s", "\0", "\u{1f40d}H", ""]) {
    for (const [name, call] of Object.entries(callers)) {
      assertThrows(
        () => call(format),
        SyntaxError,
        `Format "${format}" begins with "${[...format][0] ?? ""}", not with a byte order (! > < =)`,
        `${name} ${JSON.stringify(format)}`,
      );
    }
  }
});

Deno.test("pack(), unpack(), calcSize() reject an invalid format; the error quotes it and the invalid part", () => {
  const bad = [
    // Codes of Python, some only for the native layout.
    ...[..."clLnNpPeFD"].map((code) => [`!H${code}`, code]),
    ...[..."zSX!><=@-+.,_\0\u00a0\u0663\uff13\u{1f40d}"].map((char) => [`!2B${char}H`, char]),
    ["!3 H", " "],
    ["!3\nH", "\n"],
    ["!H 12", "12"],
    ["!0", "0"],
    ["!toString", "t"],
    ["!__proto__", "_"],
  ];
  for (const [format = "", char] of bad) {
    for (const [name, call] of Object.entries(callers)) {
      const text = `${name} ${JSON.stringify(format)}`;
      const { message } = assertThrows(() => call(format), SyntaxError, `"${format}"`, text);
      assert(message.replace(format, "").includes(`"${char}"`), `${text}: ${message}`);
    }
  }
});

Deno.test("pack(), unpack(), calcSize() reject excessive counts", () => {
  const long = "9".repeat(100_000);
  for (
    const format of [
      ...["!99999999999s", "!99999999999B", "!99999999999x", `!${long}s`, `!${long}Q`, `!${long}x`],
      ...["!2147483648s", "!536870912I", "!268435456d", "!2147483647x?", "!2147483647x2147483647x"],
    ]
  ) {
    for (const [name, call] of Object.entries(callers)) {
      const text = `${name} ${format.slice(0, 50)}`;
      assertThrows(() => call(format), RangeError, "exceeds 2147483647 bytes", text);
    }
  }
});

Deno.test("pack(), unpack() allocate nothing for a large count that the arguments do not match", () => {
  const bytes = new Uint8Array(1);
  for (const format of ["!2147483647B", "!268435455Q", "!2147483646xB", "!2147483647s"]) {
    assert(calcSize(format) > 2_000_000_000, format);
    assertThrows(() => pack(format), TypeError, " is 0, not ", format);
    assertThrows(() => unpack(format, bytes), RangeError, " is 1, not ", format);
  }
});

Deno.test("calcSize() accepts leading zeros in a count", () => {
  assertEquals(calcSize("!0010H"), 20);
  assertEquals(calcSize(`!${"0".repeat(10_000)}`.concat("3H")), 6);
});

Deno.test("pack() rejects too few and too many values", () => {
  for (
    const [format, count, values] of [
      ["!", 0, [1]],
      ["!H", 1, []],
      ["!H", 1, [1, 2]],
      ["!2H", 2, [1]],
      ["!0H", 0, [1]],
      ["!4x", 0, [0]],
      ["!0s", 1, []],
      ["!4s", 1, [65, 66, 67, 68]],
      ["!HxB 3?", 5, [1, 2, true, true]],
      ["!H", 1, new Array(50_000).fill(1)],
    ] as [string, number, PackValue[]][]
  ) {
    const wanted = `pack: the number of values for "${format}" is ${values.length}, not ${count}`;
    assertThrows(() => pack(format, ...values), TypeError, wanted, format);
  }
});

Deno.test("pack() rejects a value of another type instead of converting it", () => {
  const object = {
    valueOf: () => {
      throw new Error("converted");
    },
  };
  const all = [1, 1n, true, "1", "", null, undefined, Symbol("1"), [1], object, new Uint8Array(1)];
  const noBytes = [new ArrayBuffer(1), new Uint8ClampedArray(1), new Int8Array(1), [1], "s"];
  const types: [string, string, unknown[]][] = [
    ["bBhHiIfd", "number", all.filter((value) => typeof value !== "number")],
    ["qQ", "bigint", all.filter((value) => typeof value !== "bigint")],
    ["?", "boolean", all.filter((value) => typeof value !== "boolean")],
    ["s", "Uint8Array", [...all.filter((value) => !(value instanceof Uint8Array)), ...noBytes]],
  ];
  for (const [codes, type, values] of types) {
    for (const code of codes) {
      for (const value of values) {
        assertThrows(
          () => pack(`!x${code}` as string, value as PackValue),
          TypeError,
          `pack: the format requires a ${type}, not a value of type ${typeof value}`,
          `${code} ${Deno.inspect(value)}`,
        );
      }
    }
  }
});

Deno.test("pack() rejects integers that do not fit; the error names them", () => {
  for (const [code, bits] of Object.entries({ b: 8, B: 8, h: 16, H: 16, i: 32, I: 32 })) {
    const signed = code === code.toLowerCase();
    const min = signed ? -(2 ** (bits - 1)) : 0;
    const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
    for (
      const bad of [min - 1, max + 1, 0.5, min - 0.5, max + 0.5, NaN, Infinity, -Infinity, 1e300]
    ) {
      const wanted = `pack: ${bad} is not an integer from ${min} to ${max}`;
      assertThrows(() => pack(`!${code}` as string, bad), RangeError, wanted, `${code} ${bad}`);
    }
    for (const good of [min, max, -0, 1]) {
      assertEquals(
        unpack(`<${code}`, pack(`<${code}` as string, good)),
        [good + 0],
        `${code} ${good}`,
      );
    }
  }
  for (const [code, min] of Object.entries({ q: -(2n ** 63n), Q: 0n })) {
    const max = min + 2n ** 64n - 1n;
    for (const bad of [min - 1n, max + 1n, -(2n ** 64n), 2n ** 65n, 10n ** 100n]) {
      const wanted = `pack: ${bad} is not an integer from ${min} to ${max}`;
      assertThrows(() => pack(`!${code}` as string, bad), RangeError, wanted, `${code} ${bad}`);
    }
  }
});

Deno.test("pack() rejects a number too large for f, and accepts Infinity", () => {
  const firstTooLarge = 2 ** 128 - 2 ** 103;
  for (const bad of [firstTooLarge, -firstTooLarge, 1e39, Number.MAX_VALUE]) {
    assertThrows(() => pack("!f", bad), RangeError, `pack: ${bad} is too large for "f"`);
  }
  assertEquals(pack("!f", firstTooLarge - 2 ** 76).toHex(), "7f7fffff");
  assertEquals(pack("!3f", Infinity, -Infinity, NaN).toHex(), "7f800000ff8000007fc00000");
});

Deno.test("pack() returns a new array with its own buffer", () => {
  const name = new Uint8Array([1, 2]);
  const first = pack("!2sHd", name, 3, 0.5);
  const second = pack("!2sHd", name, 4, -0.5);
  name.fill(9);
  second.fill(9, 0, 2);
  assertEquals(first.toHex(), "010200033fe0000000000000");
  assertEquals(second.toHex(), "09090004bfe0000000000000");
  assertEquals([first.byteOffset, first.buffer.byteLength], [0, 12]);
});

Deno.test("pack() accepts a view of a larger buffer", () => {
  const buffer = new Uint8Array([1, 2, 3, 4, 5, 6]);
  assertEquals([...pack("!3s", buffer.subarray(2, 4))], [3, 4, 0]);
  assertEquals([...pack("!3s", buffer.subarray(1))], [2, 3, 4]);
  assertEquals([...pack("!x2sx", Buffer.from("abc"))], [0, 97, 98, 0]);
});

Deno.test("pack() works after it rejected a value", () => {
  for (let i = 0; i < 3; i++) {
    assertThrows(() => pack("!HBq", 0xffff, 256, 1n), RangeError);
    assertEquals(pack("!HBq", 1, 2, 3n).toHex(), "0001020000000000000003");
  }
});

Deno.test("unpack() rejects any other size; the error names both", () => {
  for (const format of ["!", "!H", "<3s", "=0H", "!dx", "!4x", ">q?s"]) {
    const size = calcSize(format);
    for (const other of [0, size - 1, size + 1, size * 2, 1000]) {
      if (other < 0 || other === size) continue;
      const wanted = `unpack: the number of bytes for "${format}" is ${other}, not ${size}`;
      assertThrows(() => unpack(format, new Uint8Array(other)), RangeError, wanted);
    }
  }
});

Deno.test("unpack() reads a view of a larger buffer, at any offset", () => {
  const message = pack("!bHIQfd?2s", -1, 2, 3, 4n, 0.5, -0.25, true, new Uint8Array([5, 6]));
  const values = unpack("!bHIQfd?2s", message);
  for (const buffer of [new ArrayBuffer(64), new SharedArrayBuffer(64)]) {
    for (let offset = 0; offset < 16; offset++) {
      const larger = new Uint8Array(buffer).fill(0xee);
      larger.set(message, offset);
      const view = larger.subarray(offset, offset + message.length);
      assertEquals(unpack("!bHIQfd?2s", view), values, `${offset}`);
    }
  }
});

Deno.test("unpack() copies bytes into a plain Uint8Array", () => {
  const array = new Uint8Array([0, 1, 2, 3]);
  for (const bytes of [array, array.subarray(0), Buffer.from([0, 1, 2, 3])]) {
    const [value] = unpack("!x2sx", bytes);
    bytes.fill(9);
    assertEquals(value, new Uint8Array([1, 2]), bytes.constructor.name);
    assertStrictEquals(value.constructor, Uint8Array);
    assertEquals([value.byteOffset, value.buffer.byteLength], [0, 2]);
    bytes.set([0, 1, 2, 3]);
  }
});

Deno.test("unpack() returns a new array from each call", () => {
  const bytes = new Uint8Array([1, 2]);
  const first = unpack("!2B", bytes);
  first[0] = 9;
  assertEquals(unpack("!2B", bytes), [1, 2]);
});

Deno.test("pack(), unpack() handle more formats than their cache holds", () => {
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 300; i++) {
      const format = `!${i}xB${i}sH`;
      const bytes = pack(format, i % 256, new Uint8Array(i).fill(7), i);
      assertEquals(bytes.length, 2 * i + 3, format);
      assertEquals(unpack(format, bytes), [i % 256, new Uint8Array(i).fill(7), i], format);
    }
  }
});

Deno.test("pack(), unpack() handle a format created at run time, and many values", () => {
  const numbers = Array.from({ length: 20_000 }, (_, i) => i);
  const format = `!${numbers.length}I`;
  const bytes = pack(format, ...numbers);
  assertEquals(bytes.length, 80_000);
  assertEquals(unpack(format, bytes), numbers);
});

Deno.test("pack() encodes the messages of the CS:APP lecture", () => {
  assertEquals([...pack("!I", 4294967295), ...pack("!I", 0)], [255, 255, 255, 255, 0, 0, 0, 0]);
});
