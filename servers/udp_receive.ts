#!/usr/bin/env -S deno run --allow-net=[::1]:55555
/**
 * Receives one datagram and prints it byte by byte.
 *
 * Usage: servers/udp_receive.ts [host] [port] [OPTION...]
 *   --from  also print the sender's socket address, as Linux stores it in memory
 *
 * From CNP3, recv and recvfrom. Departs from it: a message that is truncated to 2500 bytes is
 * reported on stderr. On a terminal, control characters are printed as U+FFFD; a file or a pipe
 * receives the exact bytes.
 *
 * ```console
 * $ servers/udp_receive.ts ::1 55555 --from
 * ! listening on [::1]:55555
 * received 5 bytes:
 * 0x68 ('h') 0x65 ('e') 0x6c ('l') 0x6c ('l') 0x6f ('o') *
 * the socket address of the peer is (28 bytes):
 * 0xa 0x0 * 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x0 0x1 0x0 0x0 0x0 0x0 *
 * $ clients/udp_hello.ts ::1 55555
 * ```
 *
 * @module
 */

import {
  hexBytes,
  hexChars,
  host,
  logListening,
  logTruncated,
  main,
  port,
  terminalOutput,
} from "../cli.ts";
import {
  type Datagram,
  datagrams,
  openDatagram,
  packSockaddr,
  terminationSignal,
  withTimeout,
  writeN,
  writeText,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_receive.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 2500;
/** The time limit for writing to stdout, in ms. */
const PRINT_TIME = 10_000;

await main(header, {
  operands: { host: host("::1"), port: port(55555) },
  options: { from: false },
}, async ({ host, port, from }) => {
  // getaddrinfo, socket, bind
  using socket = await openDatagram(port, { hostname: host });
  const signal = terminationSignal();
  logListening(socket.addr);

  // recvfrom, once
  for await (const datagram of datagrams(socket, MESSAGE_SIZE, { signal })) {
    logTruncated(datagram, MESSAGE_SIZE);
    const printing = print(datagram, from);
    await withTimeout(printing, PRINT_TIME, "write stdout: timed out", signal);
    break;
  }
  // close, at the end of using
});

/** Prints a datagram byte by byte, and its sender's address. */
async function print(
  { message, from }: Datagram<Deno.NetAddr>,
  withAddress: boolean,
): Promise<void> {
  const stdout = terminalOutput();
  await writeText(stdout, `received ${message.length} bytes:\n`);
  await writeN(stdout, hexChars(message));
  await writeText(stdout, "\n");
  if (!withAddress) return;
  const sockaddr = packSockaddr(from);
  await writeText(stdout, `the socket address of the peer is (${sockaddr.length} bytes):\n`);
  await writeText(stdout, `${hexBytes(sockaddr)}\n`);
}
