#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * A client with a datagram socket that the kernel connects: it receives from one peer only, and a
 * call fails with ECONNREFUSED if the peer's port is closed.
 *
 * Usage: posix/udp_connected.ts [host] [port] [OPTION...]
 *   --timeout SECONDS  how long to wait for a reply (2)
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too; the client connects to its first address.
 *
 * From UCM 2.4, connect on a datagram socket. clients/udp_connected.ts does the same without
 * connect(2), which Deno's API lacks: it counts the datagrams of others, and times out if the port
 * is closed. Departs from the lecture: the wait for the reply has a time limit. On a terminal,
 * control characters from the server are printed as U+FFFD; a file or a pipe receives the exact
 * bytes.
 *
 * ```console
 * $ posix/udp_connected.ts 127.0.0.1 7017
 * ! recv: Connection refused
 * [exit 1]
 * $ servers/udp_echo.ts 127.0.0.1 7017
 * ! listening on 127.0.0.1:7017
 * Message from 127.0.0.1:*: hello
 * ^C
 * $ posix/udp_connected.ts 127.0.0.1 7017
 * received 5 bytes:
 * 0x68 ('h') 0x65 ('e') 0x6c ('l') 0x6c ('l') 0x6f ('o') *
 * ```
 *
 * @module
 */

import { hexChars, host, logTruncated, main, port, seconds, terminalOutput } from "../cli.ts";
import { formatAddress, getAddrInfo, writeN, writeText } from "../mod.ts";
import {
  addressFamily,
  connect,
  EAGAIN,
  MSG_TRUNC,
  poll,
  POLLIN,
  recv,
  send,
  SOCK_DGRAM,
  socket,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_connected.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 2500;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7017) },
  options: { timeout: seconds(2) },
}, async ({ host, port, timeout }) => {
  // getaddrinfo, socket
  const [address] = await getAddrInfo(host, port, { socktype: "dgram" });
  using peer = socket(addressFamily(address), SOCK_DGRAM);
  // connect: sends nothing; the kernel stores the peer's address
  connect(peer, address);
  // send
  send(peer, new TextEncoder().encode("hello"));

  // poll, recv: an ICMP error also ends the wait, and recv throws it
  const buffer = new Uint8Array(MESSAGE_SIZE);
  const deadline = performance.now() + timeout;
  let size: number;
  do {
    const left = Math.max(0, deadline - performance.now());
    if (await poll([{ descriptor: peer, events: POLLIN }], left) === 0) {
      const name = formatAddress(address);
      throw new Deno.errors.TimedOut(`recv ${name}: timed out after ${timeout / 1000} s`);
    }
    size = recv(peer, buffer, MSG_TRUNC); // the length of the datagram, even if it is truncated
  } while (size === -EAGAIN); // the kernel has dropped a datagram with a wrong checksum

  const message = buffer.subarray(0, size);
  const stdout = terminalOutput();
  await writeText(stdout, `received ${message.length} bytes:\n`);
  await writeN(stdout, hexChars(message));
  await writeText(stdout, "\n");
  logTruncated({ message, from: address, truncated: size > MESSAGE_SIZE }, MESSAGE_SIZE);
  // close, at the end of using
});
