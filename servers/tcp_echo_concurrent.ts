#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007
/**
 * A concurrent echo server: accept and fork, with one task per connection, so that an idle client
 * does not block others. Use it as the basis of a production server.
 *
 * Usage: servers/tcp_echo_concurrent.ts [host] [service] [OPTION...]
 *   --max-connections N     maximum number of open connections; others wait in the backlog (1024)
 *   --idle-timeout SECONDS  abort a connection that is idle for this long; 0 for no limit (300)
 *   --min-rate BYTES        minimum rate of a client, in bytes per second; 0 for none (4)
 *   --grace SECONDS         how long connections may continue after SIGINT or SIGTERM (5)
 *   --backlog N             maximum number of pending connections (4096)
 *   --quiet                 do not print connections and messages
 *
 * The minimum rate is averaged over the idle timeout.
 *
 * From UCM 2.4, accept-and-fork. Departs from it: a task of the event loop replaces the child
 * process, so there are no zombies to reap; the backlog is 4096, not 5; on `::` it serves IPv4
 * clients too, and prints their addresses in IPv4 form, not as `::ffff:127.0.0.1`. A message is
 * printed as text: without the final newline (LF or CRLF), and with U+FFFD for control characters,
 * including other newlines, and for invalid UTF-8; the echo is exact. If no program reads stdout,
 * up to a megabyte of lines is buffered; further lines are dropped.
 *
 * ```console
 * $ servers/tcp_echo_concurrent.ts 127.0.0.1 7007
 * ! listening on 127.0.0.1:7007
 * Connection from 127.0.0.1:*
 * 	Message: I was here first
 * Connection from 127.0.0.1:*
 * 	Message: but I need not wait
 * ^C
 * $ clients/tcp_echo.ts 127.0.0.1 7007
 * > I was here first
 * I was here first
 * ^D
 * $ clients/tcp_echo.ts 127.0.0.1 7007
 * > but I need not wait
 * but I need not wait
 * ```
 *
 * @module
 */

import { count, host, logListening, main, port, serverOptions } from "../cli.ts";
import { accept, openListener, terminationSignal } from "../mod.ts";
import { echoMessages, echoQuietly } from "../protocols/echo.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo_concurrent.ts" with { type: "text" };

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7007) },
  options: { ...serverOptions, backlog: count(4096), quiet: false },
}, async ({ host, service, backlog, quiet, ...limits }) => {
  // getaddrinfo, socket, bind, listen
  using listener = await openListener(service, { hostname: host, backlog });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal, ...limits });
  for await (const conn of clients) {
    const { hostname, port } = conn.remoteAddr;
    const peer = `${hostname}:${port}`;
    // fork: serve() is not awaited, so the loop accepts the next client immediately
    // recv, send, close
    conn.serve((conn) => quiet ? echoQuietly(conn) : echoMessages(conn, peer));
  }
});
