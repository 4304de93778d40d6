#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A server that replies with the sum of the numbers in a datagram, which are in network byte order.
 *
 * Usage: servers/udp_sum.ts [host] [port] [OPTION...]
 *   --string  reply in decimal digits, not as a 32-bit integer
 *
 * From CNP3's exercises. The numbers are unsigned 32-bit integers. Departs from the exercises: a
 * datagram that is not a list of such numbers, or whose sum does not fit the reply, is reported on
 * stderr and gets no reply; a datagram from port 0, or with the server's own address as its source,
 * is dropped. After SIGINT or SIGTERM, the server still answers the datagrams that have arrived.
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

/** The maximum size of a request, in bytes. */
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
    // sendto: an error of one client does not stop the server
    await sendTo(socket, reply, from).catch(logError);
  }
  // close, at the end of using
});

/** Returns the sum of the numbers in a request. */
function addUp(request: Uint8Array): number {
  const numbers: number[] = unpack(`!${Math.floor(request.length / 4)}I`, request).map(Number);
  return numbers.reduce((sum, number) => sum + number, 0);
}
