#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * A concurrent echo server on an abstract Unix address, a name that is not in the file system: it
 * creates no file that has to be removed. It is posix/epoll_echo_server.ts with another address.
 *
 * Usage: posix/abstract_echo_server.ts [name] [OPTION...]
 *   --max-connections N     maximum number of open connections; others wait in the backlog (1024)
 *   --idle-timeout SECONDS  abort a connection that is idle for this long; 0 for no limit (300)
 *   --min-rate BYTES        minimum rate of a client, in bytes per second; 0 for none (4)
 *   --grace SECONDS         how long connections may continue after SIGINT or SIGTERM (5)
 *   --backlog N             maximum number of pending connections (4096)
 *   --quiet                 do not print connections and messages
 *
 * The minimum rate is averaged over the idle timeout. `--allow-ffi` lets the program call every
 * function of the C library, and outranks all other flags.
 *
 * Abstract addresses exist on Linux only. In the call, the path begins with a NUL; here, as in ss(8),
 * the address is printed with `@` in its place. The kernel frees the name when the server exits, even
 * if it is killed.
 *
 * A name has no owner and no mode: every process in the same network namespace may connect to it.
 * SO_PEERCRED returns the process and the user that connected, as recorded by the kernel. With it,
 * the server checks each client: it serves its own user, as with a socket file of mode 600, and
 * closes the connections of all others. A name does not protect the clients either: any process may
 * bind it before the server does. A client that sends a secret must check the server in the same way.
 * SO_PEERCRED names the process that connected, even if it has passed the connection to another.
 *
 * Messages are printed as in posix/epoll_echo_server.ts.
 *
 * ```console
 * $ posix/abstract_echo_server.ts deno-sockets-echo
 * ! listening on @deno-sockets-echo
 * Connection from (unnamed), pid *, uid *
 * 	Message: hello
 * ^C
 * $ posix/abstract_echo_client.ts deno-sockets-echo
 * > hello
 * hello
 * ```
 *
 * @module
 */

import { count, logListening, main, serverOptions, stderr, stdout } from "../cli.ts";
import { formatAddress, printable, terminationSignal, unpack } from "../mod.ts";
import {
  acceptEvents,
  AF_UNIX,
  bind,
  type Descriptor,
  EAGAIN,
  EPOLLIN,
  EPOLLOUT,
  type EventConnection,
  getsockname,
  getsockoptBytes,
  listen,
  Poller,
  SO_PEERCRED,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./abstract_echo_server.ts" with { type: "text" };

/** The maximum size of a message that is printed, in bytes. */
const MESSAGE_SIZE = 80;

/** A buffer for all connections: each sends what it has received before the next one receives. */
const buffer = new Uint8Array(80 * 1024);
const messageBuffer = buffer.subarray(0, MESSAGE_SIZE);

await main(header, {
  operands: { name: "deno-sockets-echo" },
  options: { ...serverOptions, backlog: count(4096), quiet: false },
}, async ({ name, backlog, quiet, ...limits }) => {
  // socket, bind, listen
  using listener = socket(AF_UNIX, SOCK_STREAM);
  bind(listener, { transport: "unix", path: `\0${name}` });
  listen(listener, backlog);
  const signal = terminationSignal();
  logListening(getsockname(listener));
  const own = credentials(listener);

  // epoll_create1; the poller's loop calls epoll_wait
  using poller = new Poller();
  // accept, epoll_ctl
  for await (const conn of acceptEvents(listener, poller, { signal, ...limits })) {
    const { pid, uid } = credentials(conn);
    const client = `${formatAddress(conn.remoteAddr)}, pid ${pid}, uid ${uid}`;
    if (uid !== own.uid) {
      stderr.print(`${client}: closed, the server serves uid ${own.uid}`);
      conn.close();
    } else if (quiet) {
      conn.serve(echo, () => {});
    } else {
      await stdout.print(`Connection from ${client}`);
      conn.serve(echoMessage);
    }
  }
});

/** Returns the process and the user that connected the socket; for a listening socket, its own. */
function credentials(socket: Descriptor): { pid: number; uid: number } {
  // getsockopt: struct ucred has the IDs of the process, the user and the group
  const [pid, uid] = unpack("=3I", getsockoptBytes(socket, SOL_SOCKET, SO_PEERCRED, 12));
  return { pid, uid };
}

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
