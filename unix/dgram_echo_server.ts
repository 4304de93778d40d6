#!/usr/bin/env -S deno run --allow-net=unix:/tmp/dgram_echo.sock,unix:/tmp/dgram_echo_client.sock --allow-read=/tmp/dgram_echo.sock --allow-write=/tmp/dgram_echo.sock,/tmp/dgram_echo_client.sock
/**
 * An echo server on a Unix-domain datagram socket: it replies to the path of the sender.
 *
 * Usage: unix/dgram_echo_server.ts [path] [OPTION...]
 *   --mode MODE  file mode of the socket, which determines who may send (600)
 *   --quiet      do not print messages
 *
 * From CNP3, datagrams over a file. Departs from it: a message that is truncated to 80 bytes is
 * reported on stderr; if a client's queue is full, the lecture's sendto blocks, while this server
 * drops the reply and reports "Resource temporarily unavailable", so a client that does not receive
 * does not delay the others. docs/reliability.md lists the exceptions: for example, a client that
 * has connected its socket and has 200 KB of unread replies blocks the server until it reads. To
 * reply, Deno requires net and write permission for the client's path. After SIGINT or SIGTERM, the
 * server still answers the datagrams that have arrived.
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

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;

await main(header, {
  operands: { path: "/tmp/dgram_echo.sock" },
  options: { mode: mode(0o600), quiet: false },
}, async ({ path, mode, quiet }) => {
  // sigaction, before bind: a signal must not leave the file behind
  const signal = terminationSignal();
  // unlink, socket, bind
  using socket = await openUnixDatagram(path, { mode });
  logListening(socket.addr);

  // recvfrom
  for await (const datagram of datagrams(socket, MESSAGE_SIZE, { signal })) {
    const { message, from } = datagram;
    if (!quiet) {
      const peer = formatAddress(from);
      await stdout.print(`Message from ${peer}: ${printable(message)}`);
      logTruncated(datagram, MESSAGE_SIZE);
    }
    // sendto: an error of one client does not stop the server
    await sendTo(socket, message, from, 0).catch(logError);
  }
  // close, unlink, at the end of using
});
