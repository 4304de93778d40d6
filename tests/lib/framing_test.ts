import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import {
  encodeDelimited,
  encodeJsonLine,
  encodeLengthFrame,
  MAXFRAME,
  readDelimited,
  readJsonLine,
  readLengthFrame,
} from "../../lib/io/framing.ts";
import { framings } from "../../protocols/framings.ts";
import { BufferedReader } from "../../lib/io/buffered_reader.ts";
import { amounts, Source, whole } from "../support/readers.ts";
import { randomIntegers, toBytes, toText } from "../support/bytes.ts";

/** A framing of messages: texts whose characters are bytes. */
interface Kind {
  encode(message: string, max?: number): Uint8Array;
  read(reader: BufferedReader, max?: number): Promise<string | null>;
  /** The delimiter, which no message may contain; empty if the framing has none. */
  delimiter: string;
  /** The number of bytes that count towards the limit besides those of the message. */
  quotes: number;
}

const kinds: Record<string, Kind> = {
  "length": {
    encode: (message, max) => encodeLengthFrame(toBytes(message), max),
    read: async (reader, max) => toTextOrNull(await readLengthFrame(reader, max)),
    delimiter: "",
    quotes: 0,
  },
  "newline": delimitedBy("\n"),
  "semicolon": delimitedBy(";"),
  "NUL": delimitedBy("\0"),
  "0xff": delimitedBy("\xff"),
  "JSON": {
    encode: (message, max) => encodeJsonLine(message, max),
    async read(reader, max) {
      const line = await readJsonLine(reader, max);
      return line && String(line.value);
    },
    delimiter: "",
    quotes: 2,
  },
};

function delimitedBy(delimiter: string): Kind {
  const byte = delimiter.charCodeAt(0);
  return {
    encode: (message, max) => encodeDelimited(toBytes(message), max, byte),
    read: async (reader, max) => toTextOrNull(await readDelimited(reader, max, byte)),
    delimiter,
    quotes: 0,
  };
}

function toTextOrNull(bytes: Uint8Array | null): string | null {
  return bytes && Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

const broken = new Error("the source is broken");

/** A reader of these bytes. */
function readerOf(bytes: Uint8Array): BufferedReader {
  return new BufferedReader(new Source(whole, bytes));
}

/** Messages that resemble frames, and many random ones. */
function someMessages({ delimiter }: Kind): string[] {
  const random = randomIntegers(1);
  const bytes = (length: number) => toText(Uint8Array.from({ length }, () => random(256)));
  const messages = [
    ...["", "a", "", "\0\0\0\x05hello", "null", '"quoted"', "two\nlines", "CR\r", "\xef\xbb\xbf"],
    ...[String.fromCharCode(...Array(256).keys()), "x".repeat(8191), "x".repeat(8192)],
    ...Array.from({ length: 50 }, () => bytes(random(100))),
    "",
  ];
  return messages.map((message) => message.replaceAll(delimiter, ""));
}

for (const [name, kind] of Object.entries(kinds)) {
  Deno.test(`framing by ${name}: messages are read as they were sent, from every source, with every buffer size`, async () => {
    const messages = someMessages(kind);
    const frames = messages.map((message) => kind.encode(message));
    for (const [manner, amount] of Object.entries(amounts)) {
      for (const size of [1, 2, 3, 7, 64, 8192]) {
        const reader = new BufferedReader(new Source(amount, ...frames), size);
        for (const [index, message] of messages.entries()) {
          const where = `${manner}, size ${size}, message ${index}: ${JSON.stringify(message)}`;
          assertEquals(await kind.read(reader), message, where);
        }
        assertEquals(await kind.read(reader), null, `${manner}, size ${size}: the end`);
        assertEquals(await kind.read(reader), null, `${manner}, size ${size}: the end again`);
      }
    }
  });

  Deno.test(`framing by ${name}: a message of exactly the limit passes, one byte more is rejected`, async () => {
    for (const length of [0, 1, 2, 300, 10_000, MAXFRAME - kind.quotes]) {
      const message = "x".repeat(length);
      const max = length + kind.quotes;
      const limit = max === MAXFRAME ? undefined : max; // that is the default
      const where = `${length} bytes`;
      const frame = kind.encode(message, limit);
      assert(await kind.read(readerOf(frame), limit) === message, where);
      const tooLong = kind.encode(`${message}x`, max + 1);
      const encode = () => kind.encode(`${message}x`, limit);
      const read = () => kind.read(readerOf(tooLong), limit);
      const says = `the limit of ${max} bytes`;
      assertThrows(encode, RangeError, says, where);
      await assertRejects(read, RangeError, says, where);
    }
  });

  Deno.test(`framing by ${name}: EOF within a frame is an error, between two frames it is not`, async () => {
    for (const message of ["", "a", "hello, world"]) {
      const frame = kind.encode(message);
      for (let cut = 1; cut < frame.length; cut++) {
        for (const [manner, amount] of Object.entries(amounts)) {
          const where = `${cut} of ${frame.length} bytes, ${manner}`;
          const reader = new BufferedReader(new Source(amount, frame, frame.subarray(0, cut)), 8);
          assertEquals(await kind.read(reader), message, where);
          const says = name !== "length"
            ? `after ${cut} bytes without a delimiter`
            : cut < 4
            ? `with ${4 - cut} of 4 bytes missing`
            : `with ${frame.length - cut} of ${frame.length - 4} bytes missing`;
          await assertRejects(() => kind.read(reader), Deno.errors.UnexpectedEof, says, where);
          assertEquals(await kind.read(reader), null, where);
        }
      }
    }
  });

  Deno.test(`framing by ${name}: an error of the source loses nothing`, async () => {
    const frame = kind.encode("hello");
    // After the length has been read, the rest cannot be read without it.
    const end = name === "length" ? 4 : frame.length;
    for (let cut = 0; cut < end; cut++) {
      for (const [manner, amount] of Object.entries(amounts)) {
        const where = `error at byte ${cut} of ${frame.length}, ${manner}`;
        const source = new Source(amount, frame.subarray(0, cut), broken, frame.subarray(cut));
        const reader = new BufferedReader(source, 3);
        await assertRejects(() => kind.read(reader), Error, broken.message, where);
        assertEquals(await kind.read(reader), "hello", where);
      }
    }
  });

  Deno.test(`framing by ${name}: the limit NaN rejects every message`, async () => {
    assertThrows(() => kind.encode("hello", NaN), RangeError);
    await assertRejects(() => kind.read(readerOf(kind.encode("hello")), NaN), RangeError);
  });
}

Deno.test("encodeLengthFrame() writes the length in network byte order", () => {
  const frame = encodeLengthFrame(new Uint8Array(0x10203));
  assertEquals(frame.subarray(0, 4), new Uint8Array([0, 1, 2, 3]));
  assertEquals(frame.length, 4 + 0x10203);
});

Deno.test("readLengthFrame() rejects a length before it allocates memory", async () => {
  const { external } = Deno.memoryUsage();
  for (const [header, length] of [["\0\x10\0\x01", 1048577], ["\xff\xff\xff\xff", 4294967295]]) {
    for (let i = 0; i < 100; i++) {
      const reader = readerOf(toBytes(`${header}hello`));
      const says = `frame: ${length} bytes exceed the limit of 1048576 bytes`;
      await assertRejects(() => readLengthFrame(reader), RangeError, says);
    }
  }
  const taken = Deno.memoryUsage().external - external;
  assert(taken < 50_000_000, `${taken} bytes were allocated`); // 200 frames of a MB are 4 times as many
});

Deno.test("encodeDelimited() rejects a message that contains the delimiter; the error names the offset", () => {
  for (const [delimiter, message, at] of [["\n", "ab\nc\n", 2], [";", ";", 0]] as const) {
    const encode = () => encodeDelimited(toBytes(message), 80, delimiter.charCodeAt(0));
    const says = `the delimiter ${delimiter.charCodeAt(0)} at ${at}`;
    assertThrows(encode, RangeError, says, JSON.stringify(message));
  }
});

Deno.test("readDelimited() stops reading an endless line at the limit", async () => {
  let asked = 0;
  const endless = {
    read(p: Uint8Array): Promise<number> {
      asked += p.length;
      p.fill(0x78);
      return Promise.resolve(p.length);
    },
  };
  const reader = new BufferedReader(endless, 64);
  const says = "frame: exceeds the limit of 1000 bytes";
  await assertRejects(() => readDelimited(reader, 1000), RangeError, says);
  assert(asked < 4000, `it read ${asked} bytes`);
});

Deno.test("reading the next frame does not change a frame", async () => {
  for (const size of [1, 8, 8192]) {
    for (const read of [readLengthFrame, readDelimited]) {
      const encode = read === readDelimited ? encodeDelimited : encodeLengthFrame;
      const frames = ["first", "second"].map((message) => encode(toBytes(message)));
      const reader = new BufferedReader(new Source(whole, ...frames), size);
      const first = await read(reader);
      await read(reader);
      assertEquals(toTextOrNull(first), "first", `${read.name}, size ${size}`);
    }
  }
});

const jsonValues = [
  ...[null, true, 0, -1.5e-7, "", "two\nlines", "\ufeff\u2028\u{1f600}"],
  ...[[], {}, [[null]], { "a\nb": ["\r\n", null] }],
];

Deno.test("encodeJsonLine() encodes any JSON value on one line", async () => {
  const frames = jsonValues.map((value) => encodeJsonLine(value));
  for (const [manner, amount] of Object.entries(amounts)) {
    const reader = new BufferedReader(new Source(amount, ...frames));
    for (const [index, value] of jsonValues.entries()) {
      const where = `${manner}, ${JSON.stringify(value)}`;
      assertEquals(frames[index]?.indexOf(0x0a), (frames[index]?.length ?? 0) - 1, where);
      assertEquals((await readJsonLine(reader))?.value, value, where);
    }
    assertEquals(await readJsonLine(reader), null, manner);
  }
});

Deno.test("encodeJsonLine() rejects a value that JSON cannot represent", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  const cannot = { undefined, function: () => {}, symbol: Symbol(), bigint: 1n, circle };
  for (const [what, value] of Object.entries(cannot)) {
    assertThrows(() => encodeJsonLine(value), TypeError, "", what);
  }
});

Deno.test("readJsonLine() rejects a line that is not JSON in UTF-8, and reads the next", async () => {
  const badLines = {
    "nothing": "",
    "blanks": "  ",
    "not JSON": "hello",
    "an object without end": '{"a":',
    "two values": "1 2",
    "single quotes": "'a'",
    "NaN": "NaN",
    "a tab within a text": '"\t"',
    "bytes that are not UTF-8": '"\xff"',
    "half a character": '"\xc3"',
    "control characters": "\x1b[2J\r\x07\x7f",
    "control characters of two bytes": "\xc2\x9b2J",
  };
  for (const [what, line] of Object.entries(badLines)) {
    for (const [manner, amount] of Object.entries(amounts)) {
      const where = `${what}, ${manner}`;
      const reader = new BufferedReader(new Source(amount, toBytes(`${line}\n{"next":1}\n`)));
      const read = () => readJsonLine(reader);
      const { message } = await assertRejects(
        read,
        SyntaxError,
        "frame: not a line of JSON: ",
        where,
      );
      // A server prints it, perhaps to a terminal.
      assert(!/\p{Cc}/u.test(message), `${where}: ${JSON.stringify(message)}`);
      assert(message.length < 200, `${where}: ${message.length} characters`);
      assertEquals(await readJsonLine(reader), { value: { next: 1 }, text: '{"next":1}' }, where);
    }
  }
});

Deno.test("readJsonLine() ignores white space around a value", async () => {
  for (const line of ["7\r\n", " 7\n", "7\t \n"]) {
    const value = await readJsonLine(readerOf(toBytes(line)));
    assertEquals(value, { value: 7, text: "7" }, JSON.stringify(line));
  }
});

Deno.test("readJsonLine() returns the text of a value as it was sent", async () => {
  const texts = [
    "1e400",
    "-0",
    "9007199254740993",
    '{"b":1, "a":2, "a":3}',
    '"\\u0041\u00e4"',
    "[ ]",
    "null",
  ];
  for (const text of texts) {
    for (const [manner, amount] of Object.entries(amounts)) {
      const line = new TextEncoder().encode(` ${text}\t\r\n`);
      const read = await readJsonLine(new BufferedReader(new Source(amount, line)));
      assertEquals(read, { value: JSON.parse(text), text }, manner);
    }
  }
});

Deno.test("framings encode and decode texts", async () => {
  assertEquals(Object.keys(framings), ["length", "line", "json"]);
  const texts = [
    "",
    "hello",
    "\u00e4\u{1f600}",
    "\ufeffwith a byte order mark",
    "CR\r",
    "two\nlines",
  ];
  for (const [name, { encode, read }] of Object.entries(framings)) {
    const sent = name === "line" ? texts.filter((text) => !text.includes("\n")) : texts;
    for (const [manner, amount] of Object.entries(amounts)) {
      const reader = new BufferedReader(new Source(amount, ...sent.map(encode)));
      for (const text of sent) {
        assertEquals(await read(reader), text, `${name}, ${manner}, ${JSON.stringify(text)}`);
      }
      assertEquals(await read(reader), null, `${name}, ${manner}`);
    }
    assertThrows(() => encode("x".repeat(MAXFRAME + 1)), RangeError, "exceed the limit", name);
  }
  assertThrows(() => framings.line.encode("two\nlines"), RangeError, "the delimiter 10 at 3");
});

Deno.test("framings decode bytes that are not UTF-8 as U+FFFD, except that JSON rejects them", async () => {
  const bytes = toBytes("a\xffb");
  assertEquals(await framings.length.read(readerOf(encodeLengthFrame(bytes))), "a\ufffdb");
  assertEquals(await framings.line.read(readerOf(encodeDelimited(bytes))), "a\ufffdb");
  const reader = readerOf(toBytes('"a\xffb"\n'));
  await assertRejects(() => framings.json.read(reader), SyntaxError, "not a line of JSON");
});

Deno.test("framings.json reads a value other than a string as its JSON text", async () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`; // JSON.stringify would overflow the stack
  const exact = ['{"msg": "hi"}', "1e400", "9007199254740993", "-0", '{"a":1,"a":2}', deep];
  const others = jsonValues.filter((value) => typeof value !== "string");
  for (const text of [...exact, ...others.map((value) => JSON.stringify(value))]) {
    for (const line of [text, ` ${text}\t\r`]) {
      const reader = readerOf(
        concat([new TextEncoder().encode(`${line}\n`), encodeJsonLine("next")]),
      );
      assertEquals(await framings.json.read(reader), text);
      assertEquals(await framings.json.read(reader), "next");
    }
  }
});

Deno.test("framings.json omits long lines and control characters from its error", async () => {
  const reader = readerOf(new TextEncoder().encode(`${"\u009b2J\x7f".repeat(1000)}\n`));
  const { message } = await assertRejects(() => framings.json.read(reader), SyntaxError);
  assert(!/\p{Cc}/u.test(message), JSON.stringify(message));
  assert(message.length < 200, `${message.length} characters`);
});

const interrupted = new Error("interrupted");
for (const [name, { encode, read }] of Object.entries(framings)) {
  Deno.test(`framings.${name}.read() loses nothing when the source fails within a frame`, async () => {
    const frames = concat([encode("hello, world"), encode("next")]);
    for (const size of [1, 5, 8192]) {
      for (let cut = 0; cut < encode("hello, world").length; cut++) {
        const where = `size ${size}, ${cut} bytes before the error`;
        const steps = [frames.subarray(0, cut), interrupted, frames.subarray(cut)];
        const source = new Source(whole, ...steps.filter((step) => step !== steps[0] || cut > 0));
        const reader = new BufferedReader(source, size);
        await assertRejects(() => read(reader), Error, "interrupted", where);
        assertEquals(await read(reader), "hello, world", where);
        assertEquals(await read(reader), "next", where);
        assertEquals(await read(reader), null, where);
      }
    }
  });
}

Deno.test("encodeDelimited() rejects a delimiter that is not a byte", () => {
  for (const delimiter of [-1, 256, 0.5, NaN]) {
    assertThrows(() => encodeDelimited(toBytes("a"), 80, delimiter), RangeError, `${delimiter}`);
  }
});
