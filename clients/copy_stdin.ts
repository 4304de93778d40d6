#!/usr/bin/env -S deno run
/**
 * Copies stdin to stdout one byte at a time, and reports the cost: each read and each write is a
 * system call.
 *
 * Usage: clients/copy_stdin.ts [OPTION...]
 *   --size N  maximum number of bytes per read (1)
 *
 * From CS:APP, Unix I/O. Departs from it: it reports on stderr the number of bytes, the number of
 * reads, including the last, which returns EOF, and the elapsed time; if stdout is closed, it exits
 * without a message, where SIGPIPE kills the lecture's program. On a terminal too, the output
 * is exact.
 *
 * ```console
 * $ clients/copy_stdin.ts
 * > hello
 * hello
 * ! 6 bytes in 7 reads, * s
 * $ clients/copy_stdin.ts --size=4096
 * > hello
 * hello
 * ! 6 bytes in 2 reads, * s
 * ```
 *
 * @module
 */

import { count, main } from "../cli.ts";
import { withContext } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./copy_stdin.ts" with { type: "text" };

await main(header, {
  operands: {},
  options: { size: count(1) },
}, ({ size }) => {
  const start = performance.now();
  const buffer = new Uint8Array(size);
  let bytes = 0;
  for (let reads = 1;; reads++) {
    const count = read(buffer);
    if (count === 0) {
      const seconds = (performance.now() - start) / 1000;
      console.error(`${bytes} bytes in ${reads} reads, ${seconds.toFixed(3)} s`);
      return;
    }
    if (!write(buffer.subarray(0, count))) return;
    bytes += count;
  }
});

/** read: returns the number of bytes read from stdin, 0 at EOF. */
function read(buffer: Uint8Array): number {
  try {
    return Deno.stdin.readSync(buffer) ?? 0;
  } catch (error) {
    throw withContext("read stdin", error);
  }
}

/** write, until all bytes are written: returns false if stdout is closed. */
function write(bytes: Uint8Array): boolean {
  try {
    for (let written = 0; written < bytes.length;) {
      written += Deno.stdout.writeSync(bytes.subarray(written));
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw withContext("write stdout", error);
  }
}
