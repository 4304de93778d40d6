#!/usr/bin/env -S deno run --allow-net=127.0.0.1:0,127.0.0.1:7017
/**
 * A UDP echo client: it sends each line of stdin in a datagram, and prints the reply.
 *
 * Usage: clients/udp_echo.ts [host] [service] [OPTION...]
 *   --timeout SECONDS  how long to wait for a reply (2)
 *
 * From UCM 2.4, the UDP client. Departs from it: the wait for a reply times out, because a datagram
 * can be lost; datagrams from other addresses are dropped, because any program can send one to the
 * client. The newline of a line (LF or CRLF) is not sent, because a datagram is one message; the
 * reply is printed with a newline. On a terminal, control characters from the server are printed as
 * U+FFFD; a file or a pipe receives the exact bytes.
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
import { BufferedReader, chomp, connectDatagram, writeN, writeText } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_echo.ts" with { type: "text" };

/** The maximum size of a reply, in bytes. */
const MESSAGE_SIZE = 65536;
/** The maximum size of a line, in bytes: larger than a datagram, so sending a longer line fails. */
const LINE_SIZE = 65538;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7017) },
  options: { timeout: seconds(2) },
}, async ({ host, service, timeout }) => {
  // getaddrinfo, socket, connect
  using server = await connectDatagram(host, service);
  const stdin = new BufferedReader(Deno.stdin);
  const stdout = terminalOutput();

  for (;;) {
    const line = await stdin.readLine(LINE_SIZE);
    if (line === null) break;

    // send
    await server.send(chomp(line));
    // recv
    const datagram = await server.receive(MESSAGE_SIZE, timeout);
    await writeN(stdout, datagram.message);
    await writeText(stdout, "\n");
  }
  // close, at the end of using
});
