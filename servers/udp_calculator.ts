#!/usr/bin/env -S deno run --allow-net=[::1]
/**
 * A calculator over UDP and IPv6: a protocol of binary requests, each answered by itself.
 *
 * Usage: servers/udp_calculator.ts [host] [port]
 *
 * From CNP3's exercises, where it listens on all addresses, as `servers/udp_calculator.ts :: 10000`: that
 * takes `--allow-net` for whoever asks, and serves IPv4 clients as well. Whatever is no request gets a
 * response too, whose status says so; protocols/calculator.ts has the protocol. A datagram from port 0 or in the
 * server's own name is dropped. After SIGINT or SIGTERM, what has come already is still answered.
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

/** A byte more than the longest request, so that a longer one does not look like it. */
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
    // sendto: one client that cannot be answered is no reason to leave the others
    await sendTo(socket, calculate(message), from).catch(logError);
  }
  // close, at the end of using
});
