// Lines out of a stream in memory: what BufferedReader costs beside the usual ways, a chain of
// transform streams and node:readline. These give strings. BufferedReader gives bytes, which is
// enough for whoever sends them on; to decode a line takes longer than to find it.

import { Readable } from "node:stream";
import type { Reader } from "../mod.ts";
import {
  CHUNK,
  LINES,
  readEvents,
  readLines,
  readStream,
  takeLines,
  takeTexts,
  text,
} from "./lines.ts";

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

function* pieces(): Generator<Uint8Array<ArrayBuffer>> {
  for (let i = 0; i < text.length; i += CHUNK) yield text.slice(i, i + CHUNK);
}

const group = `${LINES} lines from memory`;

Deno.bench("TextDecoderStream and TextLineStream: strings", { group, baseline: true }, async () => {
  await readStream(ReadableStream.from(pieces()));
});

Deno.bench("node:readline's events: strings", { group }, async () => {
  await readEvents(Readable.from(pieces()));
});

Deno.bench("readLine(): bytes", { group }, async () => await readLines(reader()));

Deno.bench("takeLine(): bytes", { group }, async () => await takeLines(reader()));

Deno.bench("takeLine(), decoded: strings", { group }, async () => await takeTexts(reader()));
