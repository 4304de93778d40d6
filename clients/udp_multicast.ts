#!/usr/bin/env -S deno run --allow-net=127.0.0.1:0,239.0.0.1:7030
/**
 * A multicast sender: it sends each line of stdin to every member of a group.
 *
 * Usage: clients/udp_multicast.ts [group] [port] [OPTION...]
 *   --interface ADDRESS  address of the interface that sends (127.0.0.1)
 *   --ttl N              time to live: maximum number of hops; 1 for the local network (1)
 *   --loopback on|off    whether members on this host also receive the datagrams (on)
 *
 * From UCM 2.4, multicast. The newline of a line (LF or CRLF) is not sent. Deno sets the options
 * through a membership, so the sender joins the group too. For an IPv6 group Deno can set neither
 * the interface nor the time to live; the routing table selects the interface. Datagrams sent on
 * the loopback interface are always looped back, so `--loopback=off` affects only other interfaces.
 *
 * ```console
 * $ servers/udp_multicast.ts 239.0.0.1 7030
 * ! listening on 0.0.0.0:7030
 * Message from 127.0.0.1:*: any members here?
 * ^C
 * $ clients/udp_multicast.ts 239.0.0.1 7030
 * > any members here?
 * ```
 *
 * @module
 */

import { count, group, host, main, oneOf, port } from "../cli.ts";
import { BufferedReader, chomp, openDatagramTo, sendTo, withContext } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_multicast.ts" with { type: "text" };

/** The maximum size of a line, in bytes: larger than a datagram, so sending a longer line fails. */
const LINE_SIZE = 65538;

await main(header, {
  operands: { group: group("239.0.0.1"), port: port(7030) },
  options: { interface: host("127.0.0.1"), ttl: count(1, 255), loopback: oneOf("on", "off") },
}, async ({ group, port, interface: own, ttl, loopback }) => {
  const members: Deno.NetAddr = { transport: "udp", hostname: group, port };
  // socket, bind
  const isV6 = group.includes(":");
  using socket = await openDatagramTo(members, { hostname: isV6 ? "::" : own });
  if (!isV6) {
    // setsockopt: IP_MULTICAST_IF, IP_MULTICAST_TTL, IP_MULTICAST_LOOP
    try {
      const membership = await socket.joinMulticastV4(group, own);
      await membership.setTTL(ttl);
      await membership.setLoopback(loopback === "on");
    } catch (error) {
      throw withContext(`setsockopt ${group}`, error);
    }
  }

  const stdin = new BufferedReader(Deno.stdin);

  for (;;) {
    const line = await stdin.readLine(LINE_SIZE);
    if (line === null) break;

    // sendto
    await sendTo(socket, chomp(line), members);
  }
  // close, at the end of using
});
