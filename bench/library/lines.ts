/**
 * Lines, and the ways to read them. Each goes through them all and makes sure that they came.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { BufferedReader, type Reader } from "../../mod.ts";

/** How many lines there are, of 1 to 127 bytes each. */
export const LINES = 500_000;

/** The lines, each with its newline. */
export const text = new TextEncoder().encode(
  Array.from({ length: LINES }, (_, i) => `${"x".repeat(i % 127)}\n`).join(""),
);

/** Makes sure that all lines came, and with them all bytes but the newlines. */
export function check(lines: number, bytes: number): void {
  if (lines !== LINES || bytes !== text.length - LINES) {
    throw new Error(
      `${lines} lines of ${bytes} bytes came, not ${LINES} of ${text.length - LINES}`,
    );
  }
}

/** TextDecoderStream and TextLineStream: strings. */
export async function readStream(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  let lines = 0;
  let bytes = 0;
  const texts = stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of texts) {
    lines++;
    bytes += line.length;
  }
  check(lines, bytes);
}

/** The events of node:readline: strings. */
export async function readEvents(stream: Readable): Promise<void> {
  let lines = 0;
  let bytes = 0;
  const events = createInterface({ input: stream });
  events.on("line", (line) => {
    lines++;
    bytes += line.length;
  });
  await new Promise((resolve) => events.on("close", resolve));
  check(lines, bytes);
}

/** BufferedReader.readLine(): bytes. */
export async function readLines(source: Reader): Promise<void> {
  let lines = 0;
  let bytes = 0;
  const reader = new BufferedReader(source);
  for (let line; (line = await reader.readLine()) !== null;) {
    lines++;
    bytes += line.length - 1;
  }
  check(lines, bytes);
}

/** BufferedReader.tryReadLine(), and readLine() where there is none: bytes. */
export async function takeLines(source: Reader): Promise<void> {
  let lines = 0;
  let bytes = 0;
  const reader = new BufferedReader(source);
  for (let line; (line = reader.tryReadLine() ?? await reader.readLine()) !== null;) {
    lines++;
    bytes += line.length - 1;
  }
  check(lines, bytes);
}

/** The same, and each line decoded: strings. */
export async function takeTexts(source: Reader): Promise<void> {
  let lines = 0;
  let bytes = 0;
  const reader = new BufferedReader(source);
  const decoder = new TextDecoder();
  for (let line; (line = reader.tryReadLine() ?? await reader.readLine()) !== null;) {
    lines++;
    bytes += decoder.decode(line).length - 1;
  }
  check(lines, bytes);
}
