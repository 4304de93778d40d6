#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007
/**
 * An iterative echo server: it serves one client to the end before it accepts the next, which waits
 * in the backlog meanwhile.
 *
 * Usage: servers/tcp_echo_iterative.ts [host] [service]
 *
 * From UCM 2.4, the TCP server, with its backlog of 5. Departs from it: the default address is loopback's;
 * a client that resets its connection does not end the server, and a write that was short is completed. A
 * message prints as text: without the newline (LF or CRLF) at its end, and with U+FFFD for control
 * characters and for bytes that are not UTF-8; what is sent back is exact. On `::`, an IPv4 client is
 * shown by its IPv4 address, not as `::ffff:127.0.0.1`. A client that stays holds up all others, as in
 * the lecture; one that is silent for five minutes is cut off.
 *
 * ```console
 * $ servers/tcp_echo_iterative.ts 127.0.0.1 7007
 * ! listening on 127.0.0.1:7007
 * Connection from 127.0.0.1:*
 * 	Message: hello
 * 	Message: a second message
 * Connection from 127.0.0.1:*
 * 	Message: the next client
 * ^C
 * $ clients/tcp_echo.ts 127.0.0.1 7007
 * > hello
 * hello
 * > a second message
 * a second message
 * $ clients/tcp_echo.ts 127.0.0.1 7007
 * > the next client
 * the next client
 * ```
 *
 * @module
 */

import { host, logListening, main, port } from "../cli.ts";
import { accept, openListener, terminationSignal } from "../mod.ts";
import { echoMessages } from "../protocols/echo.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo_iterative.ts" with { type: "text" };

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7007) },
}, async ({ host, service }) => {
  // getaddrinfo, socket, bind, listen
  using listener = await openListener(service, { hostname: host, backlog: 5 });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal });
  for await (const conn of clients) {
    const { hostname, port } = conn.remoteAddr;
    // recv, send, close
    await conn.serve((conn) => echoMessages(conn, `${hostname}:${port}`));
  }
});
