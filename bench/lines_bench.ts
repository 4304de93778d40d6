// Lines out of a stream in memory: what BufferedReader costs beside the usual way, a chain of
// transform streams.

import { TextLineStream } from "@std/streams/text-line-stream";
import { BufferedReader, type Reader } from "../mod.ts";

const LINES = 20_000;
const CHUNK = 65536;

const text = new TextEncoder().encode(
  Array.from({ length: LINES }, (_, i) => `${"x".repeat(i % 127)}\n`).join(""),
);

/** Hands out `text` as a socket would, a piece a read. */
function reader(): Reader {
  let position = 0;
  return {
    read(p) {
      if (position === text.length) return Promise.resolve(null);
      const piece = text.subarray(position, position + Math.min(p.length, CHUNK));
      p.set(piece);
      position += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

function stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
  let position = 0;
  return new ReadableStream({
    pull(controller) {
      if (position === text.length) return controller.close();
      const piece = text.slice(position, position + CHUNK);
      controller.enqueue(piece);
      position += piece.length;
    },
  });
}

function check(lines: number): void {
  if (lines !== LINES) throw new Error(`${lines} lines came instead of ${LINES}`);
}

Deno.bench("TextDecoderStream and TextLineStream", { group: "lines", baseline: true }, async () => {
  let lines = 0;
  const texts = stream().pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const _ of texts) lines++;
  check(lines);
});

Deno.bench("BufferedReader", { group: "lines" }, async () => {
  let lines = 0;
  const source = new BufferedReader(reader(), CHUNK);
  while (await source.readLine() !== null) lines++;
  check(lines);
});
