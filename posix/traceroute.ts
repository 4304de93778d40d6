#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * Shows the routers on the route to a host: a router drops a datagram whose time to live is too short,
 * and reports that to the sender. The socket's error queue contains the report.
 *
 * Usage: posix/traceroute.ts [host] [OPTION...]
 *   --max-hops N       the maximum time to live (30)
 *   --port N           the first destination port; each datagram is sent to the next (33434)
 *   --timeout SECONDS  how long to wait for the report of a datagram (5)
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too.
 *
 * It sends three datagrams for each hop, one after the other. No program should listen on their ports:
 * the host then reports an unreachable port, and the sample ends. It prints what traceroute(8) prints,
 * but no host names, and other errors as text. `*` is a datagram without a report in time.
 *
 * ```console
 * $ posix/traceroute.ts 127.0.0.1
 * traceroute to 127.0.0.1 (127.0.0.1), 30 hops max, 60 byte packets
 *  1  127.0.0.1  * ms  * ms  * ms
 * ```
 *
 * @module
 */

import { count, host, main, seconds, stdout, UsageError } from "../cli.ts";
import { getAddrInfo } from "../mod.ts";
import {
  addressFamily,
  AF_INET,
  connect,
  extendedError,
  IP_RECVERR,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVERR,
  IPV6_UNICAST_HOPS,
  Message,
  MSG_ERRQUEUE,
  poll,
  POLLOUT,
  recvmsg,
  send,
  setsockopt,
  SOCK_DGRAM,
  socket,
} from "../posix.ts";
import { describeError, icmp, icmpv6 } from "../protocols/icmp.ts";
// This file as text: main() prints its header for --help.
import header from "./traceroute.ts" with { type: "text" };

/** The number of datagrams with the same time to live. */
const PROBES = 3;

/** The data of a datagram: 32 bytes, as in traceroute(8). */
const DATA = new Uint8Array(32).fill(0x40);

/** What differs between the versions of IP. */
const ipv4 = { ...icmp, level: IPPROTO_IP, receiveErrors: IP_RECVERR, ttl: IP_TTL, size: 60 };
const ipv6 = {
  ...icmpv6,
  level: IPPROTO_IPV6,
  receiveErrors: IPV6_RECVERR,
  ttl: IPV6_UNICAST_HOPS,
  size: 80,
};

await main(header, {
  operands: { host: host("127.0.0.1") },
  options: { maxHops: count(30, 255), port: count(33434, 65535), timeout: seconds(5) },
}, async ({ host, maxHops, port, timeout }) => {
  if (port + maxHops * PROBES > 65536) {
    throw new UsageError(`--port: ${port} and ${maxHops * PROBES - 1} more exceed 65535`);
  }
  // getaddrinfo
  const [address] = await getAddrInfo(host, port, { socktype: "dgram" });
  const ip = addressFamily(address) === AF_INET ? ipv4 : ipv6;
  const limits = `${maxHops} hops max, ${ip.size} byte packets`;
  await stdout.print(`traceroute to ${host} (${address.hostname}), ${limits}`);

  let isLast = false;
  for (let hop = 1; hop <= maxHops && !isLast; hop++) {
    let line = `${hop}`.padStart(2) + " ";
    let previous: string | undefined;
    for (let i = 0; i < PROBES; i++) {
      const report = await probe(address, ip, hop, timeout);
      address.port++;
      if (report === null) {
        line += " *";
        continue;
      }
      const { offender, type, code, time } = report;
      if (offender !== previous) line += ` ${offender}`;
      previous = offender;
      line += `  ${time.toFixed(3)} ms`;
      if (type === ip.timeExceeded) continue;
      isLast = true;
      const isReached = type === ip.unreachable && code === ip.portUnreachable;
      if (!isReached) line += ` ${describeError(ip, type, code)}`;
    }
    await stdout.print(line);
  }
});

/** The report of a router or of the host, and when it arrived after the datagram was sent, in ms. */
interface Report {
  offender: string;
  type: number;
  code: number;
  time: number;
}

/** Sends a datagram, and waits for its report. Returns `null` if there is none in time. */
async function probe(
  to: Deno.NetAddr,
  ip: typeof ipv4,
  hop: number,
  timeout: number,
): Promise<Report | null> {
  // socket, setsockopt, connect: a socket for each datagram, which receives only its reports
  using prober = socket(addressFamily(to), SOCK_DGRAM);
  setsockopt(prober, ip.level, ip.ttl, hop);
  setsockopt(prober, ip.level, ip.receiveErrors, 1);
  connect(prober, to);
  // poll, send: the first poll of a program takes milliseconds, which must not be measured
  await poll([{ descriptor: prober, events: POLLOUT }]);
  const sent = performance.now();
  send(prober, DATA);
  // poll: POLLERR need not be requested
  const ready = await poll([{ descriptor: prober, events: 0 }], timeout);
  const time = performance.now() - sent;
  if (ready === 0) return null;
  // recvmsg: the report, as a control message with the address of its sender
  const message = new Message([], { controlSize: 256 });
  recvmsg(prober, message, MSG_ERRQUEUE);
  const error = extendedError(message);
  if (error?.offender === undefined) return null; // not from the network
  return { offender: error.offender.hostname, type: error.type, code: error.code, time };
  // close, at the end of using
}
