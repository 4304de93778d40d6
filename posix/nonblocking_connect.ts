#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * A client that connects without waiting in connect(2): the call starts the connection, poll(2)
 * waits with a time limit, and SO_ERROR holds the result. It prints each step.
 *
 * Usage: posix/nonblocking_connect.ts host port [OPTION...]
 *   --timeout SECONDS  how long to wait for the connection (5)
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too; the client connects to its first address.
 *
 * From UCM 2.4, O_NONBLOCK and connect. Departs from it: socket(2) sets O_NONBLOCK, with its flag
 * SOCK_NONBLOCK, and fcntl(2) reads it. Without the time limit, the connection fails after about
 * two minutes (tcp_syn_retries in tcp(7)), and SO_ERROR is ETIMEDOUT.
 *
 * ```console
 * $ posix/nonblocking_connect.ts 127.0.0.1 7007
 * fcntl F_GETFL: O_NONBLOCK is set
 * connect: EINPROGRESS
 * poll: POLLOUT POLLERR POLLHUP
 * getsockopt SO_ERROR: ECONNREFUSED
 * ! connect 127.0.0.1:7007: Connection refused
 * [exit 1]
 * $ servers/tcp_echo_iterative.ts 127.0.0.1 7007
 * ! listening on 127.0.0.1:7007
 * Connection from 127.0.0.1:*
 * ^C
 * $ posix/nonblocking_connect.ts 127.0.0.1 7007
 * fcntl F_GETFL: O_NONBLOCK is set
 * connect: EINPROGRESS
 * poll: POLLOUT
 * getsockopt SO_ERROR: 0
 * connected from 127.0.0.1:* to 127.0.0.1:7007
 * ```
 *
 * @module
 */

import { host, main, port, required, seconds } from "../cli.ts";
import { formatAddress, getAddrInfo } from "../mod.ts";
import {
  addressFamily,
  connect,
  EINPROGRESS,
  errnoError,
  F_GETFL,
  fcntl,
  getsockname,
  getsockopt,
  O_NONBLOCK,
  poll,
  POLLERR,
  POLLHUP,
  POLLOUT,
  SO_ERROR,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./nonblocking_connect.ts" with { type: "text" };

await main(header, {
  operands: { host: required(host()), port: required(port()) },
  options: { timeout: seconds(5) },
}, async ({ host, port, timeout }) => {
  // getaddrinfo, socket
  const [address] = await getAddrInfo(host, port, { socktype: "stream" });
  const name = formatAddress(address);
  using client = socket(addressFamily(address), SOCK_STREAM);
  // fcntl
  const isNonblocking = (fcntl(client, F_GETFL) & O_NONBLOCK) !== 0;
  console.log(`fcntl F_GETFL: O_NONBLOCK is ${isNonblocking ? "set" : "not set"}`);

  // connect: throws an error that the kernel detects without sending, such as ENETUNREACH
  const result = connect(client, address);
  console.log(`connect: ${result === -EINPROGRESS ? "EINPROGRESS" : result}`);

  // poll: the socket can send when it is connected, or when the connection has failed
  const entry = { descriptor: client, events: POLLOUT, revents: 0 };
  if (await poll([entry], timeout) === 0) {
    console.log("poll: 0");
    throw new Deno.errors.TimedOut(`connect ${name}: timed out after ${timeout / 1000} s`);
  }
  const events = Object.entries({ POLLOUT, POLLERR, POLLHUP })
    .filter(([, event]) => (entry.revents & event) !== 0).map(([name]) => name);
  console.log(`poll: ${events.join(" ")}`);

  // getsockopt: the result of the connection; reading the option clears it
  const errno = getsockopt(client, SOL_SOCKET, SO_ERROR);
  if (errno !== 0) {
    const error = errnoError(errno, "connect", name);
    console.log(`getsockopt SO_ERROR: ${error.code}`);
    throw error;
  }
  console.log("getsockopt SO_ERROR: 0");
  console.log(`connected from ${formatAddress(getsockname(client))} to ${name}`);
  // close, at the end of using
});
