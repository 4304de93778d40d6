#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A server that adds up the numbers in a datagram and sends back their sum.
 *
 * Usage: servers/udp_sum.ts [host] [port] [OPTION...]
 *   --string  reply with decimal digits instead of a number of four bytes
 *
 * From CNP3's exercises. The numbers are unsigned, of four bytes each, in network byte order. Departs
 * from the exercises: a datagram that is no list of such numbers, or a sum that does not fit, is
 * reported on stderr and gets no reply, like one from port 0 or in the server's own name. After SIGINT or
 * SIGTERM, what has come already is still answered.
 *
 * ```console
 * $ servers/udp_sum.ts 127.0.0.1 7027
 * ! listening on 127.0.0.1:7027
 * ^C
 * $ clients/udp_sum.ts 127.0.0.1 7027
 * 25
 * ```
 *
 * @module
 */

import { host, logListening, main, port } from "../cli.ts";
import {
  datagrams,
  formatAddress,
  logError,
  openDatagram,
  pack,
  sendTo,
  terminationSignal,
  unpack,
  withContext,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_sum.ts" with { type: "text" };

/** The longest request that is received whole, in bytes. */
const REQUEST_SIZE = 1024;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7027) },
  options: { string: false },
}, async ({ host, port, string }) => {
  // getaddrinfo, socket, bind
  using socket = await openDatagram(port, { hostname: host });
  const signal = terminationSignal();
  logListening(socket.addr);

  // recvfrom
  for await (const datagram of datagrams(socket, REQUEST_SIZE, { signal })) {
    const { message, from, truncated } = datagram;
    let reply: Uint8Array;
    try {
      if (truncated) throw new RangeError(`the request is longer than ${REQUEST_SIZE} bytes`);
      const sum = addUp(message);
      reply = string ? new TextEncoder().encode(`${sum}`) : pack("!I", sum);
    } catch (error) {
      logError(withContext(formatAddress(from), error));
      continue;
    }
    // sendto: one client that cannot be answered is no reason to leave the others
    await sendTo(socket, reply, from).catch(logError);
  }
  // close, at the end of using
});

/** The sum of the numbers in a request. */
function addUp(request: Uint8Array): number {
  const numbers: number[] = unpack(`!${Math.floor(request.length / 4)}I`, request).map(Number);
  return numbers.reduce((sum, number) => sum + number, 0);
}
