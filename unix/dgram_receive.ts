#!/usr/bin/env -S deno run --allow-net=unix:/tmp/dgram.sock --allow-read=/tmp/dgram.sock --allow-write=/tmp/dgram.sock
/**
 * Receives one datagram on a Unix-domain socket and prints it in hexadecimal.
 *
 * Usage: unix/dgram_receive.ts [path] [OPTION...]
 *   --mode MODE  file mode of the socket, which determines who may send (600)
 *
 * From HSE 13, datagrams over a file. Departs from it: a stale socket is removed, but no other
 * file; a byte above 0x7f is printed as two digits; a message that is truncated to 16 bytes is
 * reported on stderr.
 *
 * ```console
 * $ unix/dgram_receive.ts /tmp/dgram.sock
 * ! listening on /tmp/dgram.sock
 * 4d 65 73 73 61 67 65 *
 * $ unix/dgram_send.ts /tmp/dgram.sock Message
 * ```
 *
 * @module
 */

import { logListening, logTruncated, main, mode } from "../cli.ts";
import { datagrams, openUnixDatagram, terminationSignal, withTimeout, writeText } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./dgram_receive.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 16;
/** The time limit for writing to stdout, in ms. */
const PRINT_TIME = 10_000;

await main(header, {
  operands: { path: "/tmp/dgram.sock" },
  options: { mode: mode(0o600) },
}, async ({ path, mode }) => {
  // sigaction, before bind: a signal must not leave the file behind
  const signal = terminationSignal();
  // unlink, socket, bind
  using socket = await openUnixDatagram(path, { mode });
  logListening(socket.addr);

  // recv, once
  for await (const datagram of datagrams(socket, MESSAGE_SIZE, { signal })) {
    const { message } = datagram;
    const digits = Array.from(message, (byte) => `${byte.toString(16).padStart(2, "0")} `);
    logTruncated(datagram, MESSAGE_SIZE);
    const printing = writeText(Deno.stdout, `${digits.join("")}\n`);
    await withTimeout(printing, PRINT_TIME, "write stdout: timed out", signal);
    break;
  }
  // close, unlink, at the end of using
});
