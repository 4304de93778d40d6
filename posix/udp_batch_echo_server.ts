#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * A UDP echo server that receives and sends many datagrams in one system call: recvmmsg(2) and
 * sendmmsg(2). It does what servers/udp_echo.ts does, about as fast as the same server in C.
 *
 * Usage: posix/udp_batch_echo_server.ts [host] [service] [OPTION...]
 *   --quiet  do not print messages
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too.
 *
 * A message that is truncated to 80 bytes is reported on stderr. A message is printed as text:
 * without the final newline (LF or CRLF), and with U+FFFD for control characters, including other
 * newlines, and for invalid UTF-8; the echo is exact. A datagram from port 0, or with the server's
 * own address as its source, is dropped. After SIGINT or SIGTERM, the server still answers the
 * datagrams that have arrived.
 *
 * ```console
 * $ posix/udp_batch_echo_server.ts 127.0.0.1 7042
 * ! listening on 127.0.0.1:7042
 * Message from 127.0.0.1:*: hello
 * Message from 127.0.0.1:*: another datagram
 * ^C
 * $ deno run --allow-net=127.0.0.1:0,127.0.0.1:7042 clients/udp_echo.ts 127.0.0.1 7042
 * > hello
 * hello
 * > another datagram
 * another datagram
 * ```
 *
 * @module
 */

import { host, logListening, logTruncated, main, port, stdout } from "../cli.ts";
import { formatAddress, getAddrInfo, printable, terminationSignal, unmapAddress } from "../mod.ts";
import {
  addressFamily,
  bind,
  getsockname,
  MessageBatch,
  receiveBatches,
  sendAll,
  SOCK_DGRAM,
  socket,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_batch_echo_server.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;

/** The maximum number of datagrams of one system call. */
const BATCH_SIZE = 64;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7042) },
  options: { quiet: false },
}, async ({ host, service, quiet }) => {
  // getaddrinfo, socket, bind
  const [address] = await getAddrInfo(host, service, { socktype: "dgram" });
  using server = socket(addressFamily(address), SOCK_DGRAM);
  bind(server, address);
  const signal = terminationSignal();
  logListening(getsockname(server));

  // recvmmsg
  const batch = new MessageBatch(BATCH_SIZE, MESSAGE_SIZE);
  await receiveBatches(server, batch, async (count) => {
    if (!quiet) await printMessages(batch, count);
    // sendmmsg: to their senders
    await sendAll(server, batch);
  }, { signal });
  // close, at the end of using
});

async function printMessages(batch: MessageBatch, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const from = unmapAddress(batch.from(i));
    const message = batch.message(i);
    await stdout.print(`Message from ${formatAddress(from)}: ${printable(message)}`);
    logTruncated({ message, from, truncated: batch.isTruncated(i) }, MESSAGE_SIZE);
  }
}
