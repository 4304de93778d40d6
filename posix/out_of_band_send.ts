#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * Sends ordinary data, one byte of urgent data, and more data.
 *
 * Usage: posix/out_of_band_send.ts [host] [port]
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too.
 *
 * From UCM 2.4, send with MSG_OOB. The urgent byte follows the data that was sent before it; the
 * urgent pointer of TCP marks its position, and the receiver can receive it out of order. The client
 * first waits until the server sends "ready", because the kernel sends SIGURG only to a process that
 * F_SETOWN names. It waits for a second at most, because other servers send nothing.
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

import { host, main, port } from "../cli.ts";
import { formatAddress, getAddrInfo } from "../mod.ts";
import {
  addressFamily,
  connect,
  errnoError,
  getsockopt,
  MSG_OOB,
  poll,
  POLLIN,
  POLLOUT,
  recv,
  send,
  SHUT_WR,
  shutdown,
  SO_ERROR,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./out_of_band_send.ts" with { type: "text" };

/** How long to wait for the server, in ms. */
const PATIENCE = 1000;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7045) },
}, async ({ host, port }) => {
  // getaddrinfo, socket, connect
  const [address] = await getAddrInfo(host, port, { socktype: "stream" });
  using server = socket(addressFamily(address), SOCK_STREAM);
  connect(server, address);
  await poll([{ descriptor: server, events: POLLOUT }]);
  const error = getsockopt(server, SOL_SOCKET, SO_ERROR);
  if (error !== 0) throw errnoError(error, "connect", formatAddress(address));

  // recv: the server is ready
  const buffer = new Uint8Array(80);
  const input = [{ descriptor: server, events: POLLIN }];
  if (await poll(input, PATIENCE) > 0) recv(server, buffer);

  // send: a new connection has room for it
  const encoder = new TextEncoder();
  send(server, encoder.encode("first"));
  send(server, encoder.encode("!"), MSG_OOB);
  send(server, encoder.encode("second"));

  // shutdown, recv: to close with unread data would reset the connection
  shutdown(server, SHUT_WR);
  while (await poll(input, PATIENCE) > 0 && recv(server, buffer) !== 0);
  // close, at the end of using
});
