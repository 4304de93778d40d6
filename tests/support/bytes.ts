/**
 * Bytes and texts: conversions, and pseudo-random data.
 *
 * @module
 */

/** The UTF-8 bytes of a text. */
export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** The bytes whose numbers are the characters of a text, U+0000 to U+00FF. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The inverse of {@linkcode toBytes}. */
export function toText(bytes: Uint8Array): string {
  let text = "";
  // In pieces: the stack limits the number of arguments.
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Pseudo-random integers from 0 to below `end`, the same for the same seed. */
export function randomIntegers(seed: number): (end: number) => number {
  return (end) => {
    // The linear congruential generator of Numerical Recipes, whose high bits are random enough.
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * end);
  };
}

/** Pseudo-random bytes, the same for the same seed. */
export function randomBytes(count: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = randomIntegers(seed);
  return new Uint8Array(count).map(() => random(256));
}
