#!/usr/bin/env -S deno run --allow-net=0.0.0.0:7030
/**
 * A member of a multicast group: it joins the group, and prints each datagram sent to it.
 *
 * Usage: servers/udp_multicast.ts [group] [port] [OPTION...]
 *   --interface ADDRESS  interface that joins: its address, or for IPv6 its index (127.0.0.1, or 1)
 *
 * From UCM 2.4, multicast membership. The socket is bound to the wildcard address, so it also
 * receives datagrams sent to its port at an address of this host, or at another group that a
 * program on this host has joined.
 *
 * ```console
 * $ servers/udp_multicast.ts 239.0.0.1 7030
 * ! listening on 0.0.0.0:7030
 * Message from 127.0.0.1:*: hello, members
 * ^C
 * $ clients/udp_multicast.ts 239.0.0.1 7030
 * > hello, members
 * ```
 *
 * @module
 */

import {
  group,
  logListening,
  logTruncated,
  main,
  optional,
  port,
  stdout,
  text,
  UsageError,
} from "../cli.ts";
import {
  datagrams,
  inetPton,
  openDatagram,
  printable,
  terminationSignal,
  withContext,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_multicast.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;

await main(header, {
  operands: { group: group("239.0.0.1"), port: port(7030) },
  options: { interface: optional(text) },
}, async ({ group, port, interface: given }) => {
  const isV6 = group.includes(":");
  const own = given ?? (isV6 ? "1" : "127.0.0.1");
  if (isV6 ? !/^\d{1,9}$/.test(own) : inetPton(4, own) === null) {
    const kind = isV6 ? "index" : "address";
    throw new UsageError(`--interface: ${JSON.stringify(own)} is not the ${kind} of an interface`);
  }
  // socket, setsockopt, bind: several members may share the port
  const hostname = isV6 ? "::" : "0.0.0.0";
  using socket = await openDatagram(port, { hostname, reuseAddress: true });
  // setsockopt: IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP
  try {
    if (isV6) await socket.joinMulticastV6(group, Number(own));
    else await socket.joinMulticastV4(group, own);
  } catch (error) {
    throw withContext(`setsockopt ${group}`, error);
  }
  const signal = terminationSignal();
  logListening(socket.addr);

  // recvfrom
  for await (const datagram of datagrams(socket, MESSAGE_SIZE, { signal })) {
    const { message, from } = datagram;
    await stdout.print(`Message from ${from.hostname}:${from.port}: ${printable(message)}`);
    logTruncated(datagram, MESSAGE_SIZE);
  }
  // close, at the end of using, which leaves the group
});
