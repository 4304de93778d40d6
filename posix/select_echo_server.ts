#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * An echo server with select(2): one thread serves many clients. It calls recv and send only on sockets
 * that select reports as ready.
 *
 * Usage: posix/select_echo_server.ts [host] [service]
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too.
 *
 * From UCM 2.4, select. An fd_set has one bit for each descriptor number below FD_SETSIZE, 1024.
 * select cannot wait for a descriptor with a larger number: in C, FD_SET then overwrites other
 * memory. The server therefore lowers its limit of descriptors, which Deno raises when it starts, to
 * FD_SETSIZE: about a thousand clients are served at once, and the others wait in the backlog.
 * Without a free descriptor, accept fails (EMFILE); the server reports that, and tries again after a
 * second.
 *
 * If a client does not read, the server keeps the rest of one message until it can send it, and
 * receives nothing more from that client. A connection that is idle for five minutes is closed.
 * After SIGINT or SIGTERM, the server still serves the clients in the backlog and the data that has
 * arrived, for 5 s at most. A message is printed as text: without the final newline (LF or CRLF),
 * and with U+FFFD for control characters, including other newlines, and for invalid UTF-8; the echo
 * is exact. On `::`, the address of an IPv4 client is printed in IPv4 form.
 *
 * ```console
 * $ posix/select_echo_server.ts 127.0.0.1 7043
 * ! listening on 127.0.0.1:7043
 * Connection from 127.0.0.1:*
 * 	Message: I was here first
 * Connection from 127.0.0.1:*
 * 	Message: but I need not wait
 * ^C
 * $ deno run --allow-net=127.0.0.1:7043 clients/tcp_echo.ts 127.0.0.1 7043
 * > I was here first
 * I was here first
 * ^D
 * $ deno run --allow-net=127.0.0.1:7043 clients/tcp_echo.ts 127.0.0.1 7043
 * > but I need not wait
 * but I need not wait
 * ```
 *
 * @module
 */

import { host, logListening, main, port, stdout } from "../cli.ts";
import {
  formatAddress,
  getAddrInfo,
  logError,
  printable,
  terminationSignal,
  unmapAddress,
  withContext,
} from "../mod.ts";
import {
  accept,
  addressFamily,
  bind,
  type Descriptor,
  EAGAIN,
  FD_SETSIZE,
  FdSet,
  getrlimit,
  getsockname,
  IPPROTO_TCP,
  listen,
  recv,
  RLIMIT_NOFILE,
  select,
  send,
  setrlimit,
  setsockopt,
  SO_REUSEADDR,
  SOCK_STREAM,
  socket,
  socketpair,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./select_echo_server.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;

/** How long a client may be idle, in ms. */
const IDLE_TIMEOUT = 300_000;

/** The maximum wait of select, in ms: then idle clients are closed, and a failed accept is repeated. */
const INTERVAL = 1000;

/** The maximum time that the server continues after a signal, in ms. */
const GRACE = 5000;

/** After a signal, all data counts as received if none arrives for this time, in ms. */
const QUIET = 200;

/** One buffer for all clients, from which each message is copied. */
const buffer = new Uint8Array(MESSAGE_SIZE);

interface Client {
  readonly descriptor: Descriptor;
  readonly peer: string;
  /** The rest of a message. While there is one, the server waits to send it, and does not receive. */
  unsent: Uint8Array<ArrayBuffer>;
  /** When the idle timeout of the client expires. */
  deadline: number;
}

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7043) },
}, async ({ host, service }) => {
  // getrlimit, setrlimit
  setrlimit(RLIMIT_NOFILE, Math.min(FD_SETSIZE, getrlimit(RLIMIT_NOFILE)));
  // getaddrinfo, socket, bind, listen
  const [address] = await getAddrInfo(host, service, { socktype: "stream" });
  using listener = socket(addressFamily(address), SOCK_STREAM);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, 1); // the accepted sockets inherit it
  bind(listener, address);
  listen(listener, 4096);

  // socketpair: a self-pipe. A signal closes one end, which makes the other readable: select returns.
  const [alarm, trigger] = socketpair(SOCK_STREAM);
  const signal = terminationSignal();
  let end = Infinity;
  signal.addEventListener("abort", () => {
    end = performance.now() + GRACE;
    trigger.close();
  });
  logListening(getsockname(listener));

  const clients = new Set<Client>();
  let nextAccept = 0;
  while (performance.now() < end) {
    // FD_ZERO, FD_SET: each turn, because select leaves only those that are ready
    const readable = new FdSet();
    const writable = new FdSet();
    if (!signal.aborted) readable.add(alarm);
    if (performance.now() >= nextAccept) readable.add(listener);
    for (const { descriptor, unsent } of clients) {
      (unsent.length > 0 ? writable : readable).add(descriptor);
    }

    // select
    const count = await select(readable, writable, null, signal.aborted ? QUIET : INTERVAL);
    const isQuiet = count === 0 && clients.values().every(({ unsent }) => unsent.length === 0);
    if (signal.aborted && isQuiet) break;

    // FD_ISSET, accept: one client, so that the others are served next
    if (readable.has(listener)) {
      try {
        const client = await acceptClient(listener);
        if (client !== null) clients.add(client);
      } catch (error) {
        logError(error);
        // While no descriptor is free, the client stays in the backlog, and select would not wait.
        const isGone = error instanceof Deno.errors.ConnectionAborted;
        if (!isGone) nextAccept = performance.now() + INTERVAL;
      }
    }

    // FD_ISSET: echo to those that are ready; close
    for (const client of clients) {
      const { descriptor, peer, deadline } = client;
      const isReady = readable.has(descriptor) || writable.has(descriptor);
      if (!isReady && performance.now() < deadline) continue;
      try {
        if (!isReady) throw new Deno.errors.TimedOut(`idle for ${IDLE_TIMEOUT / 1000} s`);
        if (await echo(client)) continue;
      } catch (error) {
        logError(withContext(peer, error));
      }
      descriptor.close();
      clients.delete(client);
    }
  }
});

/** Accepts a client; returns null if it has already disconnected. */
async function acceptClient(listener: Descriptor): Promise<Client | null> {
  const accepted = accept(listener);
  if (accepted === null) return null;
  const descriptor = accepted.socket;
  const peer = formatAddress(unmapAddress(accepted.peer));
  await stdout.print(`Connection from ${peer}`);
  const deadline = performance.now() + IDLE_TIMEOUT;
  return { descriptor, peer, unsent: buffer.subarray(0, 0), deadline };
}

/** Receives a message and sends it back, or sends the rest of one; returns false at EOF. */
async function echo(client: Client): Promise<boolean> {
  client.deadline = performance.now() + IDLE_TIMEOUT;
  if (client.unsent.length === 0) {
    // recv
    const size = recv(client.descriptor, buffer);
    if (size <= 0) return size === -EAGAIN;
    client.unsent = buffer.slice(0, size);
    await stdout.print(`\tMessage: ${printable(client.unsent)}`);
  }
  // send
  const sent = send(client.descriptor, client.unsent);
  if (sent > 0) client.unsent = client.unsent.subarray(sent);
  return true;
}
