/**
 * Framing: messages with boundaries, over a stream that keeps none.
 *
 * TCP delivers bytes, not messages: what was sent with one write may arrive in several reads, and what
 * was sent with several writes in one. Who wants messages marks where each ends, by its length in front
 * or by a delimiter behind it. Each way here is an encoder and a reader over a
 * {@linkcode BufferedReader}, with a limit, so that a peer cannot make a reader hold more than that.
 *
 * The end of the stream between two frames is `null`, the end of the conversation; within a frame it
 * is a `Deno.errors.UnexpectedEof`.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { strerror } from "../errors.ts";
import { pack, unpack } from "../wire/pack.ts";
import type { BufferedReader } from "./robust_io.ts";
import { printable } from "../printable.ts";

/** The longest message that a frame may carry where no other limit is given, in bytes. */
export const MAXFRAME = 1_048_576;

const NEWLINE = 0x0a;

// To make one of these takes longer than to use it on a short message, so they are made once.
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true });
// A byte order mark is part of a text: it went in, so it comes out.
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Puts the length of a message in front of it: four bytes, in network byte order.
 *
 * @param message The message, of any bytes, or none.
 * @param max The longest message to send, in bytes.
 * @returns The frame.
 * @throws {RangeError} If the message is longer than `max`.
 *
 * Source: UCM lecture, stream boundaries.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeLengthFrame } from "@deno-sockets/samples";
 *
 * const frame = encodeLengthFrame(new TextEncoder().encode("hi"));
 * assertEquals(frame, new Uint8Array([0, 0, 0, 2, 0x68, 0x69]));
 * ```
 */
export function encodeLengthFrame(
  message: Uint8Array,
  max: number = MAXFRAME,
): Uint8Array<ArrayBuffer> {
  checkLength(message.length, max);
  return concat([pack("!I", message.length), message]);
}

/**
 * Reads a message with its length in front.
 *
 * @param reader Where from.
 * @param max The longest message to take, in bytes. It is looked at before anything is held.
 * @returns The message; `null` if the stream ended before it began.
 * @throws {RangeError} If the length is more than `max`.
 * @throws {Deno.errors.UnexpectedEof} If the stream ended within the frame; it says how much is missing.
 * @throws What the source throws; what had come of the frame is read again by the next call.
 *
 * Source: UCM lecture, stream boundaries.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BufferedReader, encodeLengthFrame, openListener, readLengthFrame } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await client.write(encodeLengthFrame(new Uint8Array([1, 2, 3])));
 * client.closeWrite();
 *
 * const reader = new BufferedReader(conn);
 * assertEquals(await readLengthFrame(reader), new Uint8Array([1, 2, 3]));
 * assertEquals(await readLengthFrame(reader), null);
 * ```
 */
export async function readLengthFrame(
  reader: BufferedReader,
  max: number = MAXFRAME,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const header = new Uint8Array(4);
  const came = await reader.readN(header);
  if (came === null) return null;
  if (came < 4) throw missing(4 - came, "the length of a frame", 4);
  const [length] = unpack("!I", header);
  checkLength(length, max);
  const message = new Uint8Array(length);
  let filled: number;
  try {
    filled = await reader.readN(message) ?? 0;
  } catch (error) {
    reader.unread(header); // in front of what came of the message
    throw error;
  }
  if (filled < length) throw missing(length - filled, "a frame", length);
  return message;
}

/**
 * Puts a delimiter behind a message.
 *
 * @param message The message, which may not contain the delimiter.
 * @param max The longest message to send, in bytes.
 * @param delimiter The byte that ends it. Default: a newline.
 * @returns The frame.
 * @throws {RangeError} If the message is longer than `max` or contains the delimiter.
 *
 * Source: UCM lecture, stream boundaries.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeDelimited } from "@deno-sockets/samples";
 *
 * const frame = encodeDelimited(new TextEncoder().encode("hi"));
 * assertEquals(frame, new Uint8Array([0x68, 0x69, 0x0a]));
 * ```
 */
export function encodeDelimited(
  message: Uint8Array,
  max: number = MAXFRAME,
  delimiter: number = NEWLINE,
): Uint8Array<ArrayBuffer> {
  checkLength(message.length, max);
  if (!Number.isInteger(delimiter) || delimiter < 0 || delimiter > 255) {
    throw new RangeError(`frame: the delimiter ${delimiter} is not a byte`);
  }
  const at = message.indexOf(delimiter);
  if (at !== -1) throw new RangeError(`frame: the message has the delimiter ${delimiter} at ${at}`);
  return concat([message, new Uint8Array([delimiter])]);
}

/**
 * Reads a message that a delimiter ends.
 *
 * @param reader Where from.
 * @param max The longest message to take, in bytes, without its delimiter.
 * @param delimiter The byte that ends it. Default: a newline.
 * @returns The message, without the delimiter; `null` if the stream ended before it began.
 * @throws {RangeError} If no delimiter comes within `max` bytes.
 * @throws {Deno.errors.UnexpectedEof} If the stream ended without the delimiter.
 * @throws What the source throws.
 *
 * Source: UCM lecture, stream boundaries.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BufferedReader, openListener, readDelimited } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await client.write(new TextEncoder().encode("one;two;"));
 *
 * const reader = new BufferedReader(conn);
 * const semicolon = 0x3b;
 * assertEquals(await readDelimited(reader, 80, semicolon), new TextEncoder().encode("one"));
 * assertEquals(await readDelimited(reader, 80, semicolon), new TextEncoder().encode("two"));
 * ```
 */
export async function readDelimited(
  reader: BufferedReader,
  max: number = MAXFRAME,
  delimiter: number = NEWLINE,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const frame = await reader.readUntil(delimiter, max + 1);
  if (frame === null) return null;
  if (frame.at(-1) === delimiter) return frame.subarray(0, -1);
  if (frame.length > max) {
    throw new RangeError(`frame: no end of it within the limit of ${max} bytes`);
  }
  throw missing(1, "a frame, its delimiter,", frame.length + 1);
}

/**
 * Writes a value as a line of JSON.
 *
 * @param value What to send: anything that JSON can say.
 * @param max The longest text to send, in bytes.
 * @returns The frame. JSON writes a newline within a text as `\n`, so none is in the way.
 * @throws {RangeError} If the text is longer than `max`.
 * @throws {TypeError} If JSON cannot say it: `undefined`, a function, a bigint, a circle.
 *
 * Source: UCM lecture, stream boundaries; jsonlines.org.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeJsonLine } from "@deno-sockets/samples";
 *
 * const frame = encodeJsonLine({ text: "two\nlines" });
 * assertEquals(new TextDecoder().decode(frame), '{"text":"two\\nlines"}\n');
 * ```
 */
export function encodeJsonLine(value: unknown, max: number = MAXFRAME): Uint8Array<ArrayBuffer> {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`frame: JSON cannot say ${typeof value}`);
  return encodeDelimited(encoder.encode(text), max);
}

/**
 * Reads a line of JSON.
 *
 * @param reader Where from.
 * @param max The longest text to take, in bytes.
 * @returns The value, in an object so that a value `null` is not taken for the end; `null` if the stream
 * ended before a line began.
 * @throws {SyntaxError} If the line is not JSON in UTF-8. The reader is at the next line then.
 * @throws {RangeError} If no newline comes within `max` bytes.
 * @throws {Deno.errors.UnexpectedEof} If the stream ended without a newline.
 * @throws What the source throws.
 *
 * Source: UCM lecture, stream boundaries; jsonlines.org.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BufferedReader, encodeJsonLine, openListener, readJsonLine } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await client.write(encodeJsonLine({ hello: [1, 2, 3] }));
 * assertEquals(await readJsonLine(new BufferedReader(conn)), { value: { hello: [1, 2, 3] } });
 * ```
 */
export async function readJsonLine(
  reader: BufferedReader,
  max: number = MAXFRAME,
): Promise<{ value: unknown } | null> {
  const line = await readDelimited(reader, max);
  return line && { value: parseJson(line).value };
}

/** A line of JSON: its value, and its text as it was sent, without the space around it. */
function parseJson(line: Uint8Array): { value: unknown; text: string } {
  try {
    const text = strictDecoder.decode(line);
    return { value: JSON.parse(text), text: text.trim() };
  } catch (error) {
    // V8 quotes the line, which is the peer's.
    throw new SyntaxError(`frame: not a line of JSON: ${printable(strerror(error))}`);
  }
}

/** A way to send texts as messages: {@linkcode framings} has three. */
export interface Framing {
  /**
   * Makes a frame of a text.
   *
   * @param text The text.
   * @returns The frame's bytes.
   */
  encode(text: string): Uint8Array<ArrayBuffer>;
  /**
   * Reads a frame.
   *
   * @param reader Where from.
   * @returns The frame's text; `null` if the stream ended before one began.
   */
  read(reader: BufferedReader): Promise<string | null>;
}

/**
 * Three ways to send texts, by name: `length` with the length in front, `line` with a newline behind,
 * `json` as a line of JSON. A text may contain a newline in the first and in the last. A peer may send any
 * value as a line of JSON: one that is not a string is read as the JSON text that was sent.
 */
export const framings: Record<"length" | "line" | "json", Framing> = {
  length: {
    encode: (text) => encodeLengthFrame(encoder.encode(text)),
    read: async (reader) => decode(await readLengthFrame(reader)),
  },
  line: {
    encode: (text) => encodeDelimited(encoder.encode(text)),
    read: async (reader) => decode(await readDelimited(reader)),
  },
  json: {
    encode: (text) => encodeJsonLine(text),
    async read(reader) {
      const line = await readDelimited(reader);
      if (line === null) return null;
      const { value, text } = parseJson(line);
      return typeof value === "string" ? value : text;
    },
  },
};

function decode(message: Uint8Array | null): string | null {
  return message && textDecoder.decode(message);
}

function checkLength(length: number, max: number): void {
  if (!(length <= max)) { // also where the limit is NaN
    throw new RangeError(`frame: ${length} bytes are over the limit of ${max} bytes`);
  }
}

function missing(bytes: number, what: string, of: number): Error {
  return new Deno.errors.UnexpectedEof(
    `frame: the stream ended within ${what} with ${bytes} of ${of} bytes missing`,
  );
}
