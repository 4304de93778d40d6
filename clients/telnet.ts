#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007
/**
 * A client in both directions at once: what is typed goes to the server, and what the server sends is
 * printed, whichever comes first. It speaks to any server of text.
 *
 * Usage: clients/telnet.ts host port
 *
 * From CS:APP, telnet. At the end of stdin it shuts down its sending side, and prints what still comes.
 * Departs from telnet(1): it knows no telnet commands, and sends a newline as it is, not as CRLF. To a
 * terminal, control characters that the server sends print as U+FFFD; to a file or a pipe, the bytes are
 * exact.
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

  // select: both directions wait at the same time
  // read stdin, write, shutdown
  const sending = copy(Deno.stdin, conn).then(() => conn.closeWrite()).catch((error) => {
    // A server that has gone is noticed in the other direction too.
    if (!("syscall" in error)) throw error;
  });
  // read, write stdout
  const receiving = copy(conn, terminalOutput());
  // close: when the server has; stdin may wait for a line that the server will not receive
  await Promise.race([receiving, sending.then(() => receiving)]);
});
