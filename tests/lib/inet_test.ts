import { assert, assertEquals, assertThrows } from "@std/assert";
import { inetNtop, inetPton } from "../../lib/address/inet.ts";
import { python3 } from "../support/python.ts";
import recorded from "../support/data/inet.json" with { type: "json" };

/** For each text its bytes in hexadecimal, or null if invalid; for each address in hexadecimal its text. */
interface Cases {
  pton4: Record<string, string | null>;
  pton6: Record<string, string | null>;
  ntop: Record<string, string>;
}

function assertAgrees(cases: Cases, from: string): void {
  for (const family of [4, 6] as const) {
    for (const [text, hex] of Object.entries(cases[`pton${family}`])) {
      const bytes = inetPton(family, text);
      assertEquals(bytes && bytes.toHex(), hex, `${from}: inetPton(${family}, ${quote(text)})`);
    }
  }
  for (const [hex, text] of Object.entries(cases.ntop)) {
    assertEquals(inetNtop(Uint8Array.fromHex(hex)), text, `${from}: inetNtop() of ${hex}`);
  }
}

/** The text in ASCII, for messages. */
function quote(text: string): string {
  const escape = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, escape);
}

function* randomAddresses(count: number): Generator<Uint8Array> {
  for (let n = 0; n < count; n++) {
    const bytes = crypto.getRandomValues(new Uint8Array(n % 4 ? 16 : 4));
    const zeros = n % 3 ? Math.floor(Math.random() * 256) : 0;
    yield bytes.map((byte, i) => zeros >> (i >> 1) & 1 ? 0 : byte);
  }
}

Deno.test("inetPton() and inetNtop() agree with recorded results of the C library", () => {
  assertAgrees(recorded, "inet.json");
});

// The results are glibc's: other C libraries accept other texts.
const LIBC = "import json, platform; print(json.dumps(platform.libc_ver()[0]))";
const canAsk = await python3("-c", LIBC) === "glibc";
Deno.test({
  name: "inetPton() and inetNtop() agree with the C library" +
    (canAsk ? "" : " (ignored: no python3 with a glibc)"),
  ignore: !canAsk,
  async fn() {
    const seed = `${Date.now()}`;
    const made = await python3<Cases>(`${import.meta.dirname}/../support/data/make_inet.py`, seed);
    assert(made !== null, `make_inet.py ${seed}`);
    assertAgrees(made, `make_inet.py ${seed}`);
  },
});

Deno.test("inetNtop() formats 0x8002C2F2 as 128.2.194.242", () => {
  assertEquals(inetNtop(new Uint8Array([0x80, 0x02, 0xc2, 0xf2])), "128.2.194.242");
});

Deno.test("inetPton() is the inverse of inetNtop()", () => {
  for (const bytes of randomAddresses(20_000)) {
    const text = inetNtop(bytes);
    const family = bytes.length === 4 ? 4 : 6;
    assertEquals(inetPton(family, text)?.toHex(), bytes.toHex(), text);
  }
});

Deno.test("inetPton() accepts an IPv6 address in upper case with all its zeros", () => {
  for (const bytes of randomAddresses(5_000)) {
    if (bytes.length === 4) continue;
    const full = bytes.toHex().toUpperCase().replace(/.{4}(?!$)/g, "$&:");
    assertEquals(inetPton(6, full)?.toHex(), bytes.toHex(), full);
  }
});

Deno.test("inetPton() returns bytes that a later call does not change", () => {
  const first = [inetPton(4, "1.2.3.4"), inetPton(6, "102:304::")];
  inetPton(4, "9.9.9.9");
  inetPton(6, "9:9:9:9:9:9:9:9");
  assertEquals(first.map((bytes) => bytes?.toHex()), ["01020304", `01020304${"0".repeat(24)}`]);
  assertEquals(first.map((bytes) => bytes?.buffer.byteLength), [4, 16]);
});

Deno.test("inetPton() rejects an address of the other family", () => {
  for (const [text, hex] of Object.entries<string | null>(recorded.pton4)) {
    if (hex !== null) assertEquals(inetPton(6, text), null, text);
  }
  for (const [text, hex] of Object.entries<string | null>(recorded.pton6)) {
    if (hex !== null) assertEquals(inetPton(4, text), null, text);
  }
});

Deno.test("inetPton() rejects an invalid family; the error names it", () => {
  for (const bad of [0, 2, 10, NaN]) {
    assertThrows(() => inetPton(bad as 4, "::1"), RangeError, `inetPton: ${bad} is not a family`);
  }
});

Deno.test("inetPton() rejects ten million characters in constant time", () => {
  for (const piece of ["1", "0", "f", ".", ":", "1.", "1:", "::", " ", "1.2.3.4", "::1", "\0"]) {
    const text = piece.repeat(10_000_000 / piece.length);
    const start = performance.now();
    for (const long of [text, `::1.2.3.4${text}`]) {
      assertEquals(inetPton(4, long), null, quote(piece));
      assertEquals(inetPton(6, long), null, quote(piece));
    }
    const elapsed = performance.now() - start;
    assert(elapsed < 1_000, `${elapsed} ms for ${quote(piece)}`);
  }
});

Deno.test("inetNtop() reads a view of a larger buffer and does not change it", () => {
  const packet = new Uint8Array(40).map((_, i) => i);
  assertEquals(inetNtop(packet.subarray(12, 16)), "12.13.14.15");
  assertEquals(inetNtop(packet.subarray(3, 19)), "304:506:708:90a:b0c:d0e:f10:1112");
  assertEquals(packet, new Uint8Array(40).map((_, i) => i));
});

Deno.test("inetNtop() rejects a length other than 4 or 16; the error names it", () => {
  for (const length of [0, 1, 3, 5, 8, 15, 17, 28]) {
    const message = `inetNtop: an address has 4 or 16 bytes, not ${length}`;
    assertThrows(() => inetNtop(new Uint8Array(length)), RangeError, message);
  }
});
