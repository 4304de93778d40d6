#!/usr/bin/env -S deno run --allow-net=[::1]:0,[::1]:55555
/**
 * Sends one datagram to an IPv4, IPv6 or Unix-domain address, with the same function.
 *
 * Usage: clients/udp_hello.ts [host] [port]
 *
 * From CNP3, sendto. A host that contains a slash is the path of a Unix-domain socket, which
 * requires the permissions of unix/dgram_send.ts. Departs from it: an error is reported on stderr,
 * and the exit status is 1. Over UDP, it is not an error if no program listens.
 *
 * ```console
 * $ servers/udp_receive.ts ::1 55555
 * ! listening on [::1]:55555
 * received 5 bytes:
 * 0x68 ('h') 0x65 ('e') 0x6c ('l') 0x6c ('l') 0x6f ('o') *
 * $ clients/udp_hello.ts ::1 55555
 * ```
 *
 * @module
 */

import { type Argument, host, main, port } from "../cli.ts";
import { getAddrInfo, openDatagramTo, sendTo, strerror } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_hello.ts" with { type: "text" };

/** A host, or the path of a Unix-domain socket if it contains a slash. */
const hostOrPath: Argument<string> = {
  default: "::1",
  parse: (text) => text.includes("/") ? text : host().parse(text),
};

await main(header, {
  operands: { host: hostOrPath, port: port(55555) },
}, async ({ host, port }) => {
  try {
    if (host.includes("/")) {
      await sendHello({ transport: "unixpacket", path: host });
    } else {
      // getaddrinfo
      const [address] = await getAddrInfo(host, port, { socktype: "dgram" });
      await sendHello(address);
    }
  } catch (error) {
    throw new Error(`could not send the message, error: ${strerror(error)}`);
  }
});

/** Sends to an address of any family. */
async function sendHello(to: Deno.Addr): Promise<void> {
  // socket
  using socket = await openDatagramTo(to);
  // sendto
  await sendTo(socket, new TextEncoder().encode("hello"), to);
  // close, at the end of using
}
