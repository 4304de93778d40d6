#!/usr/bin/env -S deno run --allow-net=unix:/tmp/dgram.sock --allow-write=/tmp/dgram.sock
/**
 * Sends one datagram to a Unix-domain socket.
 *
 * Usage: unix/dgram_send.ts [path] string
 *
 * From HSE 13, datagrams over a file. The sending socket has no path, so the receiver cannot reply.
 * The string may be empty; a string that begins with a dash must follow `--`. Departs from it: if
 * the receiver's queue is full, the send times out after 5 seconds.
 *
 * ```console
 * $ unix/dgram_receive.ts /tmp/dgram.sock
 * ! listening on /tmp/dgram.sock
 * 68 69 *
 * $ unix/dgram_send.ts /tmp/dgram.sock hi
 * ```
 *
 * @module
 */

import { main, required, text } from "../cli.ts";
import { openDatagramTo, sendTo } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./dgram_send.ts" with { type: "text" };

await main(header, {
  operands: { path: "/tmp/dgram.sock", string: required(text) },
}, async ({ path, string }) => {
  const address: Deno.UnixAddr = { transport: "unixpacket", path };
  // socket
  using socket = await openDatagramTo(address);
  // sendto
  await sendTo(socket, new TextEncoder().encode(string), address);
  // close, at the end of using
});
