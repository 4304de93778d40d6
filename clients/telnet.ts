#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007
/**
 * A full-duplex client: it sends stdin and prints what the server sends, concurrently. It works
 * with any server of a text protocol.
 *
 * Usage: clients/telnet.ts host port
 *
 * From CS:APP, telnet. At the end of stdin it shuts down its sending side and continues to receive.
 * Departs from telnet(1): it has no telnet commands, and sends a newline as LF, not as CRLF. On a
 * terminal, control characters from the server are printed as U+FFFD; a file or a pipe receives the
 * exact bytes.
 *
 * ```console
 * $ servers/tcp_echo_concurrent.ts 127.0.0.1 7007
 * ! listening on 127.0.0.1:7007
 * Connection from 127.0.0.1:*
 * 	Message: GET / HTTP/1.0
 * ^C
 * $ clients/telnet.ts 127.0.0.1 7007
 * > GET / HTTP/1.0
 * GET / HTTP/1.0
 * ```
 *
 * @module
 */

import { host, main, port, required, terminalOutput } from "../cli.ts";
import { copy, openClient } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./telnet.ts" with { type: "text" };

await main(header, {
  operands: { host: required(host()), port: required(port()) },
}, async ({ host, port }) => {
  // getaddrinfo, socket, connect
  using conn = await openClient(host, port);

  // select: wait for both directions at the same time
  // read stdin, write, shutdown
  const sending = copy(Deno.stdin, conn).then(() => conn.closeWrite()).catch((error) => {
    // If the server has closed, the other direction ends too.
    if (!("syscall" in error)) throw error;
  });
  // read, write stdout
  const receiving = copy(conn, terminalOutput());
  // close, when the server has closed, even if stdin has not ended
  await Promise.race([receiving, sending]);
  await receiving;
});
