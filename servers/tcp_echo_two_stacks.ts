#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007,[::1]:7007
/**
 * An echo server on two sockets, one for IPv4 and one for IPv6: two accept loops, stopped by the
 * same signal. servers/tcp_echo_concurrent.ts on `::` serves both with one socket.
 *
 * Usage: servers/tcp_echo_two_stacks.ts [service]
 *
 * From UCM 2.4, dual stack. Departs from it: it listens on the two addresses of `localhost`, not on
 * all addresses, and on a single one if the host supports only IPv4 or IPv6. Each loop serves one
 * client at a time. The output and the other departures are those of servers/tcp_echo_iterative.ts.
 *
 * ```console
 * $ servers/tcp_echo_two_stacks.ts 7007
 * ! listening on [::1]:7007
 * ! listening on 127.0.0.1:7007
 * Connection from 127.0.0.1:*
 * 	Message: by IPv4
 * Connection from ::1:*
 * 	Message: by IPv6
 * ^C
 * $ clients/tcp_echo.ts 127.0.0.1 7007
 * > by IPv4
 * by IPv4
 * $ deno run --allow-net=[::1]:7007 clients/tcp_echo.ts ::1 7007
 * > by IPv6
 * by IPv6
 * ```
 *
 * @module
 */

import { logListening, main, port } from "../cli.ts";
import { accept, openListeners, terminationSignal } from "../mod.ts";
import { echoMessages } from "../protocols/echo.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo_two_stacks.ts" with { type: "text" };

await main(header, {
  operands: { service: port(7007) },
}, async ({ service }) => {
  // getaddrinfo, and socket, bind, listen for each address
  const listeners = await openListeners(null, service, { backlog: 5 });
  const signal = terminationSignal();
  for (const { addr } of listeners) logListening(addr);

  // fork: one accept loop per socket
  await Promise.all(listeners.map((listener) => serve(listener, signal)));
});

/** The accept loop of one socket. When the signal aborts, it drains and closes the socket. */
async function serve(listener: Deno.TcpListener, signal: AbortSignal): Promise<void> {
  // accept
  const clients = accept(listener, { signal });
  for await (const conn of clients) {
    const { hostname, port } = conn.remoteAddr;
    const peer = `${hostname}:${port}`;
    // recv, send, close
    await conn.serve((conn) => echoMessages(conn, peer));
  }
}
