/**
 * Socket addresses in words.
 *
 * @module
 */

/**
 * `getnameinfo(3)` with `NI_NUMERICHOST` and `NI_NUMERICSERV`: an address in one piece of text.
 *
 * @param address Where a socket is bound or connected.
 * @returns `host:port`, with an IPv6 host in brackets; the path of a Unix-domain socket, and
 * `(unnamed)` for one that has none, as a client's that did not bind.
 *
 * Source: getnameinfo(3); RFC 3986, section 3.2.2, for the brackets.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatAddress } from "@deno-sockets/samples";
 *
 * assertEquals(formatAddress({ transport: "tcp", hostname: "127.0.0.1", port: 7 }), "127.0.0.1:7");
 * assertEquals(formatAddress({ transport: "udp", hostname: "::1", port: 7 }), "[::1]:7");
 * assertEquals(formatAddress({ transport: "unix", path: "/tmp/echo" }), "/tmp/echo");
 * ```
 */
export function formatAddress(address: Deno.Addr): string {
  switch (address.transport) {
    case "tcp":
    case "udp":
      return address.hostname.includes(":")
        ? `[${address.hostname}]:${address.port}`
        : `${address.hostname}:${address.port}`;
    case "unix":
    case "unixpacket":
      return address.path || "(unnamed)"; // Deno gives null, though its type says string
    case "vsock":
      return `${address.cid}:${address.port}`;
  }
}

/**
 * `IN6_IS_ADDR_V4MAPPED`: an IPv4 peer of a dual-stack socket as the IPv4 address that it is.
 *
 * A socket on `::` sees its IPv4 peers as `::ffff:a.b.c.d` (RFC 4291, section 2.5.5.2).
 *
 * @param address Any socket's address.
 * @returns The same address, with `a.b.c.d` for a host `::ffff:a.b.c.d`.
 *
 * Source: UCM lecture, dual stack; ipv6(7).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unmapAddress } from "@deno-sockets/samples";
 *
 * assertEquals(
 *   unmapAddress({ transport: "tcp", hostname: "::ffff:127.0.0.1", port: 7 }),
 *   { transport: "tcp", hostname: "127.0.0.1", port: 7 },
 * );
 * ```
 */
export function unmapAddress<A extends Deno.Addr>(address: A): A {
  if (!("hostname" in address)) return address;
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address.hostname) ?? [];
  return mapped === undefined ? address : { ...address, hostname: mapped };
}
