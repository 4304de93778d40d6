// Reading the three framings from memory, compared with common alternatives: collecting the chunks with
// Buffer.concat() and splitting off complete messages, or chaining transform streams. The alternatives have
// no size limit and do not report EOF within a message. As in TCP, messages cross chunk boundaries.

import { concat } from "@std/bytes/concat";
import { TextLineStream } from "@std/streams/text-line-stream";
import { Buffer } from "node:buffer";
import {
  BufferedReader,
  encodeDelimited,
  encodeJsonLine,
  encodeLengthFrame,
  readDelimited,
  readJsonLine,
  readLengthFrame,
} from "../../mod.ts";
import { CHUNK, chunksOf, readerOf } from "./memory_source.ts";

const COUNT = 20_000;
const NEWLINE = 0x0a;

const texts = Array.from({ length: COUNT }, (_, i) => "x".repeat(i % 127));
const total = texts.join("").length;

function check(messages: number, bytes: number): void {
  if (messages !== COUNT || bytes !== total) {
    throw new Error(
      `received ${messages} messages of ${bytes} bytes, expected ${COUNT} of ${total}`,
    );
  }
}

const encoder = new TextEncoder();
const lengthFrames = concat(texts.map((text) => encodeLengthFrame(encoder.encode(text))));
const lines = concat(texts.map((text) => encodeDelimited(encoder.encode(text))));
const jsonLines = concat(texts.map((text, id) => encodeJsonLine({ id, text })));

const byLength = `${COUNT} length-prefixed messages`;

Deno.bench("Buffer.concat() and readUInt32BE()", { group: byLength, baseline: true }, async () => {
  let messages = 0;
  let bytes = 0;
  let held = Buffer.alloc(0);
  for await (const chunk of ReadableStream.from(chunksOf(lengthFrames))) {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
      const message = held.subarray(4, 4 + held.readUInt32BE(0));
      held = held.subarray(4 + message.length);
      messages++;
      bytes += message.length;
    }
  }
  check(messages, bytes);
});

Deno.bench("readLengthFrame()", { group: byLength }, async () => {
  let messages = 0;
  let bytes = 0;
  const reader = new BufferedReader(readerOf(lengthFrames), CHUNK);
  for (let message; (message = await readLengthFrame(reader)) !== null; messages++) {
    bytes += message.length;
  }
  check(messages, bytes);
});

const delimited = `${COUNT} newline-delimited messages`;

Deno.bench("Buffer.concat() and indexOf()", { group: delimited, baseline: true }, async () => {
  let messages = 0;
  let bytes = 0;
  let held = Buffer.alloc(0);
  for await (const chunk of ReadableStream.from(chunksOf(lines))) {
    held = Buffer.concat([held, chunk]);
    for (let end; (end = held.indexOf(NEWLINE)) !== -1; messages++) {
      const message = held.subarray(0, end);
      held = held.subarray(end + 1);
      bytes += message.length;
    }
  }
  check(messages, bytes);
});

Deno.bench("readDelimited()", { group: delimited }, async () => {
  let messages = 0;
  let bytes = 0;
  const reader = new BufferedReader(readerOf(lines), CHUNK);
  for (let message; (message = await readDelimited(reader)) !== null; messages++) {
    bytes += message.length;
  }
  check(messages, bytes);
});

const json = `${COUNT} lines of JSON`;

Deno.bench("TextLineStream and JSON.parse()", { group: json, baseline: true }, async () => {
  let messages = 0;
  let bytes = 0;
  const source = ReadableStream.from(chunksOf(jsonLines))
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of source) {
    messages++;
    bytes += JSON.parse(line).text.length;
  }
  check(messages, bytes);
});

Deno.bench("readJsonLine()", { group: json }, async () => {
  let messages = 0;
  let bytes = 0;
  const reader = new BufferedReader(readerOf(jsonLines), CHUNK);
  for (let line; (line = await readJsonLine(reader)) !== null; messages++) {
    bytes += (line.value as { text: string }).text.length;
  }
  check(messages, bytes);
});
