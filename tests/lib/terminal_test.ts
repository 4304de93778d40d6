import { assertEquals } from "@std/assert";
import { TerminalWriter } from "../../lib/cli/terminal.ts";
import { writeN, type Writer } from "../../lib/io/read_write.ts";
import { toBytes } from "../support/bytes.ts";

/** What is written, as characters that are bytes, and what is shown. */
const texts: Record<string, [written: string, shown: string]> = {
  "text": ["hello, world\n\ttab\n", "hello, world\n\ttab\n"],
  "CRLF": ["one\r\ntwo\r\n\r\n", "one\r\ntwo\r\n\r\n"],
  "a lone CR": ["safe\rfake\r\r\n\rx", "safe\ufffdfake\ufffd\r\n\ufffdx"],
  "UTF-8": ["\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80.", "\u00e4\u20ac\u{1f600}."],
  "a byte order mark": ["\xef\xbb\xbfhello\xef\xbb\xbf.", "\ufeffhello\ufeff."],
  "escape sequences": ["\x1b[2J\x07\b\0\x7f.", "\ufffd[2J\ufffd\ufffd\ufffd\ufffd."],
  "C1 controls": ["\xc2\x9b2J\xc2\x85\xc2\x80.", "\ufffd2J\ufffd\ufffd."],
  "bytes that are not UTF-8": ["\xff\x9b2J\xc0\xaf\xed.", "\ufffd\ufffd2J\ufffd\ufffd\ufffd."],
  "half a character before another": ["\xe2\x82a\xf0\x9f\x98\n", "\ufffda\ufffd\n"],
};

/** The characters that are replaced by U+FFFD, and neighbours that are not. */
const bidi = [
  ...[0x061c, 0x200e, 0x200f, 0x2028, 0x2029],
  ...[0x202a, 0x202b, 0x202c, 0x202d, 0x202e],
  ...[0x2066, 0x2067, 0x2068, 0x2069],
];
const safe = [0x20, 0x7e, 0xa0, 0x061b, 0x061d, 0x200d, 0x2010, 0x2027, 0x202f, 0x2065, 0x206a];
for (const code of bidi) texts[`U+${code.toString(16)}`] = [`${utf8(code)}.`, "\ufffd."];
for (const code of safe) {
  texts[`U+${code.toString(16)}`] = [`${utf8(code)}.`, `${String.fromCodePoint(code)}.`];
}

function utf8(code: number): string {
  return String.fromCharCode(...new TextEncoder().encode(String.fromCodePoint(code)));
}

/** A terminal that accepts at most `amount` bytes per write. */
class Screen implements Writer {
  readonly #amount: number;
  readonly #bytes: number[] = [];

  constructor(amount: number) {
    this.#amount = amount;
  }

  write(p: Uint8Array): Promise<number> {
    const taken = p.subarray(0, this.#amount);
    this.#bytes.push(...taken);
    return Promise.resolve(taken.length);
  }

  get text(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(this.#bytes));
  }
}

for (const [what, [written, shown]] of Object.entries(texts)) {
  Deno.test(`TerminalWriter shows ${what} the same, however it is divided into writes`, async () => {
    const bytes = toBytes(written);
    const cuts = [...Array(bytes.length + 1).keys()];
    const pairs = cuts.flatMap((first) =>
      cuts.filter((cut) => cut >= first).map((cut) => [first, cut])
    );
    for (const amount of [1, 1000]) {
      for (const [first, second] of pairs) {
        const screen = new Screen(amount);
        const writer = new TerminalWriter(screen);
        const pieces = [
          bytes.subarray(0, first),
          bytes.subarray(first, second),
          bytes.subarray(second),
        ];
        for (const piece of pieces) assertEquals(await writer.write(piece), piece.length);
        assertEquals(screen.text, shown, `cut at ${first} and ${second}, ${amount} at once`);
      }
      const screen = new Screen(amount);
      const writer = new TerminalWriter(screen);
      for (const byte of bytes) await writer.write(new Uint8Array([byte]));
      assertEquals(screen.text, shown, "byte by byte");
    }
  });
}

Deno.test("TerminalWriter replaces all other control characters", async () => {
  const screen = new Screen(1000);
  const writer = new TerminalWriter(screen);
  const all = String.fromCodePoint(...Array(0xa0).keys());
  await writeN(writer, new TextEncoder().encode(`${all}.`));
  assertEquals(/[^\P{Cc}\t\n]/u.exec(screen.text), null);
  assertEquals(screen.text.length, all.length + 1);
});
