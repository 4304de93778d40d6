#!/usr/bin/env -S deno run --allow-net=127.255.255.255:7029
/**
 * A broadcast receiver: it prints each datagram sent to the broadcast address of a network.
 *
 * Usage: servers/udp_broadcast.ts [address] [port]
 *
 * From UCM 2.4, broadcast. A socket bound to a broadcast address receives only broadcasts. The
 * default is the broadcast address of loopback, so nothing leaves this host.
 *
 * ```console
 * $ servers/udp_broadcast.ts 127.255.255.255 7029
 * ! listening on 127.255.255.255:7029
 * Message from 127.0.0.1:*: hello, everybody
 * ^C
 * $ clients/udp_broadcast.ts 127.255.255.255 7029
 * > hello, everybody
 * ```
 *
 * @module
 */

import { host, logListening, logTruncated, main, port, stdout } from "../cli.ts";
import { datagrams, openDatagram, printable, terminationSignal } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_broadcast.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;

await main(header, {
  operands: { address: host("127.255.255.255"), port: port(7029) },
}, async ({ address, port }) => {
  // socket, setsockopt, bind: several receivers may share the port
  using socket = await openDatagram(port, { hostname: address, reuseAddress: true });
  const signal = terminationSignal();
  logListening(socket.addr);

  // recvfrom
  for await (const datagram of datagrams(socket, MESSAGE_SIZE, { signal })) {
    const { message, from } = datagram;
    await stdout.print(`Message from ${from.hostname}:${from.port}: ${printable(message)}`);
    logTruncated(datagram, MESSAGE_SIZE);
  }
  // close, at the end of using
});
