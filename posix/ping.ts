#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * Sends ICMP echo requests, and measures the time until each reply: a socket without a transport
 * protocol, the checksum of ICMP, control messages, and errors that routers report.
 *
 * Usage: posix/ping.ts [host] [OPTION...]
 *   --count N           how many requests to send, up to 65535 (4)
 *   --interval SECONDS  the time between two requests (1)
 *   --timeout SECONDS   how long to wait for replies after the last request (2)
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags.
 *
 * Requires: ICMP sockets
 *
 * From UCM 2.4, `SOCK_RAW`. Departs from it: it opens a datagram socket for ICMP, which receives only
 * the replies to its own requests, if the sysctl net.ipv4.ping_group_range includes its group. Linux's
 * default includes none. Then it opens a raw socket, which requires root; otherwise it fails with
 * `socket: Operation not permitted`. A host name requires `--allow-net=NAME`, too.
 *
 * It prints what ping(8) prints, but no host names. Duplicates, replies to other programs, and
 * messages with a wrong checksum are ignored. SIGINT ends it with the statistics. It exits with 1 if
 * there was no reply.
 *
 * ```console
 * $ posix/ping.ts 127.0.0.1 --count 2 --interval 0.1
 * PING 127.0.0.1 (127.0.0.1) 56(84) bytes of data.
 * 64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=* ms
 * 64 bytes from 127.0.0.1: icmp_seq=2 ttl=64 time=* ms
 *
 * --- 127.0.0.1 ping statistics ---
 * 2 packets transmitted, 2 received, 0% packet loss, time *ms
 * rtt min/avg/max/mdev = * ms
 * ```
 *
 * @module
 */

import { count, host, main, seconds, stdout } from "../cli.ts";
import { getAddrInfo, logError, terminationSignal, unpack } from "../mod.ts";
import {
  addressFamily,
  AF_INET,
  connect,
  type Descriptor,
  EAGAIN,
  EPOLLERR,
  EPOLLIN,
  extendedError,
  getsockname,
  getsockopt,
  IP_RECVERR,
  IP_RECVTTL,
  IP_TTL,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_RECVERR,
  IPV6_RECVHOPLIMIT,
  Message,
  MSG_ERRQUEUE,
  Poller,
  recvmsg,
  send,
  setsockopt,
  SO_ERROR,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_RAW,
  socket,
  SOL_SOCKET,
} from "../posix.ts";
import {
  checksum,
  decodeEcho,
  describeError,
  encodeEcho,
  icmp,
  icmpv6,
} from "../protocols/icmp.ts";
import { delay } from "@std/async/delay";
// This file as text: main() prints its header for --help.
import header from "./ping.ts" with { type: "text" };

/** The data of a request: 56 bytes, as in ping(8). */
const DATA = Uint8Array.from({ length: 56 }, (_, index) => index);

/** What differs between the versions of IP. */
const ipv4 = {
  ...icmp,
  protocol: IPPROTO_ICMP,
  level: IPPROTO_IP,
  receiveErrors: IP_RECVERR,
  receiveTtl: IP_RECVTTL,
  ttl: IP_TTL,
  sizes: "56(84) bytes of data.",
};
const ipv6 = {
  ...icmpv6,
  protocol: IPPROTO_ICMPV6,
  level: IPPROTO_IPV6,
  receiveErrors: IPV6_RECVERR,
  receiveTtl: IPV6_RECVHOPLIMIT,
  ttl: IPV6_HOPLIMIT,
  sizes: "56 data bytes",
};

await main(header, {
  operands: { host: host("127.0.0.1") },
  options: { count: count(4, 65535), interval: seconds(1), timeout: seconds(2) },
}, async ({ host, count, interval, timeout }) => {
  // getaddrinfo, socket, setsockopt, connect
  const [address] = await getAddrInfo(host, 0, { socktype: "dgram" });
  const family = addressFamily(address);
  const ip = family === AF_INET ? ipv4 : ipv6;
  using socket = openSocket(family, ip.protocol);
  setsockopt(socket, ip.level, ip.receiveErrors, 1);
  setsockopt(socket, ip.level, ip.receiveTtl, 1);
  connect(socket, address);
  const isRaw = getsockopt(socket, SOL_SOCKET, SO_TYPE) === SOCK_RAW;
  // The kernel chooses the identifier of a datagram socket, which is its port.
  const own = getsockname(socket);
  const id = !isRaw && "port" in own ? own.port : Math.floor(Math.random() * 0x10000);
  await stdout.print(`PING ${host} (${address.hostname}) ${ip.sizes}`);

  const pending = new Map<number, number>(); // when each unanswered request was sent
  const times: number[] = []; // from a request to its reply, in ms
  let transmitted = 0;
  let errors = 0;
  const finished = new AbortController();
  const signal = AbortSignal.any([terminationSignal(), finished.signal]);
  const buffer = new Uint8Array(1500);
  const message = new Message([buffer], { controlSize: 256 });

  const receive = async (socket: Descriptor, events: number) => {
    // recvmsg: a reply, or an error and the request that it quotes
    const isError = (events & EPOLLERR) !== 0;
    getsockopt(socket, SOL_SOCKET, SO_ERROR); // clears the error, with which the call would fail
    const size = recvmsg(socket, message, isError ? MSG_ERRQUEUE : 0);
    const now = performance.now();
    if (size === -EAGAIN) return;
    // A raw IPv4 socket receives the IP header, whose length is in its first byte, in units of 4 bytes.
    const hasHeader = isRaw && ip === ipv4 && !isError;
    const packet = buffer.subarray(hasHeader ? (buffer[0] ?? 0) % 16 * 4 : 0, size);
    // A raw IPv4 socket receives messages before the kernel verifies their checksum.
    if (hasHeader && checksum(packet) !== 0) return;

    const echo = decodeEcho(packet);
    const type = isError ? ip.echoRequest : ip.echoReply;
    if (echo === null || echo.type !== type || echo.id !== id) return;
    const sent = pending.get(echo.sequence);
    if (sent === undefined) return; // a duplicate
    pending.delete(echo.sequence);
    if (transmitted === count && pending.size === 0) finished.abort();

    const error = extendedError(message);
    if (error !== undefined) {
      errors++;
      const cause = describeError(ip, error.type, error.code);
      await stdout.print(`From ${error.offender?.hostname} icmp_seq=${echo.sequence} ${cause}`);
    } else {
      times.push(now - sent);
      const { hostname } = message.from as Deno.NetAddr; // the address of an IP socket
      const ttl = message.control.find(({ level, type }) => level === ip.level && type === ip.ttl);
      const left = ttl && unpack("=i", ttl.data)[0];
      const result = `icmp_seq=${echo.sequence} ttl=${left} time=${formatTime(now - sent)} ms`;
      await stdout.print(`${packet.length} bytes from ${hostname}: ${result}`);
    }
  };
  using poller = new Poller();
  poller.add(socket, EPOLLIN, receive, logError);
  // The first call of each function takes milliseconds, so it comes before the measurements.
  await receive(socket, 0);
  await delay(0);

  const start = performance.now();
  while (transmitted < count && !signal.aborted) {
    transmitted++;
    const request = encodeEcho({ type: ip.echoRequest, id, sequence: transmitted, data: DATA });
    pending.set(transmitted, performance.now());
    try {
      // send
      getsockopt(socket, SOL_SOCKET, SO_ERROR); // clears the error of an earlier request
      send(socket, request);
    } catch (error) {
      logError(error); // such as an interface that is down
    }
    await delay(transmitted < count ? interval : timeout, { signal }).catch(() => {});
  }
  // close, at the end of using

  const failed = errors === 0 ? "" : ` +${errors} errors,`;
  const loss = (transmitted - times.length) / transmitted * 100;
  const counts = `${transmitted} packets transmitted, ${times.length} received,${failed}`;
  const elapsed = Math.round(performance.now() - start);
  await stdout.print("");
  await stdout.print(`--- ${host} ping statistics ---`);
  await stdout.print(`${counts} ${Number(loss.toPrecision(6))}% packet loss, time ${elapsed}ms`);
  if (times.length === 0) throw new Error(`no reply from ${host}`);
  await stdout.print(`rtt min/avg/max/mdev = ${summarize(times)} ms`);
});

/** Opens a datagram socket for ICMP; a raw socket if that fails. */
function openSocket(family: number, protocol: number): Descriptor {
  try {
    return socket(family, SOCK_DGRAM, protocol);
  } catch {
    return socket(family, SOCK_RAW, protocol);
  }
}

/** Formats a time with three significant digits, as ping(8) does. */
function formatTime(ms: number): string {
  return ms.toFixed(ms < 1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0);
}

/** Returns the minimum, the mean, the maximum and the standard deviation of times. */
function summarize(times: number[]): string {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value) / values.length;
  const average = mean(times);
  const deviation = Math.sqrt(mean(times.map((time) => (time - average) ** 2)));
  return [Math.min(...times), average, Math.max(...times), deviation]
    .map((ms) => ms.toFixed(3)).join("/");
}
