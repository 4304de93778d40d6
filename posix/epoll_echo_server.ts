#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * An echo server with epoll(7), about as fast as the same server in C. It has the limits and the
 * drain of servers/tcp_echo_concurrent.ts, and Deno's timers and signals continue to work. Use it
 * as the basis of a production server where its permission is acceptable.
 *
 * Usage: posix/epoll_echo_server.ts [host] [service] [OPTION...]
 *   --max-connections N     maximum number of open connections; others wait in the backlog (1024)
 *   --idle-timeout SECONDS  abort a connection that is idle for this long; 0 for no limit (300)
 *   --min-rate BYTES        minimum rate of a client, in bytes per second; 0 for none (4)
 *   --grace SECONDS         how long connections may continue after SIGINT or SIGTERM (5)
 *   --backlog N             maximum number of pending connections (4096)
 *   --quiet                 do not print connections and messages
 *
 * The minimum rate is averaged over the idle timeout. `--allow-ffi` lets the program call every
 * function of the C library, and outranks all other flags. A host name requires `--allow-net=NAME`,
 * too.
 *
 * Each epoll_wait returns the sockets that are ready. A function serves each: it receives and sends
 * without waiting, so that it needs no promise and no thread. If a client does not read, the server
 * waits until it can send, and receives nothing from that client. A message is printed as text:
 * without the final newline (LF or CRLF), and with U+FFFD for control characters, including other
 * newlines, and for invalid UTF-8; the echo is exact.
 *
 * ```console
 * $ posix/epoll_echo_server.ts 127.0.0.1 7041
 * ! listening on 127.0.0.1:7041
 * Connection from 127.0.0.1:*
 * 	Message: I was here first
 * Connection from 127.0.0.1:*
 * 	Message: but I need not wait
 * ^C
 * $ deno run --allow-net=127.0.0.1:7041 clients/tcp_echo.ts 127.0.0.1 7041
 * > I was here first
 * I was here first
 * ^D
 * $ deno run --allow-net=127.0.0.1:7041 clients/tcp_echo.ts 127.0.0.1 7041
 * > but I need not wait
 * but I need not wait
 * ```
 *
 * @module
 */

import { count, host, logListening, main, port, serverOptions, stdout } from "../cli.ts";
import { formatAddress, getAddrInfo, printable, terminationSignal } from "../mod.ts";
import {
  acceptEvents,
  addressFamily,
  bind,
  EAGAIN,
  EPOLLIN,
  EPOLLOUT,
  type EventConnection,
  getsockname,
  listen,
  Poller,
  setsockopt,
  SO_REUSEADDR,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./epoll_echo_server.ts" with { type: "text" };

/** The maximum size of a message that is printed, in bytes. */
const MESSAGE_SIZE = 80;

/** A buffer for all connections: each sends what it has received before the next one receives. */
const buffer = new Uint8Array(80 * 1024);
const messageBuffer = buffer.subarray(0, MESSAGE_SIZE);

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7041) },
  options: { ...serverOptions, backlog: count(4096), quiet: false },
}, async ({ host, service, backlog, quiet, ...limits }) => {
  // getaddrinfo, socket, bind, listen
  const [address] = await getAddrInfo(host, service, { socktype: "stream" });
  using listener = socket(addressFamily(address), SOCK_STREAM);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  bind(listener, address);
  listen(listener, backlog);
  const signal = terminationSignal();
  logListening(getsockname(listener));

  // epoll_create1; the poller's loop calls epoll_wait
  using poller = new Poller();
  // accept, epoll_ctl
  for await (const conn of acceptEvents(listener, poller, { signal, ...limits })) {
    if (quiet) {
      conn.serve(echo, () => {});
    } else {
      await stdout.print(`Connection from ${formatAddress(conn.remoteAddr)}`);
      conn.serve(echoMessage);
    }
  }
});

/** Called when a connection is ready: sends back what it receives. */
function echo(conn: EventConnection): void {
  if (conn.unsent) return reply(conn, conn.unsent, conn.unsent.length);
  // recv: once, so that the others are served next; this one stays ready while data is left
  const size = conn.recv(buffer);
  if (size === 0) conn.close();
  else if (size !== -EAGAIN) reply(conn, buffer, size);
}

/** As `echo`, and prints each message. */
async function echoMessage(conn: EventConnection): Promise<void> {
  if (conn.unsent) return reply(conn, conn.unsent, conn.unsent.length);
  const size = conn.recv(messageBuffer);
  if (size === 0) return conn.close();
  if (size === -EAGAIN) return;
  await stdout.print(`\tMessage: ${printable(buffer.subarray(0, size))}`);
  reply(conn, buffer, size);
}

/** Sends the first `size` bytes; keeps what the system's buffer has no room for. */
function reply(conn: EventConnection, bytes: Uint8Array<ArrayBuffer>, size: number): void {
  // send
  const sent = conn.send(bytes, size);
  if (sent === size && !conn.unsent) return;
  // Wait for room, and receive nothing until all is sent.
  conn.unsent = sent < size ? bytes.slice(sent, size) : undefined;
  conn.waitFor(conn.unsent ? EPOLLOUT : EPOLLIN);
}
