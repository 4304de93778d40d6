#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * The socket options of the lecture and others that programs often set: each is read, set and read
 * again on an open socket.
 *
 * Usage: posix/socket_options.ts
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags.
 *
 * An option is an int, or a structure of C, such as `struct linger`: {l_onoff, l_linger}. The
 * sockets are a TCP connection, a listener, a UDP socket and an IPv6 socket. A membership cannot be
 * read; the error of the second call shows that the first had an effect.
 *
 * Requires: IPv6
 *
 * From UCM 2.4, getsockopt and setsockopt. clients/socket_options.ts shows which of its options
 * Deno's API can set. Departs from it: MSG_OOB and SOCK_RAW, a flag and a type, are not among the
 * options; and because the sockets are non-blocking, SO_RCVTIMEO has no effect on them.
 *
 * ```console
 * $ posix/socket_options.ts
 * SO_KEEPALIVE       was 0, set to 1, is 1
 * TCP_KEEPIDLE       was *, set to 60, is 60: seconds
 * SO_BROADCAST       was 0, set to 1, is 1
 * SO_REUSEADDR       was 0, set to 1, is 1
 * SO_REUSEPORT       was 0, set to 1, is 1
 * SO_SNDBUF          was *, set to 8192, is 16384: doubled, for the kernel's own data
 * SO_RCVBUF          was *, set to 8192, is 16384: doubled, for the kernel's own data
 * SO_RCVTIMEO        was {0, 0}, set to {2, 500000}, is {2, 500000}: seconds, microseconds
 * SO_LINGER          was {0, 0}, set to {1, 5}, is {1, 5}: on, seconds
 * TCP_NODELAY        was 0, set to 1, is 1
 * TCP_QUICKACK       was 1, set to 0, is 0: until the kernel sets it again
 * TCP_INFO           was {1, *}, not set (setsockopt: Protocol not available), is {1, *}: state, rtt, cwnd, retransmitted
 * IP_TTL             was *, set to 5, is 5
 * IP_MTU             was *, not set (setsockopt: Protocol not available), is *
 * IP_TOS             was 0, set to 16, is 16
 * IP_MTU_DISCOVER    was *, set to 2, is 2: do not fragment
 * IP_OPTIONS         was {}, set to {7, 7, 4, 0, 0, 0, 0, 0}, is {7, 7, 4, 0, 0, 0, 0, 0}: record the route
 * IPV6_V6ONLY        was *, set to 1, is 1
 * IP_ADD_MEMBERSHIP  239.255.70.7 at 127.0.0.1: set, again: setsockopt: Address already in use
 * IP_DROP_MEMBERSHIP 239.255.70.7 at 127.0.0.1: set, again: setsockopt: Cannot assign requested address
 * IP_MULTICAST_IF    was {0, 0, 0, 0}, set to {127, 0, 0, 1}, is {127, 0, 0, 1}
 * SO_ERROR           was 111, not set (setsockopt: Protocol not available), is 0: ECONNREFUSED, until it is read
 * SO_TYPE            was 1, not set (setsockopt: Protocol not available), is 1: SOCK_STREAM
 * ```
 *
 * @module
 */

import { main } from "../cli.ts";
import { calcSize, pack, type PackValue, strerror, unpack } from "../mod.ts";
import * as posix from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./socket_options.ts" with { type: "text" };

/** A constant of posix.ts: the name of an option or of a level. */
type Constant = {
  [Name in keyof typeof posix]: typeof posix[Name] extends number ? Name : never;
}[keyof typeof posix];

// The layouts of C's types, in the format of unpack().
const INT = "=i";
const TIMEVAL = "=2q"; // tv_sec, tv_usec
const LINGER = "=2i"; // l_onoff, l_linger
const TCP_INFO = "=B67x I8x I16x I"; // tcpi_state, tcpi_rtt, tcpi_snd_cwnd, tcpi_total_retrans
const IN_ADDR = "=4B";
const IP_MREQN = "=4B4Bi"; // imr_multiaddr, imr_address, imr_ifindex
const IP_OPTIONS = "=8B";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

await main(header, { operands: {} }, async () => {
  // socket, bind, listen
  using listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  posix.bind(listener, { transport: "tcp", ...LOOPBACK });
  posix.listen(listener, 5);
  // socket, connect
  using conn = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  posix.connect(conn, posix.getsockname(listener));
  await posix.poll([{ descriptor: conn, events: posix.POLLOUT }]);
  using udp = posix.socket(posix.AF_INET, posix.SOCK_DGRAM);
  using ipv6 = posix.socket(posix.AF_INET6, posix.SOCK_STREAM);

  // getsockopt, setsockopt, getsockopt
  show(conn, "SOL_SOCKET", "SO_KEEPALIVE", [1]);
  show(conn, "IPPROTO_TCP", "TCP_KEEPIDLE", [60], INT, "seconds");
  show(udp, "SOL_SOCKET", "SO_BROADCAST", [1]);
  show(listener, "SOL_SOCKET", "SO_REUSEADDR", [1]);
  show(listener, "SOL_SOCKET", "SO_REUSEPORT", [1]);
  show(udp, "SOL_SOCKET", "SO_SNDBUF", [8192], INT, "doubled, for the kernel's own data");
  show(udp, "SOL_SOCKET", "SO_RCVBUF", [8192], INT, "doubled, for the kernel's own data");
  show(conn, "SOL_SOCKET", "SO_RCVTIMEO", [2n, 500_000n], TIMEVAL, "seconds, microseconds");
  show(conn, "SOL_SOCKET", "SO_LINGER", [1, 5], LINGER, "on, seconds");
  show(conn, "IPPROTO_TCP", "TCP_NODELAY", [1]);
  show(conn, "IPPROTO_TCP", "TCP_QUICKACK", [0], INT, "until the kernel sets it again");
  show(conn, "IPPROTO_TCP", "TCP_INFO", [0, 0, 0, 0], TCP_INFO, "state, rtt, cwnd, retransmitted");
  show(conn, "IPPROTO_IP", "IP_TTL", [5]);
  show(conn, "IPPROTO_IP", "IP_MTU", [1500]); // before IP_TOS, which clears the route and its MTU
  show(conn, "IPPROTO_IP", "IP_TOS", [16]);
  show(udp, "IPPROTO_IP", "IP_MTU_DISCOVER", [posix.IP_PMTUDISC_DO], INT, "do not fragment");
  // Record route: type 7, the length, a pointer to the next free address, room for one; and the end.
  show(udp, "IPPROTO_IP", "IP_OPTIONS", [7, 7, 4, 0, 0, 0, 0, 0], IP_OPTIONS, "record the route");
  show(ipv6, "IPPROTO_IPV6", "IPV6_V6ONLY", [1]);
  showMembership(udp, "IP_ADD_MEMBERSHIP");
  showMembership(udp, "IP_DROP_MEMBERSHIP");
  show(udp, "IPPROTO_IP", "IP_MULTICAST_IF", [127, 0, 0, 1], IN_ADDR);
  // No socket has port 0, so the datagram fails. poll reports POLLERR without a request.
  posix.connect(udp, { transport: "udp", ...LOOPBACK });
  posix.send(udp, new Uint8Array(1));
  await posix.poll([{ descriptor: udp, events: 0 }], 1000);
  show(udp, "SOL_SOCKET", "SO_ERROR", [0], INT, "ECONNREFUSED, until it is read");
  show(conn, "SOL_SOCKET", "SO_TYPE", [posix.SOCK_DGRAM], INT, "SOCK_STREAM");
  // close, at the end of using
});

/** Reads an option, sets it, and reads it again. An option is an int, or a structure with a layout. */
function show(
  socket: posix.Descriptor,
  level: Constant,
  option: Constant,
  value: PackValue[],
  layout: string = INT,
  note: string = "",
): void {
  const read = () => {
    const bytes = posix.getsockoptBytes(socket, posix[level], posix[option], calcSize(layout));
    return format(bytes.length === 0 ? [] : unpack(layout, bytes));
  };
  const before = read();
  const error = trySet(socket, level, option, pack(layout, ...value));
  const written = error === undefined ? `set to ${format(value)}` : `not set (${error})`;
  print(option, `was ${before}, ${written}, is ${read()}${note && `: ${note}`}`);
}

/** Joins or leaves a group, on the interface with an address: a second time, it fails. */
function showMembership(socket: posix.Descriptor, option: Constant): void {
  const value = pack(IP_MREQN, 239, 255, 70, 7, 127, 0, 0, 1, 0);
  const [error, again] = [1, 2].map(() => trySet(socket, "IPPROTO_IP", option, value));
  print(option, `239.255.70.7 at 127.0.0.1: ${error ?? "set"}, again: ${again ?? "set"}`);
}

/** Sets an option; returns the error, if it fails. */
function trySet(
  socket: posix.Descriptor,
  level: Constant,
  option: Constant,
  value: Uint8Array<ArrayBuffer>,
): string | undefined {
  try {
    posix.setsockopt(socket, posix[level], posix[option], value);
    return undefined;
  } catch (error) {
    return strerror(error);
  }
}

/** Formats an int, or a structure as C writes it. */
function format(values: PackValue[]): string {
  return values.length === 1 ? `${values[0]}` : `{${values.join(", ")}}`;
}

function print(option: Constant, outcome: string): void {
  console.log(`${option.padEnd(18)} ${outcome}`);
}
