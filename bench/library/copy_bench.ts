// copy() compared with copying byte by byte, as in CS:APP's first example of Unix I/O. Each read and
// each write is a system call; their number determines the cost.

import { copy, type Reader, writeN, type Writer } from "../../mod.ts";

const SIZE = 4096;

const from = await Deno.makeTempFile();
const to = await Deno.makeTempFile();
await Deno.writeFile(from, new Uint8Array(SIZE).fill(0x2e));
globalThis.addEventListener("unload", () => [from, to].forEach((path) => Deno.removeSync(path)));

async function copyByteByByte(source: Reader, target: Writer): Promise<number> {
  const byte = new Uint8Array(1);
  for (let copied = 0;; copied++) {
    if (await source.read(byte) === null) return copied;
    await writeN(target, byte);
  }
}

async function run(copyStream: (source: Reader, target: Writer) => Promise<number>): Promise<void> {
  using source = await Deno.open(from);
  using target = await Deno.open(to, { write: true, truncate: true });
  const copied = await copyStream(source, target);
  if (copied !== SIZE) throw new Error(`copied ${copied} bytes instead of ${SIZE}`);
}

const group = "copy 4 KiB from file to file";

Deno.bench("byte by byte", { group, baseline: true }, async () => await run(copyByteByByte));

Deno.bench("buffered: copy()", { group }, async () => await run(copy));
