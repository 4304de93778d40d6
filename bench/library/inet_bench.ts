// `inetPton` and `inetNtop` beside what a program would do without them. For text that is node:net's
// isIP: it says which family a text is of and stops there, while inetPton gives the bytes, too. To make
// an array of four bytes takes longer than all the rest, so who needs them pays for that in any case: for
// IPv4 there is isIP with split() behind it. From bytes to text node has nothing: IPv4 is then a
// template, and IPv6 goes through the URL parser, which knows how to shorten it.

import { isIP } from "node:net";
import { inetNtop, inetPton } from "../../mod.ts";

const COUNT = 1000;

const bytes4 = Array.from({ length: COUNT }, (_, i) => {
  return new Uint8Array([10 + i % 200, i >> 8, i & 0xff, 255 - i % 256]);
});
const bytes6 = Array.from({ length: COUNT }, (_, i) => {
  const zeros = new Uint8Array(i % 9); // to be shortened in some, and not in others
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

/** Calls `isRight` for all; its answers are counted, so V8 cannot leave a call out. */
function checkAll<T>(values: readonly T[], isRight: (value: T, i: number) => boolean): void {
  let right = 0;
  for (let i = 0; i < COUNT; i++) {
    const value = values[i];
    if (value !== undefined && isRight(value, i)) right++;
  }
  if (right !== COUNT) throw new Error(`${right} of ${COUNT} answers are right`);
}

const pton4 = `${COUNT} IPv4 addresses from text`;

Deno.bench("isIP() of IPv4", { group: pton4, baseline: true }, () => {
  checkAll(texts4, (text) => isIP(text) === 4);
});

Deno.bench("isIP() and split()", { group: pton4 }, () => {
  checkAll(texts4, (text, i) => ptonBySplit(text)?.[3] === bytes4[i]?.[3]);
});

Deno.bench("inetPton() of IPv4", { group: pton4 }, () => {
  checkAll(texts4, (text, i) => inetPton(4, text)?.[3] === bytes4[i]?.[3]);
});

const pton6 = `${COUNT} IPv6 addresses from text`;

Deno.bench("isIP() of IPv6", { group: pton6, baseline: true }, () => {
  checkAll(texts6, (text) => isIP(text) === 6);
});

Deno.bench("inetPton() of IPv6", { group: pton6 }, () => {
  checkAll(texts6, (text, i) => inetPton(6, text)?.[15] === bytes6[i]?.[15]);
});

const ntop4 = `${COUNT} IPv4 addresses to text`;

Deno.bench("a template", { group: ntop4, baseline: true }, () => {
  checkAll(bytes4, (bytes, i) => ntopByTemplate(bytes) === texts4[i]);
});

Deno.bench("inetNtop() of IPv4", { group: ntop4 }, () => {
  checkAll(bytes4, (bytes, i) => inetNtop(bytes) === texts4[i]);
});

const ntop6 = `${COUNT} IPv6 addresses to text`;

Deno.bench("groups and URL", { group: ntop6, baseline: true }, () => {
  checkAll(bytes6, (bytes, i) => ntopByUrl(bytes) === texts6[i]);
});

Deno.bench("inetNtop() of IPv6", { group: ntop6 }, () => {
  checkAll(bytes6, (bytes, i) => inetNtop(bytes) === texts6[i]);
});
