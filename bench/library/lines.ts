/**
 * The lines that the benchmarks send, and several ways to read them. Each checks that all lines arrive.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { BufferedReader, type Reader } from "../../mod.ts";

/** The number of lines. Each has 1 to 127 bytes. */
export const LINES = 500_000;

/** All lines with their newlines. */
export const text = new TextEncoder().encode(
  Array.from({ length: LINES }, (_, i) => `${"x".repeat(i % 127)}\n`).join(""),
);

/** Throws unless all lines arrived, with all their bytes except the newlines. */
export function check(lines: number, bytes: number): void {
  if (lines !== LINES || bytes !== text.length - LINES) {
    throw new Error(
      `received ${lines} lines of ${bytes} bytes, expected ${LINES} of ${text.length - LINES}`,
    );
  }
}

/** Reads with TextDecoderStream and TextLineStream, as strings. */
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

/** Reads with the events of node:readline, as strings. */
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

/** Reads with BufferedReader.readLine(), as bytes. */
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

/** Reads with BufferedReader.tryReadLine(), and readLine() if no line is buffered, as bytes. */
export async function tryReadLines(source: Reader): Promise<void> {
  let lines = 0;
  let bytes = 0;
  const reader = new BufferedReader(source);
  for (let line; (line = reader.tryReadLine() ?? await reader.readLine()) !== null;) {
    lines++;
    bytes += line.length - 1;
  }
  check(lines, bytes);
}

/** Like {@linkcode tryReadLines}, but decodes each line to a string. */
export async function tryReadTexts(source: Reader): Promise<void> {
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
