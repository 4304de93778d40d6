#!/usr/bin/env -S deno run --allow-net=127.0.0.1:0,239.0.0.1:7030
/**
 * A sender to a multicast group: each line of stdin goes to all its members at once.
 *
 * Usage: clients/udp_multicast.ts [group] [port] [OPTION...]
 *   --interface ADDRESS  which interface sends, by its own address (127.0.0.1)
 *   --ttl N              how many routers may pass it on, and one more (1)
 *   --loopback on|off    whether members on this host receive it, too (on)
 *
 * From UCM 2.4, multicast. The newline of a line is not sent. Deno sets the options by way of a
 * membership, so the sender joins as well. For an IPv6 group it can set neither the interface nor the time
 * to live: the system's routes decide. What goes out on the loopback interface comes back in any case: to
 * see `--loopback=off` at work takes a network.
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

/** More than the longest message that UDP can carry, in bytes. */
const MESSAGE_SIZE = 65536;

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
    const line = await stdin.readLine(MESSAGE_SIZE + 2); // a longer one is an error, not two messages
    if (line === null) break;

    // sendto
    await sendTo(socket, chomp(line), members);
  }
  // close, at the end of using
});
