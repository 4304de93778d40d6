#!/usr/bin/env -S deno run --allow-net=[::1]
/**
 * A calculator over UDP and IPv6: a binary protocol in which each request gets one response.
 *
 * Usage: servers/udp_calculator.ts [host] [port]
 *
 * From CNP3's exercises. An invalid request also gets a response, with an error status;
 * protocols/calculator.ts defines the protocol. Departs from the exercises: the server listens on
 * loopback, not on all addresses; a datagram from port 0, or with the server's own address as its
 * source, is dropped. `servers/udp_calculator.ts :: 10000` listens on all addresses and serves IPv4
 * clients too; it requires `--allow-net`, because a client may have any address. After SIGINT or
 * SIGTERM, the server still answers the datagrams that have arrived.
 *
 * ```console
 * $ servers/udp_calculator.ts ::1 10000
 * ! listening on [::1]:10000
 * ^C
 * $ clients/udp_calculator.ts -op + ::1 10000 1 3 5 7 9
 * Result: 25
 * ```
 *
 * @module
 */

import { host, logListening, main, port } from "../cli.ts";
import { datagrams, logError, openDatagram, sendTo, terminationSignal } from "../mod.ts";
import { calculate } from "../protocols/calculator.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_calculator.ts" with { type: "text" };

/** The maximum size of a message, in bytes: one more than of a request, to detect longer ones. */
const MESSAGE_SIZE = 258;

await main(header, {
  operands: { host: host("::1"), port: port(10000) },
}, async ({ host, port }) => {
  // getaddrinfo, socket, bind
  using socket = await openDatagram(port, { hostname: host });
  const signal = terminationSignal();
  logListening(socket.addr);

  // recvfrom
  for await (const { message, from } of datagrams(socket, MESSAGE_SIZE, { signal })) {
    // sendto: an error of one client does not stop the server
    await sendTo(socket, calculate(message), from).catch(logError);
  }
  // close, at the end of using
});
