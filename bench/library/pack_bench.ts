// pack() and unpack() of a small record, "!IHBB", compared with code that uses DataView or node's
// Buffer for each field. Each variant allocates a new array or tuple per record.

import { Buffer } from "node:buffer";
import { pack, unpack } from "../../mod.ts";

type Fields = [id: number, port: number, kind: number, flags: number];

const COUNT = 10_000;

const records = Array.from(
  { length: COUNT },
  (_, i): Fields => [0xffffffff - i, i, i % 256, 255 - i % 256],
);
const messages = records.map((fields) => pack("!IHBB", ...fields));

function packByDataView(id: number, port: number, kind: number, flags: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, id);
  view.setUint16(4, port);
  view.setUint8(6, kind);
  view.setUint8(7, flags);
  return new Uint8Array(view.buffer);
}

function packByBuffer(id: number, port: number, kind: number, flags: number): Uint8Array {
  const buffer = Buffer.alloc(8);
  buffer.writeUInt32BE(id, 0);
  buffer.writeUInt16BE(port, 4);
  buffer.writeUInt8(kind, 6);
  buffer.writeUInt8(flags, 7);
  return buffer;
}

function unpackByDataView(bytes: Uint8Array): Fields {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [view.getUint32(0), view.getUint16(4), view.getUint8(6), view.getUint8(7)];
}

function unpackByBuffer(bytes: Uint8Array): Fields {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [buffer.readUInt32BE(0), buffer.readUInt16BE(4), buffer.readUInt8(6), buffer.readUInt8(7)];
}

// The latest results are kept and added up, so that V8 cannot optimize calls away. Keeping all results
// would measure the garbage collector.
const packed: Uint8Array[] = [];
const unpacked: Fields[] = [];

function packAll(packOne: (...fields: Fields) => Uint8Array): void {
  let sum = 0;
  for (const [i, [id, port, kind, flags]] of records.entries()) {
    const message = packed[i % 64] = packOne(id, port, kind, flags);
    sum += (message[6] ?? 0) + (message[7] ?? 0);
  }
  if (sum !== COUNT * 255) throw new Error(`the sum is ${sum}, not ${COUNT * 255}`);
}

function unpackAll(unpackOne: (bytes: Uint8Array) => Fields): void {
  let sum = 0;
  for (const [i, message] of messages.entries()) {
    const [id, port] = unpacked[i % 64] = unpackOne(message);
    sum += id + port;
  }
  if (sum !== COUNT * 0xffffffff) throw new Error(`the sum is ${sum}, not ${COUNT * 0xffffffff}`);
}

// All variants must give the same results.
for (const [i, fields] of records.entries()) {
  const message = messages[i] ?? new Uint8Array();
  for (const packOne of [packByDataView, packByBuffer]) {
    if (packOne(...fields).toHex() !== message.toHex()) throw new Error(`${packOne.name} differs`);
  }
  for (const unpackOne of [unpackByDataView, unpackByBuffer]) {
    if (`${unpackOne(message)}` !== `${fields}`) throw new Error(`${unpackOne.name} differs`);
  }
}

const packing = "pack 10,000 records of !IHBB";

Deno.bench("DataView: pack", { group: packing, baseline: true }, () => {
  packAll(packByDataView);
});

Deno.bench("node:buffer: pack", { group: packing }, () => {
  packAll(packByBuffer);
});

Deno.bench("pack()", { group: packing }, () => {
  packAll((id, port, kind, flags) => pack("!IHBB", id, port, kind, flags));
});

const unpacking = "unpack 10,000 records of !IHBB";

Deno.bench("DataView: unpack", { group: unpacking, baseline: true }, () => {
  unpackAll(unpackByDataView);
});

Deno.bench("node:buffer: unpack", { group: unpacking }, () => {
  unpackAll(unpackByBuffer);
});

Deno.bench("unpack()", { group: unpacking }, () => {
  unpackAll((bytes) => unpack("!IHBB", bytes));
});
