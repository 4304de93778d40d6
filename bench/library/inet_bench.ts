// inetPton() and inetNtop() compared with common alternatives. node:net's isIP() only validates a string;
// inetPton() also returns the bytes, and allocating the array is most of its cost. For IPv4, isIP() with
// split() returns bytes too. Node has no function that formats bytes: the alternatives are a template
// string for IPv4, and for IPv6 the URL parser, which shortens the address.

import { isIP } from "node:net";
import { inetNtop, inetPton } from "../../mod.ts";

const COUNT = 1000;

const bytes4 = Array.from({ length: COUNT }, (_, i) => {
  return new Uint8Array([10 + i % 200, i >> 8, i & 0xff, 255 - i % 256]);
});
const bytes6 = Array.from({ length: COUNT }, (_, i) => {
  const zeros = new Uint8Array(i % 9); // some addresses can be shortened, others not
  const bytes = new Uint8Array(16).fill(0x20 + i % 200).fill(i >> 8, 14).fill(i & 0xff, 15);
  bytes.set(zeros, 4);
  return bytes;
});
const texts4 = bytes4.map(inetNtop);
const texts6 = bytes6.map(inetNtop);

function ptonBySplit(text: string): Uint8Array | null {
  return isIP(text) === 4 ? Uint8Array.from(text.split("."), Number) : null;
}

function ntopByTemplate(bytes: Uint8Array): string {
  return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
}

function ntopByUrl(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Calls `isRight` with each value, and counts the results, so that V8 cannot optimize calls away. */
function checkAll<T>(values: readonly T[], isRight: (value: T, i: number) => boolean): void {
  let right = 0;
  for (let i = 0; i < COUNT; i++) {
    const value = values[i];
    if (value !== undefined && isRight(value, i)) right++;
  }
  if (right !== COUNT) throw new Error(`${right} of ${COUNT} results are correct`);
}

const pton4 = `${COUNT} IPv4 addresses from text`;

Deno.bench("isIP(), IPv4", { group: pton4, baseline: true }, () => {
  checkAll(texts4, (text) => isIP(text) === 4);
});

Deno.bench("isIP() and split(), IPv4", { group: pton4 }, () => {
  checkAll(texts4, (text, i) => ptonBySplit(text)?.[3] === bytes4[i]?.[3]);
});

Deno.bench("inetPton(), IPv4", { group: pton4 }, () => {
  checkAll(texts4, (text, i) => inetPton(4, text)?.[3] === bytes4[i]?.[3]);
});

const pton6 = `${COUNT} IPv6 addresses from text`;

Deno.bench("isIP(), IPv6", { group: pton6, baseline: true }, () => {
  checkAll(texts6, (text) => isIP(text) === 6);
});

Deno.bench("inetPton(), IPv6", { group: pton6 }, () => {
  checkAll(texts6, (text, i) => inetPton(6, text)?.[15] === bytes6[i]?.[15]);
});

const ntop4 = `${COUNT} IPv4 addresses to text`;

Deno.bench("template string, IPv4", { group: ntop4, baseline: true }, () => {
  checkAll(bytes4, (bytes, i) => ntopByTemplate(bytes) === texts4[i]);
});

Deno.bench("inetNtop(), IPv4", { group: ntop4 }, () => {
  checkAll(bytes4, (bytes, i) => inetNtop(bytes) === texts4[i]);
});

const ntop6 = `${COUNT} IPv6 addresses to text`;

Deno.bench("URL parser, IPv6", { group: ntop6, baseline: true }, () => {
  checkAll(bytes6, (bytes, i) => ntopByUrl(bytes) === texts6[i]);
});

Deno.bench("inetNtop(), IPv6", { group: ntop6 }, () => {
  checkAll(bytes6, (bytes, i) => inetNtop(bytes) === texts6[i]);
});
