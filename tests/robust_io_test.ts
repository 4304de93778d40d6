import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BufferedReader, readN, writeN } from "../lib/robust_io.ts";
import {
  amounts,
  nothing,
  randomIntegers,
  Source,
  type Step,
  Target,
  toBytes,
  toText,
} from "./readers.ts";

const sizes = [1, 2, 3, 7, 16, 64, 8192];

/** A text of any bytes, every twentieth or so a newline. */
function randomText(length: number, random: (end: number) => number): string {
  const char = () => random(20) === 0 ? "\n" : String.fromCharCode(random(256));
  return Array.from({ length }, char).join("");
}

const texts: Record<string, string> = {
  "nothing": "",
  "a newline": "\n",
  "no newline at the end": "ab\ncdefghij",
  "CRLF": "ab\r\n\r\ncdefghi\r\n",
  "empty lines": "\n\nabc\n\n\ndefghijk\n\n",
  "every byte": String.fromCharCode(...Array(256).keys()),
  "random bytes": randomText(3000, randomIntegers(1)),
};

/** Lines that are, with their newline, as long as one of `lengths`, a byte less or more. */
function linesAround(...lengths: number[]): string {
  const around = lengths.flatMap((length) => [length - 1, length, length + 1]);
  return around.map((length) => "x".repeat(length).slice(1) + "\n").join("");
}

const broken = new Deno.errors.ConnectionReset("the source is broken");

/** How a text comes, or as much of it as comes. */
const ways: Record<string, (text: Uint8Array) => Step[]> = {
  "all of it": (text) => [text],
  "the end in the middle": (text) => [text.subarray(0, text.length / 2)],
  "an error in the middle": (text) => [
    text.subarray(0, text.length / 2),
    broken,
    text.subarray(text.length / 2),
  ],
  "an error at the end": (text) => [text, broken],
};

/** Reads lines until there are no more; an error is one of them. */
async function readLines(reader: BufferedReader, max: number): Promise<unknown[]> {
  const lines = [];
  for (;;) {
    try {
      const line = await reader.readLine(max);
      if (line === null) return lines;
      lines.push(toText(line));
    } catch (error) {
      lines.push(error === broken ? broken : `another error: ${error}`);
    }
  }
}

/** What {@linkcode readLines} has to make of these steps. */
function expectedLines(steps: Step[], max: number): unknown[] {
  const lines: unknown[] = split(concat(steps), max);
  if (steps.includes(broken)) {
    // The error comes when the bytes before it do not make up another line.
    const before = split(concat(steps.slice(0, steps.indexOf(broken))), max);
    const whole = before.filter((line) => line.endsWith("\n") || line.length === max);
    lines.splice(whole.length, 0, broken);
  }
  return lines;
}

/** The pieces of a text that end with a newline or have `max` characters, and what is left. */
function split(text: string, max: number): string[] {
  return text.match(new RegExp(`[^\n]{0,${max - 1}}\n|[^\n]{1,${max}}`, "g")) ?? [];
}

function concat(steps: Step[]): string {
  return steps.map((step) => step instanceof Uint8Array ? toText(step) : "").join("");
}

Deno.test("BufferedReader.readLine() gives the same lines from every source by every buffer", async () => {
  for (const size of sizes) {
    for (const max of sizes) {
      for (
        const [content, text] of Object.entries({ ...texts, "long lines": linesAround(size, max) })
      ) {
        for (const [way, stepsOf] of Object.entries(ways)) {
          const steps = stepsOf(toBytes(text));
          const expected = expectedLines(steps, max);
          for (const [manner, amount] of Object.entries(amounts)) {
            const reader = new BufferedReader(new Source(amount, ...steps), size);
            const where = `${content}, ${way}, ${manner}, size ${size}, max ${max}`;
            assertEquals(await readLines(reader, max), expected, where);
          }
        }
      }
    }
  }
});

Deno.test("BufferedReader.readLine() leaves the rest of a line that is too long for the next call", async () => {
  const reader = new BufferedReader(new Source(whole, toBytes("abcdefgh\nij\n")));
  const lines = [];
  for (const max of [3, 4, 1, 2, 3, 80]) lines.push(await reader.readLine(max));
  assertEquals(lines.map((line) => line && toText(line)), ["abc", "defg", "h", "\n", "ij\n", null]);
});

Deno.test("BufferedReader.readLine() gives lines that a later call does not change", async () => {
  const reader = new BufferedReader(new Source(whole, toBytes("ab\ncd\nef\n")), 3);
  const lines = [await reader.readLine(), await reader.readLine(), await reader.readLine()];
  assertEquals(lines.map((line) => line && toText(line)), ["ab\n", "cd\n", "ef\n"]);
});

Deno.test("BufferedReader.readLine() reads a line of 100 MB in bounded memory", async () => {
  const length = 100_000_000;
  const inUse = () => {
    // Not the resident set: that of other tests, which run at the same time, would be in it.
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  for (const [size, max] of [[8192, 8192], [64, 8192], [8192, 1000]] as const) {
    const where = `size ${size}, max ${max}`;
    const before = inUse();
    let most = before;
    let largestBuffer = 0;
    let left = length;
    const line = {
      read(p: Uint8Array): Promise<number | null> {
        if (left === 0) return Promise.resolve(null);
        const count = Math.min(left, p.length);
        p.fill(0x78, 0, count);
        left -= count;
        largestBuffer = Math.max(largestBuffer, p.buffer.byteLength);
        if (left % 100 === 0) most = Math.max(most, inUse());
        return Promise.resolve(count);
      },
    };
    const reader = new BufferedReader(line, size);
    let total = 0;
    for (let piece; (piece = await reader.readLine(max)) !== null;) {
      assert(piece.length <= max, `${where}: a piece of ${piece.length} bytes`);
      total += piece.length;
    }
    assertEquals(total, length, where);
    assert(largestBuffer <= 2 * max || largestBuffer === size, `${where}: buffer ${largestBuffer}`);
    console.error(where, most - before, largestBuffer);
    assert(most - before < 16_000_000, `${where}: ${most - before} bytes more than before`);
  }
});

Deno.test("BufferedReader's readLine(), readN() and read() in any order give the whole text", async () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = randomIntegers(seed);
    const pick = <T>(from: T[]): T => from[random(from.length)] as T;
    const text = randomText(random(1000), random);
    const [way, stepsOf] = pick(Object.entries(ways));
    const steps = stepsOf(toBytes(text));
    const [manner, amount] = pick(Object.entries(amounts));
    const size = pick(sizes);
    const reader = new BufferedReader(new Source(amount, ...steps), size);

    let rest = concat(steps);
    let errors = 0;
    for (let ended = false; !ended;) {
      const count = 1 + random(pick([3, 30, 300]));
      const call = pick(["readLine", "readN", "read"]);
      const where =
        `seed ${seed}: ${way}, ${manner}, size ${size}, ${call} ${count} at -${rest.length}`;
      const p = new Uint8Array(count);
      let got: string | null;
      try {
        if (call === "readLine") {
          const line = await reader.readLine(count);
          got = line && toText(line);
          assertEquals(got, split(rest, count)[0] ?? null, where);
        } else if (call === "readN") {
          const filled = await reader.readN(p);
          got = filled && toText(p.subarray(0, filled));
          assertEquals(got, rest.slice(0, count) || null, where);
        } else {
        }
      } catch (error) {
        if (error !== broken) throw error;
        errors++;
      }
    }
    assertEquals(errors, steps.includes(broken) ? 1 : 0, `seed ${seed}`);
  }
});
