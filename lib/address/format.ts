/**
 * Socket addresses as text, and IPv4-mapped addresses.
 *
 * @module
 */

/**
 * `getnameinfo(3)` with `NI_NUMERICHOST` and `NI_NUMERICSERV`: formats an address as text.
 *
 * Source: getnameinfo(3); RFC 3986, section 3.2.2, for the brackets.
 *
 * @param address The address of a socket.
 * @returns `host:port`, with an IPv6 host in brackets; the path of a Unix-domain socket, or `(unnamed)`
 * if it is unbound, as the sockets of most clients are; `@name` for an abstract address, whose path begins
 * with a NUL, as ss(8) prints it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatAddress } from "@deno-sockets/samples";
 *
 * assertEquals(formatAddress({ transport: "tcp", hostname: "127.0.0.1", port: 7 }), "127.0.0.1:7");
 * assertEquals(formatAddress({ transport: "udp", hostname: "::1", port: 7 }), "[::1]:7");
 * assertEquals(formatAddress({ transport: "unix", path: "/tmp/echo" }), "/tmp/echo");
 * assertEquals(formatAddress({ transport: "unix", path: "\0echo" }), "@echo");
 * ```
 *
 * @category Addresses
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
      // Deno returns null for an unbound socket, although the type is string.
      return address.path?.replaceAll("\0", "@") || "(unnamed)";
    case "vsock":
      return `${address.cid}:${address.port}`;
  }
}

/**
 * `IN6_IS_ADDR_V4MAPPED`: converts an IPv4-mapped IPv6 address to the IPv4 address.
 *
 * On a dual-stack socket, an IPv4 peer has the address `::ffff:a.b.c.d` (RFC 4291, section 2.5.5.2).
 *
 * Source: UCM lecture, dual stack; ipv6(7).
 *
 * @param address The address of a socket.
 * @returns The address with the host `a.b.c.d` for `::ffff:a.b.c.d`; any other address unchanged.
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
 *
 * @category Addresses
 */
export function unmapAddress<A extends Deno.Addr>(address: A): A {
  if (!("hostname" in address)) return address;
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address.hostname) ?? [];
  return mapped === undefined ? address : { ...address, hostname: mapped };
}

/** Converts an IPv4 address to an IPv4-mapped IPv6 address; any other address is returned unchanged. */
export function mapAddress<A extends Deno.Addr>(address: A): A {
  if (!("hostname" in address) || !/^\d+\.\d+\.\d+\.\d+$/.test(address.hostname)) return address;
  return { ...address, hostname: `::ffff:${address.hostname}` };
}
