import { assertEquals, assertThrows } from "@std/assert";
import { packBits, unpackBits } from "../../lib/wire/bit_fields.ts";
import { pack } from "../../lib/wire/pack.ts";

/** The fields in binary, side by side, as in the diagram of a protocol. */
function draw(widths: number[], values: number[]): string {
  return widths.map((width, i) => (values[i] ?? 0).toString(2).padStart(width, "0")).join("");
}

function drawBytes(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
}

function assertBothWays(widths: number[], values: number[]): void {
  const text = JSON.stringify({ widths, values });
  const bytes = packBits(widths, values);
  assertEquals(drawBytes(bytes), draw(widths, values), text);
  assertEquals(unpackBits(widths, bytes), values, text);
}

Deno.test("packBits(), unpackBits() handle the message of CNP3, with each flag", () => {
  const widths = [16, 1, 1, 1, 1, 1, 1, 1, 1, 24, 8, 8];
  for (let flag = 0; flag < 8; flag++) {
    const values = [0x1234, 0, 0, 0, 0, 0, 0, 0, 0, 0xabcdef, 0x56, 0x78];
    values[1 + flag] = 1;
    const bytes = new Uint8Array([0x12, 0x34, 0x80 >> flag, 0xab, 0xcd, 0xef, 0x56, 0x78]);
    assertEquals(packBits(widths, values), bytes, `flag ${flag}`);
    assertEquals(unpackBits(widths, bytes), values, `flag ${flag}`);
  }
});

Deno.test("packBits(), unpackBits() handle the first byte of a request to CNP3's calculator", () => {
  for (
    const [byte, fields] of [
      [0x50, [5, 0, 0]],
      [0x71, [7, 0, 1]],
      [0x52, [5, 1, 0]],
      [0x83, [8, 1, 1]],
      [0x45, [4, 2, 1]],
    ] as [number, number[]][]
  ) {
    assertEquals(unpackBits([4, 3, 1], new Uint8Array([byte])), fields, `${byte}`);
    assertEquals(packBits([4, 3, 1], fields), new Uint8Array([byte]), `${byte}`);
  }
});

Deno.test("packBits(), unpackBits() handle every width at every offset in a byte", () => {
  for (let width = 1; width <= 32; width++) {
    for (let before = 1; before <= 8; before++) {
      const widths = [before, width, 8 - (before + width) % 8];
      const [, , after = 0] = widths;
      const all = 2 ** width - 1;
      const alternating = Number(0xaaaaaaaan & BigInt(all));
      for (const value of [0, 1, all, 2 ** (width - 1), alternating]) {
        assertBothWays(widths, [0, value, 0]);
        assertBothWays(widths, [2 ** before - 1, value, 2 ** after - 1]);
      }
    }
  }
});

Deno.test("packBits(), unpackBits() handle random messages", () => {
  let state = 1;
  const random = (below: number): number => {
    // Park and Miller's minimal generator: the same cases in each run.
    state = state * 48271 % 2147483647;
    return Math.floor(state / 2147483647 * below);
  };
  for (let i = 0; i < 500; i++) {
    const widths = Array.from({ length: random(20) }, () => 1 + random(32));
    const missing = -widths.reduce((sum, width) => sum + width, 0) & 7;
    if (missing > 0) widths.push(missing);
    assertBothWays(widths, widths.map((width) => random(2 ** width)));
  }
});

Deno.test("packBits() agrees with pack() on whole bytes", () => {
  assertEquals(
    packBits([32, 16, 8, 8], [0xfffefdfc, 0x8001, 255, 0]),
    pack("!IHBB", 0xfffefdfc, 0x8001, 255, 0),
  );
});

Deno.test("packBits(), unpackBits() handle an empty list of fields", () => {
  assertEquals(packBits([], []), new Uint8Array());
  assertEquals(unpackBits([], new Uint8Array()), []);
});

Deno.test("packBits(), unpackBits() reject a width that is not an integer from 1 to 32", () => {
  for (const bad of [0, -8, 33, 64, 1.5, 7.9, NaN, Infinity, -Infinity]) {
    const wanted = `field 1 is ${bad} bits wide, not from 1 to 32`;
    assertThrows(() => packBits([8, bad], [1, 0]), RangeError, `packBits: ${wanted}`);
    assertThrows(
      () => unpackBits([8, bad], new Uint8Array(2)),
      RangeError,
      `unpackBits: ${wanted}`,
    );
  }
});

Deno.test("packBits(), unpackBits() reject widths that do not fill whole bytes", () => {
  for (const widths of [[1], [7], [9], [4, 3], [32, 1], [31], [8, 8, 4]]) {
    const bits = widths.reduce((sum, width) => sum + width, 0);
    const wanted = `the widths add up to ${bits} bits, not a multiple of 8`;
    const zeros = widths.map(() => 0);
    assertThrows(() => packBits(widths, zeros), RangeError, `packBits: ${wanted}`);
    for (const size of [Math.floor(bits / 8), Math.ceil(bits / 8)]) {
      const bytes = new Uint8Array(size);
      assertThrows(() => unpackBits(widths, bytes), RangeError, `unpackBits: ${wanted}`);
    }
  }
});

Deno.test("packBits() rejects a value that does not fit; the error names it, its width and its field", () => {
  for (const width of [1, 3, 8, 24, 31, 32]) {
    for (const bad of [2 ** width, -1, 0.5, 2 ** width - 0.5, NaN, Infinity, 2 ** 53, -(2 ** 32)]) {
      const wanted = `packBits: ${bad} does not fit in the ${width} bits of field 2`;
      const widths = [8, 5, width, 8 - (13 + width) % 8];
      assertThrows(() => packBits(widths, [1, 1, bad, 0]), RangeError, wanted);
    }
  }
  // TypeScript rejects these.
  for (const bad of ["1", 1n, true, null, undefined, [1]]) {
    const values = [0, bad] as number[];
    assertThrows(() => packBits([4, 4], values), RangeError, "4 bits of field 1", `${bad}`);
  }
  assertEquals(packBits([8], [-0]), new Uint8Array(1));
});

Deno.test("packBits() rejects too few and too many values", () => {
  for (const values of [[], [1], [1, 2, 3]]) {
    const wanted = `packBits: the number of values is ${values.length}, not 2`;
    assertThrows(() => packBits([4, 4], values), TypeError, wanted);
  }
});

Deno.test("unpackBits() rejects any other size; the error names both", () => {
  for (const size of [0, 1, 3, 100]) {
    const wanted = `unpackBits: the number of bytes is ${size}, not 2`;
    assertThrows(() => unpackBits([12, 4], new Uint8Array(size)), RangeError, wanted);
  }
});

Deno.test("unpackBits() reads a view of a larger buffer and does not change it", () => {
  const larger = new Uint8Array([0xff, 0x12, 0x34, 0x56, 0xff]);
  assertEquals(unpackBits([4, 12, 8], larger.subarray(1, 4)), [1, 0x234, 0x56]);
  assertEquals([...larger], [0xff, 0x12, 0x34, 0x56, 0xff]);
});
