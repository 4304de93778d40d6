/**
 * Reads from memory, for benchmarks without a socket.
 *
 * @module
 */

import type { Reader } from "../../mod.ts";

/** The chunk size of the socket streams of Deno and node. */
export const CHUNK = 65536;

/** Yields copies of the bytes in chunks, for the streams of Deno and node. */
export function* chunksOf(bytes: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
  for (let i = 0; i < bytes.length; i += CHUNK) yield bytes.slice(i, i + CHUNK);
}

/** Returns a reader of the bytes. Each read returns at most a chunk, as with a socket. */
export function readerOf(bytes: Uint8Array): Reader {
  let position = 0;
  return {
    read(p) {
      if (position === bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(position, position + Math.min(p.length, CHUNK));
      p.set(piece);
      position += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}
