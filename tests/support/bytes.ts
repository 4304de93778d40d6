/**
 * Bytes and texts: conversions, and pseudo-random data.
 *
 * @module
 */

/** The UTF-8 bytes of a text. */
export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A text whose characters, U+0000 to U+00FF, stand for the bytes of their numbers. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** The bytes as the text from which {@linkcode toBytes} makes them. */
export function toText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Pseudo-random integers from 0 to below `end`, the same ones for the same seed. */
export function randomIntegers(seed: number): (end: number) => number {
  return (end) => {
    // Numerical Recipes' linear congruential generator; its high bits are the good ones.
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * end);
  };
}

/** Pseudo-random bytes, the same ones for the same seed. */
export function randomBytes(count: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = randomIntegers(seed);
  return new Uint8Array(count).map(() => random(256));
}
