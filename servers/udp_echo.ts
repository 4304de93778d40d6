#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A UDP echo server: one socket for all clients, and no connections.
 *
 * Usage: servers/udp_echo.ts [host] [service] [OPTION...]
 *   --quiet  print no line for a message
 *
 * From UCM 2.4, the UDP server. Departs from it: the default address is loopback's, and a message that was
 * cut at 80 bytes is reported on stderr. A message prints as text: without the newline (LF or CRLF) at its
 * end, and with U+FFFD for control characters and for bytes that are not UTF-8; what is sent back is
 * exact. On `::`, an IPv4 client is shown by its IPv4 address, not as `::ffff:127.0.0.1`. To answer
 * any client requires the permission for every port of the host: Deno asks for each address that a
 * datagram is sent to. A datagram from port 0 or in the server's own name, which would be echoed without
 * end, is dropped. Two echo servers can still be made to echo to each other, by a datagram to one in the
 * name of the other. After SIGINT or SIGTERM, what has come already is still answered.
 *
 * ```console
 * $ servers/udp_echo.ts 127.0.0.1 7017
 * ! listening on 127.0.0.1:7017
 * Message from 127.0.0.1:*: hello
 * Message from 127.0.0.1:*: another datagram
 * ^C
 * $ clients/udp_echo.ts 127.0.0.1 7017
 * > hello
 * hello
 * > another datagram
 * another datagram
 * ```
 *
 * @module
 */

import { host, logListening, logTruncated, main, port, stdout } from "../cli.ts";
import { datagrams, logError, openDatagram, printable, sendTo, terminationSignal } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_echo.ts" with { type: "text" };

/** The longest message that is received whole, in bytes. */
const MESSAGE_SIZE = 80;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7017) },
  options: { quiet: false },
}, async ({ host, service, quiet }) => {
  // getaddrinfo, socket, bind
  using socket = await openDatagram(service, { hostname: host });
  const signal = terminationSignal();
  logListening(socket.addr);

  // recvfrom
  for await (const datagram of datagrams(socket, MESSAGE_SIZE, { signal })) {
    const { message, from } = datagram;
    if (!quiet) {
      const { hostname, port } = from;
      await stdout.print(`Message from ${hostname}:${port}: ${printable(message)}`);
      logTruncated(datagram, MESSAGE_SIZE);
    }
    // sendto: one client that cannot be answered is no reason to leave the others
    await sendTo(socket, message, from).catch(logError);
  }
  // close, at the end of using
});
