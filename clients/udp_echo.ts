#!/usr/bin/env -S deno run --allow-net=127.0.0.1:0,127.0.0.1:7017
/**
 * A UDP echo client: a datagram for each line of stdin, and a datagram back.
 *
 * Usage: clients/udp_echo.ts [host] [service] [OPTION...]
 *   --timeout SECONDS  how long to wait for a reply (2)
 *
 * From UCM 2.4, the UDP client. Departs from it: a datagram can be lost, so the wait for a reply ends;
 * anybody can send one, so only the server's is believed. The newline of a line, LF or CRLF, is not
 * sent: a datagram has an end of its own; so the reply prints with a newline behind it. To a terminal,
 * control characters that the server sends print as U+FFFD; to a file or a pipe, the bytes are exact.
 *
 * ```console
 * $ servers/udp_echo.ts 127.0.0.1 7017
 * ! listening on 127.0.0.1:7017
 * Message from 127.0.0.1:*: hello
 * ^C
 * $ clients/udp_echo.ts 127.0.0.1 7017
 * > hello
 * hello
 * ```
 *
 * @module
 */

import { host, main, port, seconds, terminalOutput } from "../cli.ts";
import { BufferedReader, chomp, connectDatagram, writeN } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_echo.ts" with { type: "text" };

/** More than the longest message that UDP can carry, in bytes. */
const MESSAGE_SIZE = 65536;
const NEWLINE = 0x0a;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7017) },
  options: { timeout: seconds(2) },
}, async ({ host, service, timeout }) => {
  // getaddrinfo, socket, connect
  using server = await connectDatagram(host, service);
  const stdin = new BufferedReader(Deno.stdin);
  const stdout = terminalOutput();

  for (;;) {
    const line = await stdin.readLine(MESSAGE_SIZE + 2); // a longer one is an error, not two messages
    if (line === null) break;

    // send
    await server.send(chomp(line));
    // recv
    const { message } = await server.receive(MESSAGE_SIZE, timeout);
    await writeN(stdout, message);
    await writeN(stdout, new Uint8Array([NEWLINE]));
  }
  // close, at the end of using
});
