// Reading lines from memory: BufferedReader compared with transform streams and node:readline. These
// return strings; BufferedReader returns bytes, because decoding a line takes longer than finding it.

import { Readable } from "node:stream";
import {
  LINES,
  readEvents,
  readLines,
  readStream,
  text,
  tryReadLines,
  tryReadTexts,
} from "./lines.ts";
import { chunksOf, readerOf } from "./memory_source.ts";

const group = `${LINES} lines from memory`;

Deno.bench("TextDecoderStream and TextLineStream: strings", { group, baseline: true }, async () => {
  await readStream(ReadableStream.from(chunksOf(text)));
});

Deno.bench("node:readline events: strings", { group }, async () => {
  await readEvents(Readable.from(chunksOf(text)));
});

Deno.bench("readLine(): bytes", { group }, async () => await readLines(readerOf(text)));

Deno.bench("tryReadLine(): bytes", { group }, async () => await tryReadLines(readerOf(text)));

Deno.bench(
  "tryReadLine(), decoded: strings",
  { group },
  async () => await tryReadTexts(readerOf(text)),
);
