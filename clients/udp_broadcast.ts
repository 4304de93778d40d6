#!/usr/bin/env -S deno run --allow-net=127.0.0.1:0,127.255.255.255:7029
/**
 * A broadcast sender: it sends each line of stdin to every host of a network.
 *
 * Usage: clients/udp_broadcast.ts [address] [port]
 *
 * From UCM 2.4, broadcast. A C program must first set SO_BROADCAST; Deno sets it on every datagram
 * socket. The newline of a line (LF or CRLF) is not sent.
 *
 * ```console
 * $ servers/udp_broadcast.ts 127.255.255.255 7029
 * ! listening on 127.255.255.255:7029
 * Message from 127.0.0.1:*: is anybody there?
 * ^C
 * $ clients/udp_broadcast.ts 127.255.255.255 7029
 * > is anybody there?
 * ```
 *
 * @module
 */

import { host, main, port } from "../cli.ts";
import { BufferedReader, chomp, openDatagramTo, sendTo } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_broadcast.ts" with { type: "text" };

/** The maximum size of a line, in bytes: larger than a datagram, so sending a longer line fails. */
const LINE_SIZE = 65538;

await main(header, {
  operands: { address: host("127.255.255.255"), port: port(7029) },
}, async ({ address, port }) => {
  const network: Deno.NetAddr = { transport: "udp", hostname: address, port };
  // socket, setsockopt: SO_BROADCAST
  using socket = await openDatagramTo(network);
  const stdin = new BufferedReader(Deno.stdin);

  for (;;) {
    const line = await stdin.readLine(LINE_SIZE);
    if (line === null) break;

    // sendto
    await sendTo(socket, chomp(line), network);
  }
  // close, at the end of using
});
