import { assertEquals, assertThrows } from "@std/assert";
import { htonl, htonll, htons, ntohl, ntohll, ntohs } from "../../mod.ts";

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

Deno.test("htons(), htonl(), htonll() store the most significant byte first", () => {
  assertEquals([...new Uint8Array(new Uint16Array([htons(0x0102)]).buffer)], [1, 2]);
  assertEquals([...new Uint8Array(new Uint32Array([htonl(0x81020304)]).buffer)], [0x81, 2, 3, 4]);
  assertEquals(
    [...new Uint8Array(new BigUint64Array([htonll(0x8102030405060708n)]).buffer)],
    [0x81, 2, 3, 4, 5, 6, 7, 8],
  );
});

Deno.test("htons(), htonl(), htonll() return unsigned integers", () => {
  if (!hostIsLittleEndian) return;
  assertEquals(htons(0x00ff), 0xff00);
  assertEquals(htonl(0x000000ff), 0xff000000);
  assertEquals(htonll(0xffn), 0xff00000000000000n);
});

Deno.test("ntohs(), ntohl(), ntohll() are the inverses of htons(), htonl(), htonll()", () => {
  for (const n of [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff]) {
    assertEquals(ntohs(htons(n)), n, `${n}`);
  }
  for (const n of [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]) {
    assertEquals(ntohl(htonl(n)), n, `${n}`);
  }
  for (const n of [0n, 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    assertEquals(ntohll(htonll(n)), n, `${n}`);
  }
});

Deno.test("the byte order functions reject a value that does not fit; the error names it", () => {
  for (const bad of [-1, 65536, 1.5, NaN, Infinity, -0.1]) {
    for (const [name, call] of Object.entries({ htons, ntohs })) {
      assertThrows(() => call(bad), RangeError, `${name}: ${bad} is not`);
    }
  }
  for (const bad of [-1, 4294967296, 0.5, NaN, -Infinity]) {
    for (const [name, call] of Object.entries({ htonl, ntohl })) {
      assertThrows(() => call(bad), RangeError, `${name}: ${bad} is not`);
    }
  }
  for (const bad of [-1n, 2n ** 64n]) {
    for (const [name, call] of Object.entries({ htonll, ntohll })) {
      assertThrows(() => call(bad), RangeError, `${name}: ${bad} is not`);
    }
  }
});
