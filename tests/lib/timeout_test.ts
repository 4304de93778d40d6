import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { TimeoutReader, withTimeout } from "../../lib/io/timeout.ts";
import { nextTurn, testLeaks } from "../support/test_leaks.ts";
import { BufferedReader } from "../../lib/io/buffered_reader.ts";
import { type Reader, readN } from "../../lib/io/read_write.ts";
import { amounts, Source, whole } from "../support/readers.ts";
import { toBytes, toText } from "../support/bytes.ts";

/** A timeout that does not expire, in ms. */
const LONG = 30_000;
/** A timeout that expires, in ms. */
const SHORT = 1;

const broken = new Error("the source is broken");

/** A source that returns what it was given; a read waits until there is something. */
class Pipe implements Reader {
  /** The number of reads. */
  reads = 0;
  readonly #given: (string | null | Error)[] = [];
  #arrival = Promise.withResolvers<void>();

  /** Adds bytes, EOF or an error, each for one read. */
  give(what: string | null | Error): void {
    this.#given.push(what);
    this.#arrival.resolve();
  }

  async read(p: Uint8Array): Promise<number | null> {
    this.reads++;
    while (this.#given.length === 0) {
      this.#arrival = Promise.withResolvers();
      await this.#arrival.promise;
    }
    const [what = null] = this.#given.splice(0, 1);
    if (what instanceof Error) throw what;
    if (what === null) return null;
    const count = Math.min(what.length, p.length);
    p.set(toBytes(what.slice(0, count)));
    if (count < what.length) this.#given.unshift(what.slice(count));
    return count;
  }
}

/** A reader of an empty pipe whose first read has timed out. */
async function expiredReader(size: number): Promise<{ pipe: Pipe; reader: TimeoutReader }> {
  const pipe = new Pipe();
  const reader = new TimeoutReader(pipe, SHORT);
  await assertExpires(() => readText(reader, size));
  reader.timeout = LONG;
  return { pipe, reader };
}

async function assertExpires(call: () => Promise<unknown>, where?: string): Promise<void> {
  await assertRejects(call, Deno.errors.TimedOut, "read: timed out after 0.001 s", where);
}

/** Reads up to `size` bytes. */
async function readText(reader: Reader, size: number): Promise<string | null> {
  const p = new Uint8Array(size);
  const count = await reader.read(p);
  return count === null ? null : toText(p.subarray(0, count));
}

const calls = {
  readLine: async (reader: BufferedReader) => toText(await reader.readLine() ?? toBytes("the end")),
  readN: (reader: BufferedReader, count: number) =>
    readText({ read: (p) => reader.readN(p) }, count),
};

testLeaks("withTimeout() settles as the promise does in time", async () => {
  for (const ms of [0, 1, LONG]) {
    assertEquals(await withTimeout(Promise.resolve("came"), ms, "late"), "came", `${ms} ms`);
    const error = await assertRejects(() => withTimeout(Promise.reject(broken), ms, "late"), Error);
    assertStrictEquals(error, broken, `${ms} ms`);
  }
});

testLeaks("withTimeout() waits exactly as long as specified", async () => {
  for (const ms of [0, 1, 20]) {
    const start = performance.now();
    const never = new Promise(() => {});
    const error = await assertRejects(
      () => withTimeout(never, ms, "it is late"),
      Deno.errors.TimedOut,
    );
    assertEquals(error.message, "it is late", `${ms} ms`);
    const waited = performance.now() - start;
    assert(waited > ms - 1, `${waited} ms, not ${ms}`); // timers count whole milliseconds
  }
});

testLeaks("withTimeout() accepts a longer time than a timer does", async () => {
  for (const ms of [2 ** 31, Infinity]) {
    const slow = new Promise((resolve) => setTimeout(resolve, 5, "came"));
    assertEquals(await withTimeout(slow, ms, "late"), "came", `${ms} ms`);
  }
});

testLeaks("withTimeout() leaves the promise usable after the timeout", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await assertRejects(() => withTimeout(promise, SHORT, "late"), Deno.errors.TimedOut);
  resolve("came");
  assertEquals(await withTimeout(promise, SHORT, "late"), "came");
});

testLeaks("withTimeout() handles a rejection after the timeout", async () => {
  const { promise, reject } = Promise.withResolvers<string>();
  await assertRejects(() => withTimeout(promise, SHORT, "late"), Deno.errors.TimedOut);
  reject(broken);
});

testLeaks("TimeoutReader returns what the source returns in time", async () => {
  for (const [manner, amount] of Object.entries(amounts)) {
    for (const size of [1, 5, 80]) {
      const source = new Source(amount, toBytes("hello, "), toBytes("world"));
      const reader = new BufferedReader(new TimeoutReader(source, LONG), size);
      assertEquals(await calls.readN(reader, 80), "hello, world", `${manner}, size ${size}`);
    }
  }
});

testLeaks("TimeoutReader does not read from the source into an empty buffer", async () => {
  const pipe = new Pipe();
  assertEquals(await new TimeoutReader(pipe, SHORT).read(new Uint8Array()), 0);
  assertEquals(pipe.reads, 0);
});

testLeaks(
  "TimeoutReader: the next reads return what arrives after a timeout, whatever their size",
  async () => {
    for (const early of [1, 3, 5, 80]) {
      for (const late of [1, 3, 5, 80]) {
        const where = `a read of ${early} bytes times out, reads of ${late} follow`;
        const { pipe, reader } = await expiredReader(early);
        pipe.give("hello");
        let text = "";
        while (text.length < 5) text += await readText(reader, late);
        assertEquals(text, "hello", where);
        pipe.give(null);
        assertEquals(await readText(reader, late), null, where);
      }
    }
  },
);

testLeaks(
  "TimeoutReader: a pending read is not repeated, and does not write to the caller's buffer",
  async () => {
    const pipe = new Pipe();
    const reader = new TimeoutReader(pipe, SHORT);
    const p = new Uint8Array([1, 2, 3]);
    for (let i = 0; i < 3; i++) await assertExpires(() => reader.read(p));
    pipe.give("abc");
    await nextTurn();
    assertEquals(p, new Uint8Array([1, 2, 3]));
    assertEquals(pipe.reads, 1);
    assertEquals(await reader.read(p), 3);
    assertEquals(toText(p), "abc");
    assertEquals(pipe.reads, 1);
  },
);

testLeaks("TimeoutReader: the next read returns an EOF that arrives after a timeout", async () => {
  const { pipe, reader } = await expiredReader(80);
  pipe.give(null);
  await nextTurn();
  assertEquals(await readText(reader, 80), null);
});

testLeaks(
  "TimeoutReader: only the next read throws an error that occurs after a timeout",
  async () => {
    // A timeout of the source itself is an error like any other.
    for (const error of [broken, new Deno.errors.TimedOut("idle for 300 s")]) {
      const { pipe, reader } = await expiredReader(80);
      pipe.give(error);
      await nextTurn();
      assertStrictEquals(await assertRejects(() => readText(reader, 80), Error), error);
      pipe.give("it continues");
      assertEquals(await readText(reader, 80), "it continues", `after "${error.message}"`);
    }
  },
);

testLeaks("TimeoutReader: only one read throws an error that occurs in time", async () => {
  const reader = new TimeoutReader(new Source(whole, broken, toBytes("it continues")), LONG);
  assertStrictEquals(await assertRejects(() => readText(reader, 80), Error), broken);
  assertEquals(await readText(reader, 80), "it continues");
});

testLeaks("TimeoutReader: no read has to follow a timeout", async () => {
  for (const what of ["hello", null, broken]) {
    const { pipe } = await expiredReader(80);
    pipe.give(what);
  }
});

testLeaks("TimeoutReader: the timeout can be changed between reads", async () => {
  const pipe = new Pipe();
  const reader = new TimeoutReader(pipe, LONG);
  for (const ms of [1, 20, 2]) {
    pipe.give("in time");
    reader.timeout = LONG;
    assertEquals(await readText(reader, 80), "in time");
    reader.timeout = ms;
    const says = `read: timed out after ${ms / 1000} s`;
    await assertRejects(() => readText(reader, 80), Deno.errors.TimedOut, says);
  }
});

testLeaks("TimeoutReader allocates memory once for a large read of many pieces", async () => {
  const source = new Source(amounts["one byte at a time"] ?? whole, new Uint8Array(1000));
  const memory = new Set<ArrayBufferLike>();
  const watched: Reader = {
    read(p) {
      memory.add(p.buffer);
      return source.read(p);
    },
  };
  assertEquals(await readN(new TimeoutReader(watched, LONG), new Uint8Array(1000)), 1000);
  assertEquals(memory.size, 1);
});

for (const [name, call] of Object.entries(calls)) {
  testLeaks(
    `BufferedReader.${name}() on a TimeoutReader returns a whole line although a timeout divided it`,
    async () => {
      const line = "hello, world\n";
      for (const size of [1, 2, 5, 13, 8192]) {
        for (let cut = 0; cut < line.length; cut++) {
          const where = `size ${size}, ${cut} bytes before the timeout`;
          const pipe = new Pipe();
          const source = new TimeoutReader(pipe, SHORT);
          const reader = new BufferedReader(source, size);
          if (cut > 0) pipe.give(line.slice(0, cut));
          await assertExpires(() => call(reader, line.length), where);
          pipe.give(`${line.slice(cut)}next`);
          source.timeout = LONG;
          assertEquals(await call(reader, line.length), line, where);
          assertEquals(await calls.readN(reader, 4), "next", where);
        }
      }
    },
  );
}

testLeaks(
  "TimeoutReader on a connection: a timeout, later data, EOF, and a close while a read is pending",
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using conn = await listener.accept();
    const reader = new TimeoutReader(conn, SHORT);
    await assertExpires(() => readText(reader, 80));
    await client.write(toBytes("late"));
    reader.timeout = LONG;
    assertEquals(await readText(reader, 80), "late");
    await client.closeWrite();
    assertEquals(await readText(reader, 80), null);
    // In the other direction, a read is pending when the connection is closed.
    await assertExpires(() => readText(new TimeoutReader(client, SHORT), 80));
  },
);
