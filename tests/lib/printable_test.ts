import { assertEquals } from "@std/assert";
import { printable } from "../../lib/printable.ts";

const REPLACEMENT = "\ufffd";

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("printable() removes one newline at the end", () => {
  const cases = {
    "": "",
    "hello": "hello",
    "hello\n": "hello",
    "hello\r\n": "hello",
    "hello\n\n": `hello${REPLACEMENT}`,
    "hello\r\n\r\n": `hello${REPLACEMENT.repeat(2)}`,
    "\n": "",
    "\r\n": "",
    "two\nlines\n": `two${REPLACEMENT}lines`,
    "\nhello": `${REPLACEMENT}hello`,
  };
  for (const [sent, shown] of Object.entries(cases)) {
    assertEquals(printable(encode(sent)), shown, JSON.stringify(sent));
  }
});

Deno.test("printable() replaces control characters other than tab", () => {
  for (let code = 0; code < 0x100; code++) {
    const char = String.fromCharCode(code);
    const isControl = code < 0x20 || code >= 0x7f && code < 0xa0;
    const shown = isControl && char !== "\t" ? REPLACEMENT : char;
    assertEquals(printable(encode(`a${char}b`)), `a${shown}b`, `U+00${code.toString(16)}`);
  }
});

Deno.test("printable() replaces line separators and bidirectional marks", () => {
  for (const code of [0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069]) {
    const char = String.fromCodePoint(code);
    assertEquals(printable(`a${char}b`), `a${REPLACEMENT}b`, `U+${code.toString(16)}`);
  }
  for (const char of ["\u200d", "\u2027", "\u202f", "\u2065", "\u206a"]) {
    assertEquals(printable(char), char);
  }
});

Deno.test("printable() decodes UTF-8, and replaces other bytes", () => {
  const cases: [bytes: number[], shown: string][] = [
    [[0xc3, 0xa9], "\u00e9"],
    [[0xe2, 0x82, 0xac], "\u20ac"],
    [[0xf0, 0x9f, 0xa6, 0x95], "\u{1f995}"],
    [[0xef, 0xbb, 0xbf, 0x61], "\ufeffa"], // a byte order mark
    [[0xe2, 0x82], REPLACEMENT], // truncated
    [[0x82, 0xac], REPLACEMENT.repeat(2)], // its remaining bytes
    [[0x61, 0xff, 0x62], `a${REPLACEMENT}b`],
    [[0xc0, 0x8a], REPLACEMENT.repeat(2)], // a newline in two bytes
    [[0xed, 0xa0, 0x80], REPLACEMENT.repeat(3)], // half of a surrogate pair
  ];
  for (const [bytes, shown] of cases) {
    assertEquals(printable(new Uint8Array(bytes)), shown, new Uint8Array(bytes).toHex());
  }
});

Deno.test("printable() keeps no state between calls, and does not change its argument", () => {
  const buffer = new Uint8Array([0x61, 0xe2, 0x0a, 0x82, 0xac]);
  assertEquals(printable(buffer.subarray(0, 2)), `a${REPLACEMENT}`);
  assertEquals(printable(buffer.subarray(3)), REPLACEMENT.repeat(2));
  assertEquals(buffer.toHex(), "61e20a82ac");
});
