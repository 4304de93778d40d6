#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * Receives ordinary and urgent data over one connection: out-of-band data of TCP.
 *
 * Usage: posix/out_of_band_receive.ts [host] [port]
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too.
 *
 * From UCM 2.4, recv with MSG_OOB, SIGURG and sockatmark. When urgent data arrives, the kernel sends
 * SIGURG to the process that F_SETOWN names, and poll reports POLLPRI, even if data before it is
 * unread. recv returns the data before the urgent byte, stops at the mark, where sockatmark is true,
 * and then skips the byte: only recv with MSG_OOB returns it. To print the same output each time, the
 * server receives the urgent byte when it is at the mark.
 *
 * The server sends "ready" after fcntl with F_SETOWN. If urgent data arrives earlier, there is no
 * signal: after a second the server prints "no SIGURG". TCP has one mark: another urgent byte that
 * arrives before the first was received replaces it. Data is printed as text: without the final
 * newline (LF or CRLF), and with U+FFFD for control characters and for invalid UTF-8. A client that
 * sends nothing for five minutes is disconnected.
 *
 * ```console
 * $ posix/out_of_band_receive.ts 127.0.0.1 7045
 * ! listening on 127.0.0.1:7045
 * Connection from 127.0.0.1:*
 * Message: first
 * SIGURG, urgent data at the mark: !
 * Message: second
 * $ posix/out_of_band_send.ts 127.0.0.1 7045
 * ```
 *
 * @module
 */

import { host, logListening, main, port, stdout } from "../cli.ts";
import {
  formatAddress,
  getAddrInfo,
  printable,
  terminationSignal,
  unmapAddress,
  withTimeout,
} from "../mod.ts";
import {
  accept,
  type Accepted,
  addressFamily,
  bind,
  type Descriptor,
  EAGAIN,
  F_SETOWN,
  fcntl,
  getsockname,
  getsockopt,
  listen,
  MSG_OOB,
  poll,
  POLLIN,
  POLLPRI,
  recv,
  send,
  setsockopt,
  SO_ERROR,
  SO_REUSEADDR,
  SOCK_STREAM,
  sockatmark,
  socket,
  SOL_SOCKET,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./out_of_band_receive.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;
/** How long to wait for data, and for the signal, in ms. */
const IDLE_TIME = 300_000;
const SIGNAL_TIME = 1000;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7045) },
}, async ({ host, port }) => {
  // getaddrinfo, socket, bind, listen
  const [address] = await getAddrInfo(host, port, { socktype: "stream" });
  using listener = socket(addressFamily(address), SOCK_STREAM);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  bind(listener, address);
  listen(listener, 5);
  const signal = terminationSignal();
  logListening(getsockname(listener));

  const serving = acceptOne(listener).then(receive);
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  await Promise.race([serving, stopped]);
});

/** Accepts the first client that has not reset its connection. */
async function acceptOne(listener: Descriptor): Promise<Accepted> {
  for (;;) {
    await poll([{ descriptor: listener, events: POLLIN }]);
    // accept
    const accepted = accept(listener);
    if (accepted === null) continue;
    if (getsockopt(accepted.socket, SOL_SOCKET, SO_ERROR) === 0) return accepted;
    accepted.socket.close();
  }
}

/** Receives until the end of the stream. */
async function receive({ socket, peer }: Accepted): Promise<void> {
  using client = socket;
  const name = formatAddress(unmapAddress(peer));
  await stdout.print(`Connection from ${name}`);

  // sigaction, fcntl
  let urgent = Promise.withResolvers<void>();
  Deno.addSignalListener("SIGURG", () => urgent.resolve());
  fcntl(client, F_SETOWN, Deno.pid);
  // send
  send(client, new TextEncoder().encode("ready\n"));

  const entry = { descriptor: client, events: POLLIN | POLLPRI, revents: 0 };
  const buffer = new Uint8Array(MESSAGE_SIZE);
  for (;;) {
    // poll
    await withTimeout(poll([entry]), IDLE_TIME, `recv ${name}: idle for ${IDLE_TIME / 1000} s`);
    if (entry.revents & POLLPRI && sockatmark(client)) {
      // recv: the urgent byte
      const wasSignalled = withTimeout(urgent.promise, SIGNAL_TIME, "").then(
        () => true,
        () => false,
      );
      const signal = await wasSignalled ? "SIGURG" : "no SIGURG";
      urgent = Promise.withResolvers();
      const size = recv(client, buffer, MSG_OOB);
      await stdout.print(
        `${signal}, urgent data at the mark: ${printable(buffer.subarray(0, size))}`,
      );
      continue;
    }
    // recv: up to the mark
    const size = recv(client, buffer);
    if (size === 0) return;
    if (size !== -EAGAIN) await stdout.print(`Message: ${printable(buffer.subarray(0, size))}`);
  }
  // close, at the end of using
}
