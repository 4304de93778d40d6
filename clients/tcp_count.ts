#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7014
/**
 * A client that half-closes its connection: it sends all of stdin, shuts down its sending side, and
 * then receives the reply.
 *
 * Usage: clients/tcp_count.ts [host] [port]
 *
 * From Stallings, shutdown. Closing the connection would also end the stream, but the client could
 * not receive the reply. On a terminal, control characters from the server are printed as U+FFFD; a
 * file or a pipe receives the exact bytes.
 *
 * ```console
 * $ servers/tcp_count.ts 127.0.0.1 7014
 * ! listening on 127.0.0.1:7014
 * ^C
 * $ clients/tcp_count.ts 127.0.0.1 7014
 * > three small words
 * 1 3 18
 * ```
 *
 * @module
 */

import { host, main, port, terminalOutput } from "../cli.ts";
import { copy, openClient } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_count.ts" with { type: "text" };

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7014) },
}, async ({ host, port }) => {
  // getaddrinfo, socket, connect
  using conn = await openClient(host, port);

  // write, until the end of stdin
  await copy(Deno.stdin, conn);
  // shutdown
  await conn.closeWrite();
  // read, until the end of the stream
  const received = await copy(conn, terminalOutput());
  if (received === 0) {
    throw new Deno.errors.UnexpectedEof(`read ${host}:${port}: the server closed without a reply`);
  }
  // close, at the end of using
});
