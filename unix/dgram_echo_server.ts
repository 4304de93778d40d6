#!/usr/bin/env -S deno run --allow-net=unix:/tmp/dgram_echo.sock,unix:/tmp/dgram_echo_client.sock --allow-read=/tmp/dgram_echo.sock --allow-write=/tmp/dgram_echo.sock,/tmp/dgram_echo_client.sock
/**
 * An echo server on a Unix-domain datagram socket: it answers to the path that a datagram came from.
 *
 * Usage: unix/dgram_echo_server.ts [path] [OPTION...]
 *   --mode MODE  who may send, as chmod has it (600)
 *   --quiet      print no line for a message
 *
 * From CNP3, datagrams over a file. A message that was cut at 80 bytes is reported on stderr. To answer
 * a client requires the permissions to send to its socket, too. Departs from the lecture: where its sendto
 * waits until the client receives, this server gives up at once and reports "Resource temporarily
 * unavailable", so a client that does not receive costs the others nothing. The exception is a client that
 * has connected its socket and leaves 200 KB of replies unread: no other is served until it reads. After
 * SIGINT or SIGTERM, the messages that have arrived are still answered.
 *
 * ```console
 * $ unix/dgram_echo_server.ts /tmp/dgram_echo.sock
 * ! listening on /tmp/dgram_echo.sock
 * Message from /tmp/dgram_echo_client.sock: hello
 * ^C
 * $ unix/dgram_echo_client.ts /tmp/dgram_echo.sock /tmp/dgram_echo_client.sock
 * > hello
 * hello
 * ```
 *
 * @module
 */

import { logListening, logTruncated, main, mode, stdout } from "../cli.ts";
import {
  datagrams,
  formatAddress,
  logError,
  openUnixDatagram,
  printable,
  sendTo,
  terminationSignal,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./dgram_echo_server.ts" with { type: "text" };

/** The longest message that is received whole, in bytes. */
const MESSAGE_SIZE = 80;

await main(header, {
  operands: { path: "/tmp/dgram_echo.sock" },
  options: { mode: mode(0o600), quiet: false },
}, async ({ path, mode, quiet }) => {
  const signal = terminationSignal();
  // unlink, socket, bind
  using socket = await openUnixDatagram(path, { mode });
  logListening(socket.addr);

  // recvfrom
  for await (const datagram of datagrams(socket, MESSAGE_SIZE, { signal })) {
    const { message, from } = datagram;
    if (!quiet) {
      await stdout.print(`Message from ${formatAddress(from)}: ${printable(message)}`);
      logTruncated(datagram, MESSAGE_SIZE);
    }
    // sendto: one client that cannot be answered, or has no room, is no reason to leave the others
    await sendTo(socket, message, from, 0).catch(logError);
  }
  // close, unlink, at the end of using
});
