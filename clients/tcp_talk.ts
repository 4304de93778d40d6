#!/usr/bin/env -S deno run --allow-net=127.0.0.1:1213
/**
 * A client that takes turns: it sends a line, receives once, and prints what came.
 *
 * Usage: clients/tcp_talk.ts [ip] [port]
 *
 * From HSE 13, the TCP client: at most 31 bytes of a line are sent at once, and at most 32 received. A
 * bare newline is not sent: it only receives. Departs from it: when the server has closed, the client
 * ends, also if it learns that from a reset; a NUL byte ends neither what is sent nor what is printed. To
 * a terminal, control characters that the server sends print as U+FFFD; to a file or a pipe, the bytes are
 * exact.
 *
 * ```console
 * $ servers/tcp_counter.ts 127.0.0.1 1213
 * ! listening on 127.0.0.1:1213
 * ^C
 * $ clients/tcp_talk.ts 127.0.0.1 1213
 * >
 * Connection 1!
 *
 * $ clients/tcp_talk.ts 127.0.0.1 1213
 * > dddd
 * Connection 2!
 *
 * ```
 *
 * @module
 */

import { host, main, port, terminalOutput } from "../cli.ts";
import { BufferedReader, openClient, writeN } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_talk.ts" with { type: "text" };

/** The most that is received at once, in bytes; of a line, C's buffer holds one byte less, and a NUL. */
const BUFFER_SIZE = 32;
const NEWLINE = 0x0a;

await main(header, {
  operands: { ip: host("127.0.0.1"), port: port(1213) },
}, async ({ ip, port }) => {
  // socket, connect
  using conn = await openClient(ip, port);
  const stdin = new BufferedReader(Deno.stdin);
  const stdout = terminalOutput();
  const received = new Uint8Array(BUFFER_SIZE);

  for (;;) {
    // fgets
    const line = await stdin.readLine(BUFFER_SIZE - 1);
    if (line === null) break;
    try {
      // send
      if (line[0] !== NEWLINE) await writeN(conn, line);
      // recv
      const count = await conn.read(received);
      if (count === null) break;
      await writeN(stdout, received.subarray(0, count));
      await writeN(stdout, new Uint8Array([NEWLINE]));
    } catch (error) {
      if (isClosedByPeer(error)) break;
      throw error;
    }
  }
  // close, at the end of using
});

/** Whether a call failed because the server had closed before what was sent arrived. */
function isClosedByPeer(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}
