import { assert, assertEquals, assertMatch } from "@std/assert";
import { LinePrinter } from "../../lib/io/line_printer.ts";
import type { Writer } from "../../lib/io/read_write.ts";

const LONG = 30_000;

/** An output that may block or fail. */
class Output implements Writer {
  text = "";
  writes = 0;
  fails = false;
  #open = Promise.withResolvers<void>();

  constructor(isOpen: boolean = true) {
    if (isOpen) this.open();
  }

  open(): void {
    this.#open.resolve();
  }

  async write(p: Uint8Array): Promise<number> {
    await this.#open.promise;
    this.writes++;
    if (this.fails) throw Object.assign(new Error("No space left"), { code: "ENOSPC" });
    const part = p.subarray(0, Math.ceil(p.length / 2)); // a short write
    this.text += new TextDecoder().decode(part);
    return part.length;
  }
}

Deno.test("LinePrinter prints lines in their order", async () => {
  const output = new Output();
  const printer = new LinePrinter(output);
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}`);
  for (const line of lines) printer.print(line);
  await printer.flush(LONG);
  assertEquals(output.text, lines.map((line) => `${line}\n`).join(""));
});

Deno.test("LinePrinter prints exactly one line for each call", async () => {
  const output = new Output();
  const printer = new LinePrinter(output);
  for (const line of ["two\nlines", "\x1b[2J", "a\u2028b", "tab\t", "", "\r\n"]) {
    printer.print(line);
  }
  await printer.flush(LONG);
  assertEquals(output.text, "two\ufffdlines\n\ufffd[2J\na\ufffdb\ntab\t\n\n\n");
});

Deno.test("LinePrinter writes whole lines, at most PIPE_BUF bytes at once", async () => {
  const sizes: number[] = [];
  const printer = new LinePrinter({
    write(p) {
      sizes.push(p.length);
      assertEquals(p.at(-1), 0x0a);
      return Promise.resolve(p.length);
    },
  });
  for (let i = 0; i < 5000; i++) printer.print("\u20ac".repeat(i % 40)); // three bytes each
  await printer.flush(LONG);
  assert(Math.max(...sizes) <= 4096, `${Math.max(...sizes)}`);
  assert(sizes.length < 300, `${sizes.length} writes`);
});

Deno.test("LinePrinter waits for a slow output", async () => {
  const output = new Output();
  const printer = new LinePrinter(output);
  const line = "x".repeat(1000);
  for (let i = 0; i < 5000; i++) await printer.print(line);
  await printer.flush(LONG);
  assertEquals(output.text.length, 5000 * 1001);
});

Deno.test("LinePrinter waits a second for a blocked output, then drops lines and counts them", async () => {
  const output = new Output(false);
  const printer = new LinePrinter(output);
  const line = "x".repeat(999);
  const start = performance.now();
  for (let i = 0; i < 10_000; i++) await printer.print(line);
  const took = performance.now() - start;
  assert(took > 900 && took < 10_000, `${took} ms`);
  await printer.flush(1);
  assertEquals(output.text, "");
  output.open();
  await printer.flush(LONG);
  const [, dropped] = /\n(\d+) lines dropped\n/.exec(output.text) ?? [];
  const printed = output.text.split("\n").filter((text) => text === line).length;
  assertEquals(printed + Number(dropped), 10_000);
  assert(printed < 3000, `${printed} lines were kept`);
  // It waits again for a slow output.
  for (let i = 0; i < 5000; i++) await printer.print(line);
  await printer.flush(LONG);
  assertEquals(output.text.match(/dropped/g)?.length, 1);
});

Deno.test("LinePrinter drops lines while writes fail, and reports their number afterwards", async () => {
  const output = new Output();
  const reports: number[] = [];
  const printer = new LinePrinter(output, (lines) => reports.push(lines));
  output.fails = true;
  for (const line of ["one", "two", "three"]) {
    await printer.print(line);
    await printer.flush(LONG);
  }
  assertEquals([output.text, reports], ["", []]);
  output.fails = false;
  printer.print("four");
  await printer.flush(LONG);
  assertEquals([output.text, reports], ["four\n", [3]]);
});

Deno.test("LinePrinter prints a line that is longer than its queue", async () => {
  const output = new Output();
  const printer = new LinePrinter(output);
  printer.print("y".repeat(3 << 20));
  await printer.flush(LONG);
  assertMatch(output.text, /^y+\n$/);
});

Deno.test("LinePrinter drops nothing while a slow output makes progress", async () => {
  let taken = 0;
  const printer = new LinePrinter({
    async write(p) {
      await new Promise((resolve) => setTimeout(resolve, 10)); // 400 KB a second at most
      taken += p.length;
      return p.length;
    },
  });
  const line = "x".repeat(999);
  // Several callers, each of which waits: writing the queue takes longer than a second.
  await Promise.all([1, 2, 3, 4].map(async () => {
    for (let i = 0; i < 150; i++) await printer.print(line);
  }));
  await printer.flush(LONG);
  assertEquals(taken, 600 * 1000);
});

Deno.test("LinePrinter ends a line that a failed write cut, and counts the lost lines exactly", async () => {
  let text = "";
  let room = 12;
  const reports: number[] = [];
  const printer = new LinePrinter({
    write(p) {
      if (room === 0) return Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
      const part = p.subarray(0, room);
      room -= part.length;
      text += new TextDecoder().decode(part);
      return Promise.resolve(part.length);
    },
  }, (lines) => reports.push(lines));
  for (const line of ["one", "two", "three", "four"]) printer.print(line);
  await printer.flush(LONG);
  assertEquals([text, reports], ["one\ntwo\nthre", []]);
  printer.print("five");
  await printer.flush(LONG);
  room = 100;
  printer.print("six");
  await printer.flush(LONG);
  assertEquals([text, reports], ["one\ntwo\nthre\nsix\n", [3]]);
});

Deno.test("LinePrinter retries a non-blocking output", async () => {
  let tries = 0;
  let text = "";
  const printer = new LinePrinter({
    write(p) {
      if (++tries % 2 === 1) {
        const again = Object.assign(new Error("Resource temporarily unavailable"), {
          code: "EAGAIN",
        });
        return Promise.reject(again);
      }
      text += new TextDecoder().decode(p.subarray(0, 3));
      return Promise.resolve(3);
    },
  });
  printer.print("hello");
  await printer.flush(LONG);
  assertEquals(text, "hello\n");
});

Deno.test("LinePrinter continues when onDropped throws", async () => {
  const output = new Output();
  const printer = new LinePrinter(output, () => {
    throw new Error("no");
  });
  output.fails = true;
  printer.print("one");
  await printer.flush(LONG);
  output.fails = false;
  for (const line of ["two", "three"]) {
    printer.print(line);
    await printer.flush(LONG);
  }
  assertEquals(output.text, "two\nthree\n");
});
