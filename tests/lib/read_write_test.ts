import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { BufferedReader } from "../../lib/io/buffered_reader.ts";
import { copy, readN, writeN, writeText } from "../../lib/io/read_write.ts";
import { amounts, nothing, Source, Target, whole } from "../support/readers.ts";
import { randomBytes, toBytes, toText } from "../support/bytes.ts";

/** The time limit of a test that would not end if it failed, in ms. */
const PATIENCE = { timeout: 60_000 };

const broken = new Deno.errors.ConnectionReset("the source is broken");

const readNs: Record<string, (source: Source) => (p: Uint8Array) => Promise<number | null>> = {
  "readN()": (source) => (p) => readN(source, p),
  "BufferedReader.readN()": (source) => {
    const reader = new BufferedReader(source, 3);
    return (p) => reader.readN(p);
  },
};

for (const [name, on] of Object.entries(readNs)) {
  Deno.test(`${name} returns fewer bytes only at EOF, and null after it`, async () => {
    for (const length of [1, 2, 3, 5, 9, 10, 11, 30]) {
      const expected = "0123456789".match(new RegExp(`.{1,${length}}`, "g")) ?? [];
      for (const [manner, amount] of Object.entries(amounts)) {
        const readN = on(new Source(amount, toBytes("0123456789")));
        const pieces = [];
        const p = new Uint8Array(length);
        for (let count; (count = await readN(p)) !== null; p.fill(0)) {
          pieces.push(toText(p.subarray(0, count)));
          assert(p.subarray(count).every((byte) => byte === 0), `${manner}, ${length}: too many`);
        }
        assertEquals(pieces, expected, `${manner}, ${length} bytes`);
        assertEquals(await readN(p), null, `${manner}, ${length} bytes`);
      }
    }
  });
}

Deno.test("readN() reads nothing into an empty buffer, even at EOF", async () => {
  assertEquals(await readN(new Source(whole), new Uint8Array()), 0);
});

Deno.test("readN() throws the source's error; the bytes before it are in the buffer", async () => {
  for (const [manner, amount] of Object.entries(amounts)) {
    const source = new Source(amount, toBytes("abcd"), broken, toBytes("efgh"));
    const p = toBytes("......");
    assertStrictEquals(await assertRejects(() => readN(source, p), Error), broken, manner);
    assertEquals(toText(p), "abcd..", manner);
    assertEquals(await readN(source, p.subarray(4)), 2, manner);
    assertEquals(toText(p), "abcdef", manner);
  }
});

Deno.test("readN() fails if its source returns 0 bytes again and again", PATIENCE, async () => {
  const read = () => readN(new Source(nothing), new Uint8Array(3));
  await assertRejects(read, Error, "read: the source returned 0 bytes");
});

Deno.test("writeN() writes all bytes, however many the target accepts at once", async () => {
  for (const length of [0, 1, 2, 3, 100, 5000]) {
    const text = toText(randomBytes(length, length));
    for (const [manner, amount] of Object.entries(amounts)) {
      const target = new Target(amount);
      await writeN(target, toBytes(text));
      assertEquals(toText(new Uint8Array(target.taken)), text, `${length} bytes, ${manner}`);
    }
  }
});

Deno.test("writeN() throws the target's error after the bytes written before it", async () => {
  for (const after of [0, 1, 5, 9]) {
    for (const [manner, amount] of Object.entries(amounts)) {
      const where = `${manner}, after ${after}`;
      const target = new Target(amount, { after, error: broken });
      const write = () => writeN(target, toBytes("0123456789"));
      assertStrictEquals(await assertRejects(write, Error), broken, where);
      assertEquals(toText(new Uint8Array(target.taken)), "0123456789".slice(0, after), where);
    }
  }
});

Deno.test("readN() and writeN() reject an invalid count", async () => {
  for (const count of [NaN, -1, 5, Infinity]) {
    const source = { read: () => Promise.resolve(count) };
    await assertRejects(
      () => readN(source, new Uint8Array(4)),
      RangeError,
      `returned ${count} for 4`,
    );
    const target = { write: () => Promise.resolve(count) };
    await assertRejects(
      () => writeN(target, new Uint8Array(4)),
      RangeError,
      `returned ${count} for 4`,
    );
  }
});

Deno.test("writeN() does not interleave concurrent calls, and keeps their order", async () => {
  const target = new Target((offered, turn) => Math.min(offered, turn % 3));
  const failing = new Target(() => 1, { after: 3, error: new Error("full") });
  const messages = ["one", "two", "", "three"].map((text) => toBytes(`${text}.`.repeat(9)));
  await Promise.all(messages.map((message) => writeN(target, message)));
  assertEquals(toText(new Uint8Array(target.taken)), messages.map(toText).join(""));
  // A call that fails does not block the next.
  const calls = await Promise.allSettled([1, 2].map(() => writeN(failing, toBytes("abcd"))));
  assertEquals(calls.map(({ status }) => status), ["rejected", "fulfilled"]);
  assertEquals(toText(new Uint8Array(failing.taken)), "abcabcd");
});

Deno.test("writeN() does not interleave two calls over TCP", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using conn = await listener.accept();
  const size = 8 << 20;
  const sending = Promise.all([1, 2].map((n) => writeN(client, new Uint8Array(size).fill(n))))
    .then(() => client.closeWrite());
  const received = new Uint8Array(2 * size);
  assertEquals(await readN(conn, received), received.length);
  await sending;
  assertEquals(received.indexOf(2), size);
  assertEquals(received.lastIndexOf(1), size - 1);
});

Deno.test("writeN() fails if its target writes 0 bytes again and again", PATIENCE, async () => {
  const write = () => writeN(new Target(nothing), new Uint8Array(1));
  await assertRejects(write, Error, "write: the target wrote 0 bytes");
});

Deno.test("writeN() sends 12 MB to a peer that reads slowly", PATIENCE, async () => {
  const sent = new Uint8Array(12_000_000).map((_, i) => i % 251);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using conn = await listener.accept();

  const sending = writeN(client, sent).then(() => client.closeWrite());
  const received = new Uint8Array(sent.length + 1); // one byte more than expected
  let length = 0;
  for (let count; (count = await conn.read(received.subarray(length, length + 65536)));) {
    length += count;
    await new Promise((resolve) => setTimeout(resolve)); // so that the sender fills its buffer
  }
  await sending;
  assertEquals(length, sent.length);
  assertEquals(await digest(received.subarray(0, length)), await digest(sent));
});

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

Deno.test("writeText() writes a string in UTF-8, however many bytes the target accepts at once", async () => {
  for (const text of ["", "hello\n", "\u00e4\u20ac\u{1f600}", "\ufeff\0", "x".repeat(5000)]) {
    for (const [manner, amount] of Object.entries(amounts)) {
      const target = new Target(amount);
      await writeText(target, text);
      const written = new TextDecoder("utf-8", { ignoreBOM: true }).decode(
        new Uint8Array(target.taken),
      );
      assertEquals(written, text, manner);
    }
  }
  const target = new Target(whole);
  await writeText(target, "\ud800"); // half a surrogate pair
  assertEquals(target.taken, [0xef, 0xbf, 0xbd]);
});

Deno.test("writeText() keeps the order of concurrent calls, and of writeN()", async () => {
  const target = new Target(() => 1);
  await Promise.all([
    writeText(target, "one,"),
    writeN(target, toBytes("two,")),
    writeText(target, "three"),
  ]);
  assertEquals(toText(new Uint8Array(target.taken)), "one,two,three");
});

Deno.test("writeText() throws the target's error", async () => {
  const target = new Target(() => 1, { after: 3, error: broken });
  assertStrictEquals(await assertRejects(() => writeText(target, "hello"), Error), broken);
  assertEquals(toText(new Uint8Array(target.taken)), "hel");
});

Deno.test("copy() copies until EOF, and returns the number of bytes", async () => {
  const bytes = randomBytes(200_000, 1);
  for (const [manner, amount] of Object.entries({ whole, halves: amounts["halves"] ?? whole })) {
    const target = new Target(amount);
    assertEquals(await copy(new Source(amount, bytes), target), bytes.length, manner);
    assertEquals(toText(new Uint8Array(target.taken)), toText(bytes), manner);
  }
  assertEquals(await copy(new Source(whole), new Target(whole)), 0);
});

Deno.test("copy() throws the error of its source or its target", async () => {
  const source = new Source(whole, toBytes("abc"), broken);
  const target = new Target(whole);
  assertStrictEquals(await assertRejects(() => copy(source, target), Error), broken);
  assertEquals(toText(new Uint8Array(target.taken)), "abc");
  const full = new Target(whole, { after: 2, error: broken });
  const call = () => copy(new Source(whole, toBytes("abc")), full);
  assertStrictEquals(await assertRejects(call, Error), broken);
});
