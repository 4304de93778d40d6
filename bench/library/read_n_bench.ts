// Reading records of a fixed size from another process over TCP on loopback: readN() compared with a
// BYOB reader, whose `min` option does the same. Small records show the cost per call, large ones the
// cost per byte. BufferedReader.readN() reads up to 64 KiB at once, which saves system calls.

import { BufferedReader, readN } from "../../mod.ts";
import { text } from "./lines.ts";
import { startSender } from "./sender.ts";

const hostname = "127.0.0.1";
const port = await startSender();

/** Throws unless record number `i` is complete, by its length and its first and last byte. */
function check(record: Uint8Array | undefined, size: number, i: number): void {
  const sent = text.subarray(i * size, (i + 1) * size);
  if (record?.length !== size || record[0] !== sent[0] || record.at(-1) !== sent.at(-1)) {
    throw new Error(`record ${i} of ${size} bytes differs from the one sent`);
  }
}

const axis = [[64, 20_000], [1024, 20_000], [16_384, 1000], [1_000_000, 30]] as const;

for (const [size, records] of axis) {
  const group = `${records} records of ${size} bytes over TCP`;

  Deno.bench(`BYOB reader, ${size} bytes`, { group, baseline: true }, async () => {
    const conn = await Deno.connect({ hostname, port });
    const reader = conn.readable.getReader({ mode: "byob" });
    let record = new Uint8Array(size);
    for (let i = 0; i < records; i++) {
      const { value } = await reader.read(record, { min: size });
      check(value, size, i);
      record = value ?? record;
    }
    await reader.cancel();
  });

  Deno.bench(`readN(), ${size} bytes`, { group }, async () => {
    using conn = await Deno.connect({ hostname, port });
    const record = new Uint8Array(size);
    for (let i = 0; i < records; i++) {
      check(record.subarray(0, await readN(conn, record) ?? 0), size, i);
    }
  });

  Deno.bench(`BufferedReader.readN(), ${size} bytes`, { group }, async () => {
    using conn = await Deno.connect({ hostname, port });
    const reader = new BufferedReader(conn);
    const record = new Uint8Array(size);
    for (let i = 0; i < records; i++) {
      check(record.subarray(0, await reader.readN(record) ?? 0), size, i);
    }
  });
}
