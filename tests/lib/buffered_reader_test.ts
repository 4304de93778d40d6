import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { BufferedReader } from "../../lib/io/buffered_reader.ts";
import { amounts, nothing, Source, type Step, whole } from "../support/readers.ts";
import { randomIntegers, toBytes, toText } from "../support/bytes.ts";

/** The time limit of a test that would not end if it failed, in ms. */
const PATIENCE = { timeout: 60_000 };

const sizes = [1, 2, 3, 7, 16, 64, 8192];

/** A text of random bytes, one in twenty a newline. */
function randomText(length: number, random: (end: number) => number): string {
  const char = () => random(20) === 0 ? "\n" : String.fromCharCode(random(256));
  return Array.from({ length }, char).join("");
}

/** Lines of each length, one byte less and one more, newline included. */
function linesAround(...lengths: number[]): string {
  const around = lengths.flatMap((length) => [length - 1, length, length + 1]);
  return around.map((length) => "x".repeat(length).slice(1) + "\n").join("");
}

const texts: Record<string, string> = {
  "nothing": "",
  "a newline": "\n",
  "no newline at the end": "ab\ncdefghij",
  "CRLF": "ab\r\n\r\ncdefghi\r\n",
  "empty lines": "\n\nabc\n\n\ndefghijk\n\n",
  "every byte": String.fromCharCode(...Array(256).keys()),
  "lines as long as buffers": linesAround(1, 2, 3, 7, 16, 64),
  "random bytes": randomText(500, randomIntegers(1)),
};

const broken = new Deno.errors.ConnectionReset("the source is broken");

/** How a text arrives. */
const ways: Record<string, (text: Uint8Array) => Step[]> = {
  "all of it": (text) => [text],
  // As from a terminal at Ctrl-D, which may return more when read again.
  "the end in the middle": (text) => [
    text.subarray(0, text.length / 2),
    null,
    text.subarray(text.length / 2),
  ],
  "an error in the middle": (text) => [
    text.subarray(0, text.length / 2),
    broken,
    text.subarray(text.length / 2),
  ],
  "an error at the end": (text) => [text, broken],
};

type LineCall = (reader: BufferedReader, max: number) => Promise<Uint8Array | null>;

/** The ways to read a line. */
const lineCalls: Record<string, LineCall> = {
  "readLine": (reader, max) => reader.readLine(max),
  "tryReadLine or readLine": async (reader, max) =>
    reader.tryReadLine(max) ?? await reader.readLine(max),
};

/** Reads all lines; an error counts as a line. */
async function readLines(reader: BufferedReader, call: LineCall, max: number): Promise<unknown[]> {
  const lines: unknown[] = [];
  for (let errors = 0; errors < 2;) {
    try {
      const line = await call(reader, max);
      if (line === null) break;
      lines.push(line);
      if (line.length === 0) break; // otherwise this loop would not end
    } catch (error) {
      lines.push(error === broken ? broken : `another error: ${error}`);
      errors++;
    }
  }
  // Converted last: a line must not change when the next ones are read.
  return lines.map((line) => line instanceof Uint8Array ? toText(line) : line);
}

/** What {@linkcode readLines} must return for these steps. */
function expectedLines(steps: Step[], max: number): unknown[] {
  const lines: unknown[] = split(concat(steps), max);
  if (steps.includes(broken)) {
    // The error is thrown when the bytes before it contain no further line.
    const before = split(concat(steps.slice(0, steps.indexOf(broken))), max);
    const whole = before.filter((line) => line.endsWith("\n") || line.length === max);
    lines.splice(whole.length, 0, broken);
  }
  return lines;
}

/** A text split after each delimiter and after `max` characters. */
function split(text: string, max: number, delimiter = "\n"): string[] {
  const [end, other] = [delimiter, `[^${delimiter}]`];
  return text.match(new RegExp(`${other}{0,${max - 1}}${end}|${other}{1,${max}}`, "g")) ?? [];
}

/** The text up to EOF. */
function concat(steps: Step[]): string {
  const end = steps.includes(null) ? steps.indexOf(null) : steps.length;
  return steps.slice(0, end).map((step) => step instanceof Uint8Array ? toText(step) : "").join("");
}

/** Whether two lists are equal. assertEquals() takes longer for that than reading the lines takes. */
function isSame(a: unknown[], b: unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

async function assertLines(text: string, what: string, size: number, max: number): Promise<void> {
  for (const [way, stepsOf] of Object.entries(ways)) {
    const steps = stepsOf(toBytes(text));
    const expected = expectedLines(steps, max);
    for (const [manner, amount] of Object.entries(amounts)) {
      for (const [name, call] of Object.entries(lineCalls)) {
        const reader = new BufferedReader(new Source(amount, ...steps), size);
        const lines = await readLines(reader, call, max);
        if (isSame(lines, expected)) continue;
        const where = `${name}, ${what}, ${way}, ${manner}, size ${size}, max ${max}`;
        assertEquals(lines, expected, where);
      }
    }
  }
}

Deno.test(
  "BufferedReader returns the same lines from every source, with every buffer size",
  PATIENCE,
  async () => {
    for (const size of sizes) {
      for (const max of sizes) {
        for (const [what, text] of Object.entries(texts)) await assertLines(text, what, size, max);
      }
    }
  },
);

Deno.test(
  "BufferedReader returns lines as long as its buffer and its limit",
  PATIENCE,
  async () => {
    for (const [size, max] of [[8192, 8192], [64, 8192], [8192, 64]] as const) {
      await assertLines(linesAround(size, max), "long lines", size, max);
    }
  },
);

Deno.test("BufferedReader returns the rest of a long line from the next call", async () => {
  const reader = new BufferedReader(new Source(whole, toBytes("abcdefgh\nij\n")));
  const lines = [];
  for (const max of [3, 4, 1, 2, 3, 80]) lines.push(await reader.readLine(max));
  assertEquals(lines.map((line) => line && toText(line)), ["abc", "defg", "h", "\n", "ij\n", null]);
});

Deno.test("BufferedReader.tryReadLine() takes buffered lines and never reads from the source", async () => {
  const source = new Source(whole, toBytes("ab\ncdefghij\nkl"), broken, toBytes("m\nno"));
  let reads = 0;
  const reader = new BufferedReader({ read: (p) => (reads++, source.read(p)) });
  const take = (max?: number) => {
    const line = reader.tryReadLine(max);
    return line && toText(line);
  };
  assertEquals(take(), undefined, "an empty buffer");
  assertEquals(await reader.readLine(1), toBytes("a"));
  assertEquals(take(), "b\n");
  assertEquals([take(3), take(3), take(3)], ["cde", "fgh", "ij\n"], "a long line in pieces");
  assertEquals([take(2), take(3), take()], ["kl", undefined, undefined], "a piece that is held");
  reader.unread(toBytes("kl"));
  assertEquals(take(), undefined, "put back");
  assertEquals(reads, 1);

  assertStrictEquals(await assertRejects(() => reader.readLine(), Error), broken);
  assertEquals(take(), undefined, "after an error");
  assertEquals(await reader.readLine(), toBytes("klm\n"));
  assertEquals(take(), undefined, "a line without a newline may go on");
  assertEquals(await reader.readLine(), toBytes("no"));
  reader.unread(toBytes("no"));
  assertEquals(take(), undefined, "a last line without a newline is left to readLine");
  assertEquals(await reader.readLine(), toBytes("no"));
  assertEquals(take(), undefined, "and so is the end of the stream");
  assertEquals(await reader.readLine(), null);
  assertEquals(reads, 4);
});

Deno.test("BufferedReader.readUntil() finds every byte at every offset", async () => {
  for (let delimiter = 0; delimiter < 256; delimiter++) {
    // The bytes that differ least from it.
    const others = [1, 0x80, 0xff].map((bits) => delimiter ^ bits);
    others.push((delimiter + 1) & 0xff, (delimiter + 255) & 0xff);
    const pieces = Array.from({ length: 40 }, (_, length) => {
      const piece = Array.from({ length }, (_, i) => others[(i + length) % others.length] ?? 0);
      return new Uint8Array([...piece, delimiter]);
    });
    const reader = new BufferedReader(new Source(whole, ...pieces), 64);
    for (const piece of pieces) {
      assertEquals(await reader.readUntil(delimiter, 64), piece, `delimiter ${delimiter}`);
    }
  }
});

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** The memory that this test uses. The resident set includes that of concurrent tests. */
function memoryInUse(): number {
  collectGarbage();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

Deno.test("BufferedReader grows its reads while the source fills them, and shrinks them again", async () => {
  const asked: number[] = [];
  let gives = Infinity;
  const source = {
    read(p: Uint8Array): Promise<number | null> {
      asked.push(p.length);
      return Promise.resolve(Math.min(gives, p.length));
    },
  };
  const reader = new BufferedReader(source, 1000);
  const take = async (count: number) =>
    assertEquals(await reader.readN(new Uint8Array(count)), count);
  for (const count of [1000, 2000, 4000, 8000, 8000]) await take(count);
  assertEquals(asked, [1000, 2000, 4000, 8000, 8000]);

  gives = 10;
  for (let read = 0; read < 1000; read++) await take(10);
  assert(asked.slice(-100).every((length) => length <= 1000), `it asked for ${asked.slice(-100)}`);
});

Deno.test("BufferedReader reads a line of 30 MB in bounded memory", PATIENCE, async () => {
  const length = 30_000_000;
  for (const [size, max] of [[8192, 8192], [64, 8192]] as const) {
    const where = `size ${size}, max ${max}`;
    const before = memoryInUse();
    let most = before;
    let largestBuffer = 0;
    let left = length;
    let nextLook = length;
    const source = {
      read(p: Uint8Array): Promise<number | null> {
        if (left === 0) return Promise.resolve(null);
        const count = Math.min(left, p.length);
        p.fill(0x78, 0, count);
        left -= count;
        largestBuffer = Math.max(largestBuffer, p.buffer.byteLength);
        if (left < nextLook) {
          most = Math.max(most, memoryInUse());
          nextLook -= length / 4;
        }
        return Promise.resolve(count);
      },
    };
    const reader = new BufferedReader(source, size);
    let total = 0;
    for (let piece; (piece = await reader.readLine(max)) !== null;) {
      assert(piece.length <= max, `${where}: a piece of ${piece.length} bytes`);
      total += piece.length;
    }
    assertEquals(total, length, where);
    assert(largestBuffer <= Math.max(8 * size, 2 * max), `${where}: a buffer of ${largestBuffer}`);
    assert(most - before < 4_000_000, `${where}: ${most - before} bytes more in use`);
  }
});

/** Calls that take up to `max` bytes: the bytes they return, or null at EOF, and those expected. */
const calls: Record<
  string,
  (reader: BufferedReader, max: number, rest: string) => Promise<[Uint8Array | null, string]>
> = {
  readLine: async (reader, max, rest) => [await reader.readLine(max), split(rest, max)[0] ?? ""],
  tryReadLine: async (reader, max, rest) => [
    reader.tryReadLine(max) ?? await reader.readLine(max),
    split(rest, max)[0] ?? "",
  ],
  readUntil: async (reader, max, rest) => [
    await reader.readUntil(0, max),
    split(rest, max, "\0")[0] ?? "",
  ],
  async readN(reader, max, rest) {
    const p = new Uint8Array(max);
    const count = await reader.readN(p);
    return [count === null ? null : p.subarray(0, count), rest.slice(0, max)];
  },
  async read(reader, max, rest) {
    const p = new Uint8Array(max);
    const count = await reader.read(p);
    // Any number of bytes from one.
    return [count === null ? null : p.subarray(0, count), rest.slice(0, count || 1)];
  },
};

Deno.test("BufferedReader returns the whole text from calls in any order", PATIENCE, async () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = randomIntegers(seed);
    const pick = <T>(from: T[]): T => from[random(from.length)] as T;
    const [way, stepsOf] = pick(Object.entries(ways));
    const [manner, amount] = pick(Object.entries(amounts));
    const size = pick(sizes);
    const steps = stepsOf(toBytes(randomText(random(1000), random)));
    const reader = new BufferedReader(new Source(amount, ...steps), size);
    const text = concat(steps);
    const pieces: Uint8Array[] = [];
    let offset = 0;
    let errors = 0;
    for (let ended = false; !ended;) {
      const [name, call] = pick(Object.entries(calls));
      const max = 1 + random(pick([3, 30, 300]));
      const where = `seed ${seed}, ${way}, ${manner}, size ${size}: ${name} of ${max} at ${offset}`;
      try {
        if (random(3) === 0) assertEquals(await reader.atEnd(), offset === text.length, where);
        const [piece, expected] = await call(reader, max, text.slice(offset));
        assertEquals(piece && toText(piece), expected || null, where);
        ended = piece === null;
        pieces.push(piece ?? new Uint8Array());
        offset += expected.length;
      } catch (error) {
        if (error !== broken || ++errors > 1) throw new Error(where, { cause: error });
      }
    }
    assertEquals(concat(pieces), text, `seed ${seed}: the pieces, compared at the end`);
    assertEquals(errors, steps.includes(broken) ? 1 : 0, `seed ${seed}: errors`);
  }
});

Deno.test("BufferedReader reads nothing into an empty buffer, even at EOF", async () => {
  const reader = new BufferedReader(new Source(whole));
  assertEquals(await reader.readN(new Uint8Array()), 0);
  assertEquals(await reader.read(new Uint8Array()), 0);
});

Deno.test("BufferedReader.readN() throws the source's error; the next call returns all bytes", async () => {
  for (const [manner, amount] of Object.entries(amounts)) {
    const source = new Source(amount, toBytes("abcd"), broken, toBytes("efgh"));
    const reader = new BufferedReader(source, 3);
    const p = new Uint8Array(6);
    assertStrictEquals(await assertRejects(() => reader.readN(p), Error), broken, manner);
    p.fill(0);
    assertEquals(await reader.readN(p), 6, manner);
    assertEquals(toText(p), "abcdef", manner);
  }
});

Deno.test(
  "BufferedReader fails if its source returns 0 bytes again and again",
  PATIENCE,
  async () => {
    const reader = new BufferedReader(new Source(nothing));
    const p = new Uint8Array(3);
    for (const call of [() => reader.readN(p), () => reader.read(p), () => reader.readLine()]) {
      await assertRejects(call, Error, "read: the source returned 0 bytes", `${call}`);
    }
  },
);

Deno.test("BufferedReader rejects an invalid number of bytes; the error names it", async () => {
  for (const bad of [0, -1, 1.5, NaN, Infinity]) {
    const source = new Source(whole, toBytes("ab\n"));
    const message = `${bad} is not a positive number of bytes`;
    assertThrows(() => new BufferedReader(source, bad), RangeError, `BufferedReader: ${message}`);
    const reader = new BufferedReader(source);
    await assertRejects(() => reader.readLine(bad), RangeError, message);
    assertThrows(() => reader.tryReadLine(bad), RangeError, `tryReadLine: ${message}`);
    assertEquals(await reader.readLine(), toBytes("ab\n"), `after max ${bad}`);
  }
});

/** The lines that lines() yields, and the error that it throws, if any. */
async function linesOf(reader: BufferedReader, max?: number): Promise<unknown[]> {
  const lines: unknown[] = [];
  try {
    for await (const line of reader.lines(max)) lines.push(line);
  } catch (error) {
    lines.push(error === broken ? broken : String(error));
  }
  return lines;
}

/** Calls `check` with a reader for each manner of the source and each size of the buffer. */
async function withReaders(
  steps: Step[],
  check: (reader: BufferedReader, where: string) => Promise<void>,
): Promise<void> {
  for (const [manner, amount] of Object.entries(amounts)) {
    for (const size of sizes) {
      await check(
        new BufferedReader(new Source(amount, ...steps), size),
        `${manner}, size ${size}`,
      );
    }
  }
}

Deno.test("BufferedReader.lines() yields lines without their LF or CRLF", async () => {
  const cases: Record<string, string[]> = {
    "": [],
    "\n": [""],
    "one\ntwo\n": ["one", "two"],
    "one\r\n\r\ntwo\r\n": ["one", "", "two"],
    "mixed\r\nends\nof\r\nlines": ["mixed", "ends", "of", "lines"],
    "a CR\rin a line\r\r\n\r": ["a CR\rin a line\r", "\r"],
    "unterminated": ["unterminated"],
  };
  for (const [text, lines] of Object.entries(cases)) {
    await withReaders([toBytes(text)], async (reader, where) => {
      assertEquals(await linesOf(reader), lines, `${JSON.stringify(text)}, ${where}`);
      assertEquals(await linesOf(reader), [], `${JSON.stringify(text)}, ${where}, at EOF`);
    });
  }
});

Deno.test("BufferedReader.lines() decodes UTF-8, and other bytes as U+FFFD", async () => {
  const cases: Record<string, string> = {
    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80": "\u00e4\u20ac\u{1f600}",
    "\xff\xfe": "\ufffd\ufffd",
    "half \xc3": "half \ufffd",
    "\xef\xbb\xbfa byte order mark": "\ufeffa byte order mark",
  };
  for (const [bytes, text] of Object.entries(cases)) {
    await withReaders([toBytes(`${bytes}\n${bytes}`)], async (reader, where) => {
      assertEquals(await linesOf(reader), [text, text], where);
    });
  }
});

Deno.test("BufferedReader.lines() yields a line of exactly `max` bytes, its newline included", async () => {
  for (const text of ["1234567\n", "123456\r\n", "12345678", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"]) {
    await withReaders([toBytes(text)], async (reader, where) => {
      const line = new TextDecoder().decode(toBytes(text)).replace(/\r?\n$/, "");
      assertEquals(await linesOf(reader, 8), [line], `${JSON.stringify(text)}, ${where}`);
    });
  }
});

Deno.test("BufferedReader.lines() rejects a longer line, and loses nothing", async () => {
  const error = "RangeError: readline: the line exceeds 8 bytes";
  for (const long of ["12345678\n", "1234567\r\n", "123456789", `${"x".repeat(100)}\n`]) {
    await withReaders([toBytes(`one\n${long}two\n`)], async (reader, where) => {
      const text = `${JSON.stringify(long)}, ${where}`;
      assertEquals(await linesOf(reader, 8), ["one", error], text);
      assertEquals(await linesOf(reader, 8), [error], `${text}, again`);
      const all = `${long}two`.split(/\r?\n/);
      assertEquals(await linesOf(reader, 8192), all, `${text}, with a larger limit`);
    });
  }
});

Deno.test("BufferedReader.lines() throws the source's error, and continues after it", async () => {
  const text = "one\n12345678\ntwo\n";
  for (let cut = 0; cut <= text.length; cut++) {
    const steps = [toBytes(text.slice(0, cut)), broken, toBytes(text.slice(cut))];
    await withReaders(
      steps.filter((step) => step instanceof Error || step.length > 0),
      async (reader, where) => {
        const lines = [...await linesOf(reader, 9), ...await linesOf(reader, 9)];
        assertEquals(lines.filter((line) => line !== broken), ["one", "12345678", "two"], where);
        assertEquals(lines.indexOf(broken), text.slice(0, cut).split("\n").length - 1, where);
      },
    );
  }
});

Deno.test("BufferedReader.lines() keeps a piece of `max` bytes when the source fails after it", async () => {
  const steps = [toBytes("12345678"), broken, toBytes("9\n")];
  await withReaders(steps, async (reader, where) => {
    assertEquals(await linesOf(reader, 8), [broken], where);
    assertEquals(await linesOf(reader), ["123456789"], where);
  });
});

Deno.test("BufferedReader.lines() rejects an invalid limit", async () => {
  for (const max of [0, -1, 1.5, NaN]) {
    const reader = new BufferedReader(new Source(whole, toBytes("ab\n")));
    await assertRejects(() => reader.lines(max).next(), RangeError, `${max} is not a positive`);
    assertEquals(await linesOf(reader), ["ab"]);
  }
});

Deno.test("BufferedReader.lines() leaves the lines that were not taken", async () => {
  const reader = new BufferedReader(new Source(whole, toBytes("one\ntwo\nthree")));
  for await (const line of reader.lines()) {
    assertEquals(line, "one");
    break;
  }
  assertEquals(await reader.readLine(), toBytes("two\n"));
  assertEquals(await linesOf(reader), ["three"]);
});
