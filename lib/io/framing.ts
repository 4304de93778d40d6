/**
 * Framing: message boundaries on a stream.
 *
 * TCP delivers bytes, not messages: one write may arrive in several reads, and several writes in one read. A
 * frame marks the end of a message, by a length prefix or a delimiter. Each format has an encoder, and a
 * reader over a {@linkcode BufferedReader}. The readers have a limit, which bounds the memory that a peer can
 * make them use.
 *
 * EOF between two frames is `null`; EOF within a frame is a `Deno.errors.UnexpectedEof`.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { strerror } from "../errors.ts";
import { pack, unpack } from "../wire/pack.ts";
import type { BufferedReader } from "./buffered_reader.ts";
import { printable } from "../printable.ts";

/**
 * The default limit of a message in a frame, in bytes: 1 MiB.
 *
 * @category Framing
 */
export const MAXFRAME = 1_048_576;

const NEWLINE = 0x0a;

// Shared, because creating one takes longer than encoding or decoding a short message.
const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Encodes a message as a frame with a length prefix: four bytes in network byte order.
 *
 * Source: UCM lecture, stream boundaries.
 *
 * @param message The message; may be empty.
 * @param max The limit of the message, in bytes. Default {@linkcode MAXFRAME}.
 * @returns The frame.
 * @throws {RangeError} If the message is longer than `max`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeLengthFrame } from "@deno-sockets/samples";
 *
 * const frame = encodeLengthFrame(new TextEncoder().encode("hi"));
 * assertEquals(frame, new Uint8Array([0, 0, 0, 2, 0x68, 0x69]));
 * ```
 *
 * @category Framing
 */
export function encodeLengthFrame(
  message: Uint8Array,
  max?: number,
): Uint8Array<ArrayBuffer> {
  max ??= MAXFRAME;
  checkLength(message.length, max);
  return concat([pack("!I", message.length), message]);
}

/**
 * Reads a frame with a length prefix.
 *
 * Source: UCM lecture, stream boundaries.
 *
 * @param reader The stream to read from.
 * @param max The limit of the message, in bytes, checked before memory is allocated. Default
 * {@linkcode MAXFRAME}.
 * @returns The message; `null` at EOF before a frame.
 * @throws {RangeError} If the length exceeds `max`.
 * @throws {Deno.errors.UnexpectedEof} If the stream ends within the frame.
 * @throws Any error thrown by the source. The next call reads the frame from its start.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   BufferedReader,
 *   encodeLengthFrame,
 *   openListener,
 *   readLengthFrame,
 * } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await client.write(encodeLengthFrame(new Uint8Array([1, 2, 3])));
 * await client.closeWrite();
 *
 * const reader = new BufferedReader(conn);
 * assertEquals(await readLengthFrame(reader), new Uint8Array([1, 2, 3]));
 * assertEquals(await readLengthFrame(reader), null);
 * ```
 *
 * @category Framing
 */
export async function readLengthFrame(
  reader: BufferedReader,
  max?: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  max ??= MAXFRAME;
  const header = new Uint8Array(4);
  const count = await reader.readN(header);
  if (count === null) return null;
  if (count < 4) throw missing(4 - count, "the length of a frame", 4);
  const [length] = unpack("!I", header);
  checkLength(length, max);
  const message = new Uint8Array(length);
  let filled: number;
  try {
    filled = await reader.readN(message) ?? 0;
  } catch (error) {
    reader.unread(header); // in front of the bytes of the message read so far
    throw error;
  }
  if (filled < length) throw missing(length - filled, "a frame", length);
  return message;
}

/**
 * Encodes a message as a frame that ends with a delimiter.
 *
 * Source: UCM lecture, stream boundaries.
 *
 * @param message The message. It must not contain the delimiter.
 * @param max The limit of the message, in bytes. Default {@linkcode MAXFRAME}.
 * @param delimiter The delimiter, a byte from 0 to 255. Default: a newline.
 * @returns The frame.
 * @throws {RangeError} If the message exceeds `max` or contains the delimiter.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeDelimited } from "@deno-sockets/samples";
 *
 * const frame = encodeDelimited(new TextEncoder().encode("hi"));
 * assertEquals(frame, new Uint8Array([0x68, 0x69, 0x0a]));
 * ```
 *
 * @category Framing
 */
export function encodeDelimited(
  message: Uint8Array,
  max?: number,
  delimiter?: number,
): Uint8Array<ArrayBuffer> {
  max ??= MAXFRAME;
  delimiter ??= NEWLINE;
  checkLength(message.length, max);
  if (!Number.isInteger(delimiter) || delimiter < 0 || delimiter > 255) {
    throw new RangeError(`frame: delimiter ${delimiter} is not a byte`);
  }
  const at = message.indexOf(delimiter);
  if (at !== -1) {
    throw new RangeError(`frame: the message contains the delimiter ${delimiter} at ${at}`);
  }
  return concat([message, new Uint8Array([delimiter])]);
}

/**
 * Reads a frame that ends with a delimiter.
 *
 * Source: UCM lecture, stream boundaries.
 *
 * @param reader The stream to read from.
 * @param max The limit of the message, in bytes, delimiter excluded. Default {@linkcode MAXFRAME}.
 * @param delimiter The delimiter, a byte from 0 to 255. Default: a newline.
 * @returns The message, without the delimiter; `null` at EOF before a frame.
 * @throws {RangeError} If the frame exceeds `max` bytes.
 * @throws {Deno.errors.UnexpectedEof} If the stream ends without the delimiter.
 * @throws Any error thrown by the source. The next call reads the frame from its start.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BufferedReader, openListener, readDelimited, writeText } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await writeText(client, "one;two;");
 *
 * const reader = new BufferedReader(conn);
 * const semicolon = 0x3b;
 * assertEquals(await readDelimited(reader, 80, semicolon), new TextEncoder().encode("one"));
 * assertEquals(await readDelimited(reader, 80, semicolon), new TextEncoder().encode("two"));
 * ```
 *
 * @category Framing
 */
export async function readDelimited(
  reader: BufferedReader,
  max?: number,
  delimiter?: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  max ??= MAXFRAME;
  delimiter ??= NEWLINE;
  const frame = await reader.readUntil(delimiter, max + 1);
  if (frame === null) return null;
  if (frame.at(-1) === delimiter) return frame.subarray(0, -1);
  if (frame.length > max) {
    throw new RangeError(`frame: exceeds the limit of ${max} bytes`);
  }
  throw new Deno.errors.UnexpectedEof(
    `frame: the stream ended after ${frame.length} bytes without a delimiter`,
  );
}

/**
 * Encodes a value as a line of JSON.
 *
 * Source: UCM lecture, stream boundaries; jsonlines.org.
 *
 * @param value The value.
 * @param max The limit of the JSON text, in bytes. Default {@linkcode MAXFRAME}.
 * @returns The frame. JSON escapes newlines in strings, so the only newline is at the end.
 * @throws {RangeError} If the text exceeds `max`.
 * @throws {TypeError} If the value has no JSON representation: `undefined`, a function, a bigint, a
 * circular structure.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { encodeJsonLine } from "@deno-sockets/samples";
 *
 * const frame = encodeJsonLine({ text: "two\nlines" });
 * assertEquals(new TextDecoder().decode(frame), '{"text":"two\\nlines"}\n');
 * ```
 *
 * @category Framing
 */
export function encodeJsonLine(value: unknown, max?: number): Uint8Array<ArrayBuffer> {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`frame: ${typeof value} has no JSON representation`);
  return encodeDelimited(encoder.encode(text), max);
}

/**
 * Reads a line of JSON.
 *
 * Source: UCM lecture, stream boundaries; jsonlines.org.
 *
 * @param reader The stream to read from.
 * @param max The limit of the line, in bytes, newline excluded. Default {@linkcode MAXFRAME}.
 * @returns The value, and its JSON text without surrounding white space; `null` at EOF before a line.
 * @throws {SyntaxError} If the line is not JSON in UTF-8. The next call reads the next line.
 * @throws {RangeError} If the line exceeds `max` bytes.
 * @throws {Deno.errors.UnexpectedEof} If the stream ends without a newline.
 * @throws Any error thrown by the source. The next call reads the line from its start.
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
 * const line = await readJsonLine(new BufferedReader(conn));
 * assertEquals(line, { value: { hello: [1, 2, 3] }, text: '{"hello":[1,2,3]}' });
 * ```
 *
 * @category Framing
 */
export async function readJsonLine(
  reader: BufferedReader,
  max?: number,
): Promise<{ value: unknown; text: string } | null> {
  const line = await readDelimited(reader, max);
  if (line === null) return null;
  try {
    const text = strictDecoder.decode(line);
    return { value: JSON.parse(text), text: text.trim() };
  } catch (error) {
    // V8's message quotes the line, which the peer controls.
    throw new SyntaxError(`frame: not a line of JSON: ${printable(strerror(error))}`);
  }
}

function checkLength(length: number, max: number): void {
  if (!(length <= max)) { // also rejects NaN
    throw new RangeError(`frame: ${length} bytes exceed the limit of ${max} bytes`);
  }
}

function missing(bytes: number, what: string, of: number): Error {
  return new Deno.errors.UnexpectedEof(
    `frame: the stream ended within ${what} with ${bytes} of ${of} bytes missing`,
  );
}
