/**
 * Three framings of text messages, which a pair of samples selects by name.
 *
 * @module
 */

import {
  type BufferedReader,
  encodeDelimited,
  encodeJsonLine,
  encodeLengthFrame,
  readDelimited,
  readJsonLine,
  readLengthFrame,
} from "../mod.ts";

const encoder = new TextEncoder();
// A byte order mark is part of the text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A framing of text messages. */
export interface Framing {
  /**
   * Encodes a message.
   *
   * @param text The message.
   * @returns The frame.
   */
  encode(text: string): Uint8Array<ArrayBuffer>;
  /**
   * Reads a message.
   *
   * @param reader The stream to read from.
   * @returns The message; `null` at EOF before a frame.
   */
  read(reader: BufferedReader): Promise<string | null>;
}

/**
 * The framings by name: `length` has a length prefix, `line` a newline at the end, `json` is a line of JSON.
 *
 * A message may contain a newline in `length` and `json`. `json` reads any JSON value: the message is the
 * string, or the JSON text of a value that is not a string.
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
      const line = await readJsonLine(reader);
      if (line === null) return null;
      return typeof line.value === "string" ? line.value : line.text;
    },
  },
};

function decode(message: Uint8Array | null): string | null {
  return message && decoder.decode(message);
}
