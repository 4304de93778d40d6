#!/usr/bin/env -S deno run --allow-net=127.0.0.1:0,127.0.0.1:7017
/**
 * A client with a connected datagram socket: it sends to one peer, and receives from that peer only.
 *
 * Usage: clients/udp_connected.ts [host] [port] [OPTION...]
 *   --timeout SECONDS  how long to wait for a reply (2)
 *
 * From CNP3, connect on a datagram socket. Deno cannot connect a datagram socket: the client drops
 * datagrams from other addresses, and reports their number on stderr. Departs from it: if no
 * program listens, the wait for a reply times out, where C's recv fails immediately with
 * ECONNREFUSED, as in posix/udp_connected.ts. On a terminal, control characters from the server are
 * printed as U+FFFD; a file or a pipe receives the exact bytes.
 *
 * ```console
 * $ servers/udp_echo.ts 127.0.0.1 7017
 * ! listening on 127.0.0.1:7017
 * Message from 127.0.0.1:*: hello
 * ^C
 * $ clients/udp_connected.ts 127.0.0.1 7017
 * received 5 bytes:
 * 0x68 ('h') 0x65 ('e') 0x6c ('l') 0x6c ('l') 0x6f ('o') *
 * ```
 *
 * @module
 */

import {
  hexChars,
  host,
  logTruncated,
  main,
  port,
  seconds,
  stderr,
  terminalOutput,
} from "../cli.ts";
import { connectDatagram, writeN, writeText } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_connected.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 2500;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7017) },
  options: { timeout: seconds(2) },
}, async ({ host, port, timeout }) => {
  // getaddrinfo, socket, connect
  using peer = await connectDatagram(host, port);
  // send
  await peer.send(new TextEncoder().encode("hello"));
  // recv
  const datagram = await peer.receive(MESSAGE_SIZE, timeout);
  const { message } = datagram;
  const stdout = terminalOutput();
  await writeText(stdout, `received ${message.length} bytes:\n`);
  await writeN(stdout, hexChars(message));
  await writeText(stdout, "\n");
  logTruncated(datagram, MESSAGE_SIZE);
  if (peer.dropped > 0) stderr.print(`dropped datagrams from other addresses: ${peer.dropped}`);
  // close, at the end of using
});
