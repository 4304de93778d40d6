// Records of a fixed size over a TCP connection on loopback, from another process: `readN` beside a BYOB
// reader, whose `min` does the same. Small records show what a call costs, large ones what a byte costs.
// For many small ones BufferedReader.readN saves the system calls: it reads up to 64 KiB at once.

import { BufferedReader, readN } from "../../mod.ts";
import { text } from "./lines.ts";
import { startSender } from "./sender.ts";

const hostname = "127.0.0.1";
const port = await startSender();

/** Makes sure that record number `i` came whole, by its length and its ends. */
function check(record: Uint8Array | undefined, size: number, i: number): void {
  const sent = text.subarray(i * size, (i + 1) * size);
  if (record?.length !== size || record[0] !== sent[0] || record.at(-1) !== sent.at(-1)) {
    throw new Error(`record ${i} of ${size} bytes did not come as it was sent`);
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
