/**
 * A source in memory, for what is to be measured without a socket.
 *
 * @module
 */

import type { Reader } from "../../mod.ts";

/** As much as a read of Deno's and node's streams asks for. */
export const CHUNK = 65536;

/** The bytes in chunks, for the streams of Deno and node. */
export function* chunksOf(bytes: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
  for (let i = 0; i < bytes.length; i += CHUNK) yield bytes.slice(i, i + CHUNK);
}

/** Hands out bytes as a socket would, a piece a read. */
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
