#!/usr/bin/env -S deno run --allow-net=127.0.0.1:0,127.255.255.255:7029
/**
 * A sender of broadcasts: each line of stdin goes to all hosts of a network at once.
 *
 * Usage: clients/udp_broadcast.ts [address] [port]
 *
 * From UCM 2.4, broadcast. C asks for SO_BROADCAST to be set first; Deno sets it on every socket. The
 * newline of a line is not sent.
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

/** More than the longest message that UDP can carry, in bytes. */
const MESSAGE_SIZE = 65536;

await main(header, {
  operands: { address: host("127.255.255.255"), port: port(7029) },
}, async ({ address, port }) => {
  const everybody: Deno.NetAddr = { transport: "udp", hostname: address, port };
  // socket, setsockopt: SO_BROADCAST
  using socket = await openDatagramTo(everybody);
  const stdin = new BufferedReader(Deno.stdin);

  for (;;) {
    const line = await stdin.readLine(MESSAGE_SIZE + 2); // a longer one is an error, not two messages
    if (line === null) break;

    // sendto
    await sendTo(socket, chomp(line), everybody);
  }
  // close, at the end of using
});
