#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007
/**
 * An iterative echo server: it serves one client at a time; the others wait in the backlog.
 *
 * Usage: servers/tcp_echo_iterative.ts [host] [service]
 *
 * From UCM 2.4, the TCP server, with its backlog of 5. Departs from it: the default address is
 * loopback; a client that resets its connection does not terminate the server; short writes are
 * completed. A message is printed as text: without the final newline (LF or CRLF), and with U+FFFD
 * for control characters, including other newlines, and for invalid UTF-8; the echo is exact. On
 * `::`, the address of an IPv4 client is printed in IPv4 form, not as `::ffff:127.0.0.1`. As in the
 * lecture, a client delays all others while it is connected, but a connection that is idle for five
 * minutes is aborted.
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
    const peer = `${hostname}:${port}`;
    // recv, send, close
    await conn.serve((conn) => echoMessages(conn, peer));
  }
});
