#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007
/**
 * A concurrent echo server: accept and fork, one task a connection, so that an idle client never
 * blocks another. This is the one to copy for production.
 *
 * Usage: servers/tcp_echo_concurrent.ts [host] [service] [OPTION...]
 *   --max-connections N     clients served at once; more wait in the backlog (1024)
 *   --idle-timeout SECONDS  cut off a client that neither sends nor receives; 0: never (300)
 *   --min-rate BYTES        the least that a client must send and receive a second; 0: any (4)
 *   --grace SECONDS         on SIGINT or SIGTERM, let connections finish for so long (5)
 *   --backlog N             clients that may wait to be accepted (4096)
 *   --quiet                 print no line for a connection or a message
 *
 * The minimum rate is an average over the idle timeout.
 *
 * From UCM 2.4, accept-and-fork. Departs from it: a task of the event loop takes the place of the child
 * process, so there are no zombies to wait for. On `::` it serves IPv4 clients too, and shows them by
 * their IPv4 addresses, not as `::ffff:127.0.0.1`. A message prints as text: without the newline (LF or
 * CRLF) at its end, and with U+FFFD for control characters, newlines among them, and for bytes that are
 * not UTF-8; what is sent back is exact. The backlog is 4096, where the lecture's server has 5. Lines that
 * the output does not take within a second are dropped.
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

import {
  accept,
  type Connection,
  echo,
  formatAddress,
  openListener,
  printable,
  terminationSignal,
} from "../mod.ts";
import { count, host, main, port, rate, seconds, stderr, stdout } from "../cli.ts";
import header from "./tcp_echo_concurrent.ts" with { type: "text" };

/** The longest piece that is received, printed and sent back at once, in bytes. */
const MESSAGE_SIZE = 80;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7007) },
  options: {
    maxConnections: count(1024),
    idleTimeout: seconds(300),
    minRate: rate(4),
    grace: seconds(5),
    backlog: count(4096),
    quiet: false,
  },
}, async ({ host, service, maxConnections, idleTimeout, minRate, grace, backlog, quiet }) => {
  // getaddrinfo, socket, bind, listen
  using listener = await openListener(service, { hostname: host, backlog });
  const signal = terminationSignal();
  stderr.print(`listening on ${formatAddress(listener.addr)}`);

  // accept
  const clients = accept(listener, {
    signal,
    maxConnections,
    idleTimeout,
    minRate,
    grace,
  });
  for await (const conn of clients) {
    // fork: it is not awaited, so the loop accepts the next client while this one is served
    // recv, send, close
    conn.serve(quiet ? echoQuietly : echoMessages);
  }
});

/** The service: prints each message and sends it back. */
async function echoMessages(conn: Connection<Deno.NetAddr>): Promise<void> {
  const { hostname, port } = conn.remoteAddr;
  await stdout.print(`Connection from ${hostname}:${port}`);
  await echo(conn, MESSAGE_SIZE, (message) => stdout.print(`\tMessage: ${printable(message)}`));
}

/** The service with `--quiet`: nothing is printed, so pieces may be large, and errors are nobody's. */
async function echoQuietly(conn: Connection<Deno.NetAddr>): Promise<void> {
  await echo(conn).catch(() => {});
}
