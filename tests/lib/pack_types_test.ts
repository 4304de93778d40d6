// Most of these tests fail when this file is type-checked, which `deno test` does first.

import { assertEquals, assertThrows } from "@std/assert";
import { pack, type PackValue, type PackValues, unpack } from "../../lib/wire/pack.ts";

/** True only for identical types: `any` and unions do not match others. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

function check<_Condition extends true>(): void {}

Deno.test("the tests of PackValues<> can fail", () => {
  // @ts-expect-error: another type
  check<Equal<PackValues<"!H">, [bigint]>>();
  // @ts-expect-error: another length
  check<Equal<PackValues<"!2H">, [number]>>();
  // @ts-expect-error: a tuple is more than an array
  check<Equal<PackValues<"!2H">, number[]>>();
  // @ts-expect-error: any is not the same as everything
  check<Equal<ReturnType<typeof JSON.parse>, PackValues<"!H">>>();
});

Deno.test("PackValues<> is inferred from a literal format", () => {
  check<Equal<PackValues<"!HB4s">, [number, number, Uint8Array]>>();
  check<Equal<PackValues<"!bBhHiIfd">, PackValues<"!8H">>>();
  check<Equal<PackValues<"<q">, [bigint]>>();
  check<Equal<PackValues<">Q?">, [bigint, boolean]>>();
  check<Equal<PackValues<"=2?2q">, [boolean, boolean, bigint, bigint]>>();
  check<Equal<PackValues<"!">, []>>();
  check<Equal<PackValues<"!4xH3x">, [number]>>();
  check<Equal<PackValues<"! H\t2B\n\v\f\r?  ">, [number, number, number, boolean]>>();
});

Deno.test("PackValues<> expands counts", () => {
  type Three = [number, number, number];
  type Twelve = [...Three, ...Three, ...Three, ...Three];
  check<Equal<PackValues<"!3H">, Three>>();
  check<Equal<PackValues<"!12H">, Twelve>>();
  check<Equal<PackValues<"!12H3B12I">, [...Twelve, ...Three, ...Twelve]>>();
  check<Equal<PackValues<"!0H">, []>>();
  check<Equal<PackValues<"!0q?">, [boolean]>>();
  check<Equal<PackValues<"!99H">["length"], 99>>();
  // The count of an s is a length.
  check<Equal<PackValues<"!0s">, [Uint8Array]>>();
  check<Equal<PackValues<"!123456s99sH">, [Uint8Array, Uint8Array, number]>>();
});

Deno.test("PackValues<> of a count too large to expand is an array", () => {
  check<Equal<PackValues<"!1000H">, number[]>>();
  check<Equal<PackValues<"!99999999999Q">, bigint[]>>();
  check<Equal<PackValues<"!H1000?">, [number, ...boolean[]]>>();
  check<Equal<PackValues<"!1000q1000H">, (bigint | number)[]>>();
  const values = unpack("!1000H", new Uint8Array(2000));
  check<Equal<typeof values, number[]>>();
  assertEquals(values.length, 1000);
  assertEquals(pack("!1000H", ...values).length, 2000);
});

Deno.test("PackValues<> of a format known only at run time is an array of all value types", () => {
  check<Equal<PackValues<string>, PackValue[]>>();
  check<Equal<PackValues<`!${number}s`>, PackValue[]>>();
  check<Equal<PackValues<`!H${string}`>, PackValue[]>>();
  check<Equal<PackValues<`!3${string}`>, PackValue[]>>();
  const size: number = 2;
  const values = unpack(`!B${size}s`, new Uint8Array(3));
  check<Equal<typeof values, PackValue[]>>();
  assertEquals(values, [0, new Uint8Array(2)]);
  assertEquals(pack(`!${size}B`, ...[1, 2]), new Uint8Array([1, 2]));
});

Deno.test("PackValues<> of a union of formats is a union of tuples", () => {
  check<Equal<PackValues<"!H" | "!Q?">, [number] | [bigint, boolean]>>();
});

Deno.test("unpack() returns the tuple of a literal format", () => {
  const values = unpack("!HB4s", new Uint8Array(7));
  check<Equal<typeof values, [number, number, Uint8Array]>>();
  const [port, kind, name] = values;
  check<Equal<typeof port, number>>();
  assertEquals([port, kind, name.length], [0, 0, 4]);
  // @ts-expect-error: there is no fourth value
  assertEquals(values[3], undefined);
});

Deno.test("pack() accepts the values of a literal format, at compile time and at run time", () => {
  pack("!HB4s", 1, 2, new Uint8Array(4));
  pack("<q?", 1n, true);
  pack("!");
  // @ts-expect-error: a value too few
  assertThrows(() => pack("!HB", 1), TypeError);
  // @ts-expect-error: a value too many
  assertThrows(() => pack("!H", 1, 2), TypeError);
  // @ts-expect-error: x has no value
  assertThrows(() => pack("!x", 0), TypeError);
  // @ts-expect-error: H is a number
  assertThrows(() => pack("!H", 1n), TypeError);
  // @ts-expect-error: q is a bigint
  assertThrows(() => pack("!q", 1), TypeError);
  // @ts-expect-error: ? is a boolean
  assertThrows(() => pack("!?", 1), TypeError);
  // @ts-expect-error: s is a Uint8Array
  assertThrows(() => pack("!2s", "ab"), TypeError);
  // @ts-expect-error: the second of two values is a number
  assertThrows(() => pack("!2H", 1, "2"), TypeError);
  // @ts-expect-error: no format has strings
  assertThrows(() => pack("!H" as string, "1"), TypeError);
});
