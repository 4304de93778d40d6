#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A UDP echo server: one socket for all clients, without connections.
 *
 * Usage: servers/udp_echo.ts [host] [service] [OPTION...]
 *   --quiet  do not print messages
 *
 * From UCM 2.4, the UDP server. Departs from it: the default address is loopback, and a message
 * that is truncated to 80 bytes is reported on stderr. A message is printed as text: without the
 * final newline (LF or CRLF), and with U+FFFD for control characters, including other newlines, and
 * for invalid UTF-8; the echo is exact. On `::`, the address of an IPv4 client is printed in IPv4
 * form, not as `::ffff:127.0.0.1`. Deno requires net permission for each destination. A client's
 * port is not known in advance, so the first line grants the whole host. A datagram from port 0, or
 * with the server's own address as its source, is dropped. A datagram with the spoofed source
 * address of another echo server still starts an endless exchange between the two servers. After
 * SIGINT or SIGTERM, the server still answers the datagrams that have arrived.
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

/** The maximum size of a message, in bytes. */
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
      const peer = `${from.hostname}:${from.port}`;
      await stdout.print(`Message from ${peer}: ${printable(message)}`);
      logTruncated(datagram, MESSAGE_SIZE);
    }
    // sendto: an error of one client does not stop the server
    await sendTo(socket, message, from).catch(logError);
  }
  // close, at the end of using
});
