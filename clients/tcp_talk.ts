#!/usr/bin/env -S deno run --allow-net=127.0.0.1:1213
/**
 * A client that alternates sending and receiving: it sends a line, receives once, and prints the
 * result.
 *
 * Usage: clients/tcp_talk.ts [ip] [port]
 *
 * From HSE 13, the TCP client, which sends at most 31 bytes of a line per call and receives at most
 * 32. An empty line is not sent: the client only receives. Departs from it: the client exits when
 * the server has closed or reset the connection; a NUL byte ends neither the line sent nor the
 * output. On a terminal, control characters from the server are printed as U+FFFD; a file or a pipe
 * receives the exact bytes.
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
import { BufferedReader, openClient, writeN, writeText } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_talk.ts" with { type: "text" };

/** The maximum number of bytes per receive. A line has one less: C's buffer also holds a NUL. */
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
    let count: number | null;
    try {
      // send
      if (line[0] !== NEWLINE) await writeN(conn, line);
      // recv
      count = await conn.read(received);
    } catch (error) {
      if (isClosedByPeer(error)) break;
      throw error;
    }
    if (count === null) break;
    await writeN(stdout, received.subarray(0, count));
    await writeText(stdout, "\n");
  }
  // close, at the end of using
});

/** Reports whether a call failed because the server had already closed the connection. */
function isClosedByPeer(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}
