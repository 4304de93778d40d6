/**
 * Looks up the addresses of a host and a service.
 *
 * @module
 */

import { codeOf } from "../errors.ts";
import { AddrInfoError, lookUpDenied } from "./addrinfo_error.ts";
import { inetNtop, inetPton } from "./inet.ts";
import { getServByName } from "./services.ts";

/**
 * `struct addrinfo`: an address and a port, for TCP or UDP.
 *
 * @category Addresses
 */
export type AddrInfo = Deno.NetAddr & ({ transport: "tcp" } | { transport: "udp" });

/**
 * The `hints` of {@linkcode getAddrInfo}.
 *
 * @category Addresses
 */
export interface AddrInfoHints {
  /** `ai_family`: returns addresses of IPv4 or IPv6 only. Default both. */
  family?: 4 | 6;
  /** `ai_socktype`: returns addresses for TCP or UDP only. Default both. */
  socktype?: "stream" | "dgram";
  /**
   * `AI_PASSIVE`: without a node, returns the wildcard addresses, to listen on, instead of the loopback
   * addresses, to connect to. Default false.
   */
  passive?: boolean;
}

/**
 * `getaddrinfo(3)`: looks up the addresses of a host and a service, to connect to or to listen on.
 *
 * A host name requires `--allow-net=HOST`; an address and a service require no permission.
 *
 * The results are glibc's, with these exceptions:
 *
 * - There are no entries for `SOCK_RAW`.
 * - A service is decimal digits from 0 to 65535, or a name that {@linkcode getServByName} finds, which
 *   includes IANA's. glibc also accepts white space and a sign before the digits (`" 80"`, `"+80"`), and reads
 *   `""` as 0 and `"70000"` as 4464.
 * - The zone of a link-local address (`fe80::1%eth0`) is returned unchanged, without a look-up. If there is no
 *   such interface, the call that uses the address fails; glibc fails here with `EAI_NONAME`.
 * - A name without an address of the family is always `EAI_NONAME`; glibc may report `EAI_NODATA` or
 *   `EAI_ADDRFAMILY`.
 * - The IPv4 wildcard address precedes the IPv6 wildcard address. glibc's order depends on the routes.
 *
 * Source: UCM and CS:APP lectures; getaddrinfo(3); RFC 3493, section 6.1.
 *
 * @param node A host name; an IPv4 address, also in the forms of inet_aton(3) (`127.1`, `0x7f.1`); an IPv6
 * address, with or without a zone; or `null` for the loopback or wildcard addresses. With the hint `family: 4`,
 * an IPv4-mapped address (`::ffff:192.0.2.1`) becomes the IPv4 address.
 * @param service A port number, also in decimal digits; a service name; or `null` for port 0. `node` and
 * `service` must not both be `null`.
 * @param hints See {@linkcode AddrInfoHints}. Default: all addresses.
 * @returns At least one address, in the order in which to try them. Each host address is returned once per
 * transport that has the service, `tcp` before `udp`.
 * @throws {AddrInfoError} With the code `EAI_NONAME` if the host is unknown, `EAI_SERVICE` if the service is
 * unknown for the socket type, `EAI_ADDRFAMILY` if the address is of the other family, `EAI_AGAIN` or
 * `EAI_FAIL` if the name servers fail.
 * @throws {Deno.errors.NotCapable} If the permission to look up the name is not granted.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { getAddrInfo } from "@deno-sockets/samples";
 *
 * assertEquals(await getAddrInfo("127.0.0.1", "domain"), [
 *   { transport: "tcp", hostname: "127.0.0.1", port: 53 },
 *   { transport: "udp", hostname: "127.0.0.1", port: 53 },
 * ]);
 * for (const address of await getAddrInfo("127.0.0.1", 0)) {
 *   if (address.transport === "tcp") Deno.listen(address).close();
 * }
 * ```
 *
 * @category Addresses
 */
export async function getAddrInfo(
  node: string | null,
  service: string | number | null,
  hints?: AddrInfoHints,
): Promise<[AddrInfo, ...AddrInfo[]]> {
  hints ??= {};
  if (node === null && service === null) throw new AddrInfoError("getaddrinfo", "EAI_NONAME");
  const ports = await findPorts(service, hints.socktype);
  const hosts = node === null ? defaultHosts(hints) : await findHosts(node, hints.family);
  const found = hosts.flatMap((hostname) => ports.map((port) => ({ ...port, hostname })));
  return found as [AddrInfo, ...AddrInfo[]]; // both lists have an element
}

/** Returns the ports of a service, one per transport. */
async function findPorts(
  service: string | number | null,
  socktype: "stream" | "dgram" | undefined,
): Promise<{ transport: "tcp" | "udp"; port: number }[]> {
  const found: { transport: "tcp" | "udp"; port: number }[] = [];
  for (const transport of ["tcp", "udp"] as const) {
    if (socktype !== undefined && (socktype === "stream") !== (transport === "tcp")) continue;
    const port = /^[0-9]+$/.test(`${service ?? 0}`)
      ? Number(service)
      : await getServByName(`${service}`, transport);
    if (port !== null && port <= 65535) found.push({ transport, port });
  }
  if (found.length === 0) throw new AddrInfoError(`getaddrinfo ${service}`, "EAI_SERVICE");
  return found;
}

/** Returns the addresses for a `null` node: the wildcard or loopback addresses. */
function defaultHosts({ family, passive = false }: AddrInfoHints): string[] {
  const hosts = passive ? ["0.0.0.0", "::"] : ["::1", "127.0.0.1"];
  return hosts.filter((host) => family === undefined || (family === 6) === host.includes(":"));
}

/** Returns the canonical form of a numeric node, or looks up the addresses of a host name. */
async function findHosts(node: string, family: 4 | 6 | undefined): Promise<string[]> {
  const address = parseAddress(node, family);
  if (address !== null) return [address];
  const { lookup } = await import("node:dns/promises"); // Deno has no API for getaddrinfo(3)
  let found: { address: string }[];
  try {
    found = await lookup(node, { all: true, family: family ?? 0, order: "verbatim" });
  } catch (error) {
    const code = codeOf(error);
    if (code === "EPERM") throw lookUpDenied("getaddrinfo", node);
    const known = code === "EAI_AGAIN" ? code : code === "ENOTFOUND" ? "EAI_NONAME" : "EAI_FAIL";
    throw new AddrInfoError(`getaddrinfo ${node}`, known);
  }
  if (found.length === 0) throw new AddrInfoError(`getaddrinfo ${node}`, "EAI_NONAME");
  return found.map(({ address }) => address);
}

/** Returns the canonical form of a numeric address; `null` if `node` is not numeric. */
function parseAddress(node: string, family: 4 | 6 | undefined): string | null {
  const ipv4 = inetAton(node);
  if (ipv4 !== null) {
    if (family === 6) throw new AddrInfoError(`getaddrinfo ${node}`, "EAI_ADDRFAMILY");
    return inetNtop(ipv4);
  }
  const [, text = "", zone] = /^([^%]*)(?:%([^]*))?$/.exec(node) ?? [];
  const ipv6 = inetPton(6, text);
  if (ipv6 === null) return null;
  const address = inetNtop(ipv6);
  const [, mapped] = /^::ffff:([\d.]+)$/.exec(address) ?? [];
  if (family === 4 && mapped === undefined) {
    throw new AddrInfoError(`getaddrinfo ${node}`, "EAI_ADDRFAMILY");
  }
  if (zone !== undefined && !isZone(zone, ipv6)) {
    throw new AddrInfoError(`getaddrinfo ${node}`, "EAI_NONAME");
  }
  if (family === 4 && mapped !== undefined) return mapped;
  return zone === undefined ? address : `${address}%${zone}`;
}

/**
 * `inet_aton(3)`: parses one to four numbers, decimal, octal or hexadecimal. Each number but the last is one
 * byte; the last fills the remaining bytes.
 */
function inetAton(text: string): Uint8Array | null {
  const numbers = text.split(".").map((part) => {
    if (!/^(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)$/i.test(part)) return NaN;
    return Number(part.replace(/^0(?=[0-7])/, "0o"));
  });
  const last = numbers.pop() ?? NaN;
  if (numbers.length > 3 || !numbers.every((number) => number <= 255)) return null;
  if (!(last < 256 ** (4 - numbers.length))) return null;
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, last);
  bytes.set(numbers);
  return bytes;
}

/** Reports whether C accepts a zone: an interface's number or, for an address of local scope, its name. */
function isZone(zone: string, [first = 0, second = 0]: Uint8Array): boolean {
  if (/^\d+$/.test(zone) && Number(zone) <= 0xffffffff) return true;
  const isLinkLocal = first === 0xfe && (second & 0xc0) === 0x80; // fe80::/10
  // A multicast address of interface-local or link-local scope (RFC 4291, section 2.7).
  const isLocalMulticast = first === 0xff && [1, 2].includes(second & 0xf);
  return zone !== "" && (isLinkLocal || isLocalMulticast);
}
