#!/usr/bin/env -S deno run --allow-net=127.0.0.1:0,127.0.0.1:7027
/**
 * A client that sends the numbers 1, 3, 5, 7 and 9 in network byte order, and prints their sum.
 *
 * Usage: clients/udp_sum.ts [host] [port] [OPTION...]
 *   --string           expect a reply in decimal digits, not a 32-bit integer
 *   --timeout SECONDS  how long to wait for a reply (2)
 *
 * From CNP3's exercises. Client and server must agree on `--string`: a reply does not state its
 * format.
 *
 * ```console
 * $ servers/udp_sum.ts 127.0.0.1 7027 --string
 * ! listening on 127.0.0.1:7027
 * ^C
 * $ clients/udp_sum.ts 127.0.0.1 7027 --string
 * 25
 * ```
 *
 * @module
 */

import { bytesLiteral, host, main, port, seconds } from "../cli.ts";
import { connectDatagram, pack, unpack } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_sum.ts" with { type: "text" };

/** The maximum size of a reply, in bytes: the number of digits of the largest sum. */
const REPLY_SIZE = 20;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7027) },
  options: { string: false, timeout: seconds(2) },
}, async ({ host, port, string, timeout }) => {
  // getaddrinfo, socket, connect
  using server = await connectDatagram(host, port);
  // send: five numbers, twenty bytes
  await server.send(pack("!5I", 1, 3, 5, 7, 9));
  // recv
  const { message } = await server.receive(REPLY_SIZE + 1, timeout);
  console.log(string ? readDigits(message) : unpack("!I", message)[0]);
  // close, at the end of using
});

/** Returns the sum in a reply of decimal digits. */
function readDigits(reply: Uint8Array): string {
  const text = new TextDecoder().decode(reply);
  if (/^\d{1,20}$/.test(text)) return text;
  throw new Error(`recv: the reply ${bytesLiteral(reply)} is not a sum in decimal digits`);
}
