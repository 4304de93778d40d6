#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * An echo server with poll(2): one thread serves many clients. It calls recv and send only on sockets
 * that poll reports as ready.
 *
 * Usage: posix/poll_echo_server.ts [host] [service]
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too.
 *
 * It is posix/select_echo_server.ts with another call. poll takes an array of `struct pollfd`: it has
 * no limit like FD_SETSIZE, and the events that have occurred are stored apart from those to wait
 * for. As with select, each call passes all descriptors, so that its cost grows with the number of
 * clients, even if few are ready; posix/epoll_echo_server.ts has no such cost. Without a free
 * descriptor, accept fails (EMFILE); the server reports that, and tries again after a second, while
 * the clients wait in the backlog.
 *
 * If a client does not read, the server keeps the rest of one message until it can send it, and
 * receives nothing more from that client. A connection that is idle for five minutes is closed.
 * After SIGINT or SIGTERM, the server still serves the clients in the backlog and the data that has
 * arrived, for 5 s at most. A message is printed as text: without the final newline (LF or CRLF),
 * and with U+FFFD for control characters, including other newlines, and for invalid UTF-8; the echo
 * is exact. On `::`, the address of an IPv4 client is printed in IPv4 form.
 *
 * ```console
 * $ posix/poll_echo_server.ts 127.0.0.1 7044
 * ! listening on 127.0.0.1:7044
 * Connection from 127.0.0.1:*
 * 	Message: I was here first
 * Connection from 127.0.0.1:*
 * 	Message: but I need not wait
 * ^C
 * $ deno run --allow-net=127.0.0.1:7044 clients/tcp_echo.ts 127.0.0.1 7044
 * > I was here first
 * I was here first
 * ^D
 * $ deno run --allow-net=127.0.0.1:7044 clients/tcp_echo.ts 127.0.0.1 7044
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
  getsockname,
  IPPROTO_TCP,
  listen,
  poll,
  type PollEntry,
  POLLIN,
  POLLOUT,
  recv,
  send,
  setsockopt,
  SO_REUSEADDR,
  SOCK_STREAM,
  socket,
  socketpair,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./poll_echo_server.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;

/** How long a client may be idle, in ms. */
const IDLE_TIMEOUT = 300_000;

/** The maximum wait of poll, in ms: then idle clients are closed, and a failed accept is repeated. */
const INTERVAL = 1000;

/** The maximum time that the server continues after a signal, in ms. */
const GRACE = 5000;

/** After a signal, all data counts as received if none arrives for this time, in ms. */
const QUIET = 200;

/** One buffer for all clients, from which each message is copied. */
const buffer = new Uint8Array(MESSAGE_SIZE);

interface Client extends PollEntry {
  readonly peer: string;
  /** The rest of a message. While there is one, the server waits to send it, and does not receive. */
  unsent: Uint8Array<ArrayBuffer>;
  /** When the idle timeout of the client expires. */
  deadline: number;
}

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7044) },
}, async ({ host, service }) => {
  // getaddrinfo, socket, bind, listen
  const [address] = await getAddrInfo(host, service, { socktype: "stream" });
  using listener = socket(addressFamily(address), SOCK_STREAM);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, 1); // the accepted sockets inherit it
  bind(listener, address);
  listen(listener, 4096);

  // socketpair: a self-pipe. A signal closes one end, which makes the other readable: poll returns.
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
    // struct pollfd: one for each descriptor
    const listening = { descriptor: listener, events: 0, revents: 0 };
    const entries: PollEntry[] = [listening, ...clients];
    if (!signal.aborted) entries.push({ descriptor: alarm, events: POLLIN });
    if (performance.now() >= nextAccept) listening.events = POLLIN;
    for (const client of clients) {
      client.events = client.unsent.length > 0 ? POLLOUT : POLLIN;
    }

    // poll
    const count = await poll(entries, signal.aborted ? QUIET : INTERVAL);
    const isQuiet = count === 0 && clients.values().every(({ unsent }) => unsent.length === 0);
    if (signal.aborted && isQuiet) break;

    // revents, accept: one client, so that the others are served next
    if (listening.revents !== 0) {
      try {
        const client = await acceptClient(listener);
        if (client !== null) clients.add(client);
      } catch (error) {
        logError(error);
        // While no descriptor is free, the client stays in the backlog, and poll would not wait.
        const isGone = error instanceof Deno.errors.ConnectionAborted;
        if (!isGone) nextAccept = performance.now() + INTERVAL;
      }
    }

    // revents: echo to those that are ready; close
    for (const client of clients) {
      const { descriptor, peer, deadline } = client;
      const isReady = Boolean(client.revents);
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
  return { descriptor, events: POLLIN, peer, unsent: buffer.subarray(0, 0), deadline };
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
