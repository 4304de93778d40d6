/**
 * Socket addresses as the kernel's structures.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { inetPton } from "./inet.ts";
import { pack } from "../wire/pack.ts";

/** The address families' numbers on Linux. */
const AF_INET = 2;
const AF_INET6 = 10;

/**
 * `struct sockaddr_in` and `struct sockaddr_in6`: encodes an address as Linux's structure.
 *
 * The family is in host byte order; the port and the address are in network byte order. The flow information
 * and the scope ID are 0, because Deno does not report them.
 *
 * Source: CNP3 lecture, `recvfrom`; ip(7), ipv6(7).
 *
 * @param address An address with a numeric host.
 * @returns 16 bytes for IPv4, 28 for IPv6.
 * @throws {TypeError} If the host is not numeric.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { packSockaddr, unpack } from "@deno-sockets/samples";
 *
 * const sockaddr = packSockaddr({ transport: "udp", hostname: "127.0.0.1", port: 7007 });
 * assertEquals(sockaddr.length, 16);
 * assertEquals(unpack("=H", sockaddr.subarray(0, 2)), [2]); // AF_INET
 * assertEquals(unpack("!H", sockaddr.subarray(2, 4)), [7007]);
 * ```
 *
 * @category Addresses
 */
export function packSockaddr(address: Deno.NetAddr): Uint8Array<ArrayBuffer> {
  const { hostname, port } = address;
  const v4 = inetPton(4, hostname);
  if (v4 !== null) return concat([pack("=H", AF_INET), pack("!H4s8x", port, v4)]);
  const v6 = inetPton(6, hostname);
  if (v6 !== null) return concat([pack("=H", AF_INET6), pack("!HI16sI", port, 0, v6, 0)]);
  throw new TypeError(`sockaddr: ${hostname} is not a numeric address`);
}
