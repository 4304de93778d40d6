/**
 * Names and addresses: `getAddrInfo` finds the addresses of a name, `getNameInfo` the name of an
 * address.
 *
 * @module
 */

import { formatAddress } from "./format.ts";
import { codeOf, failed } from "../errors.ts";
import { inetNtop, inetPton } from "./inet.ts";
import { getServByName, getServByPort } from "./services.ts";

/**
 * Why a look-up failed, as C's constants are called.
 *
 * @category Addresses
 */
export type AddrInfoCode =
  | "EAI_ADDRFAMILY"
  | "EAI_AGAIN"
  | "EAI_FAIL"
  | "EAI_NONAME"
  | "EAI_SERVICE";

const causes: Record<AddrInfoCode, string> = {
  EAI_ADDRFAMILY: "Address family for hostname not supported",
  EAI_AGAIN: "Temporary failure in name resolution",
  EAI_FAIL: "Non-recoverable failure in name resolution",
  EAI_NONAME: "Name or service not known",
  EAI_SERVICE: "Servname not supported for ai_socktype",
};

/**
 * `gai_strerror(3)`: a look-up failed; the message names the call, what it was given and the cause.
 *
 * See {@linkcode getAddrInfo} for an example.
 *
 * @category Addresses
 */
export class AddrInfoError extends Error {
  /** Its name, as every error has one. */
  override name = "AddrInfoError";
  /** Why. */
  readonly code: AddrInfoCode;

  /**
   * Makes the error of a call.
   *
   * @param call The call and the value it was given.
   * @param code Why it failed.
   */
  constructor(call: string, code: AddrInfoCode) {
    super(`${call}: ${causes[code]}`);
    this.code = code;
  }
}

/**
 * `struct addrinfo`: a host's address and a service's port, for TCP or for UDP.
 *
 * @category Addresses
 */
export type AddrInfo = Deno.NetAddr & ({ transport: "tcp" } | { transport: "udp" });

/**
 * Which addresses {@linkcode getAddrInfo} is to find: C's `hints`.
 *
 * @category Addresses
 */
export interface AddrInfoHints {
  /** `ai_family`: IPv4 addresses only, or IPv6 ones. Default both. */
  family?: 4 | 6;
  /** `ai_socktype`: addresses for TCP only, or for UDP. Default both. */
  socktype?: "stream" | "dgram";
  /** `AI_PASSIVE`: without a node, the wildcard addresses, to listen on. Default the loopback ones. */
  passive?: boolean;
}

/**
 * `getaddrinfo(3)`: finds the addresses of a host and a service, to connect to or to listen on.
 *
 * A name needs the permission for the whole host, `--allow-net=HOST`. An address and a service need none.
 *
 * The answers are glibc's, except that:
 *
 * - there are no entries for `SOCK_RAW`;
 * - a service is decimal digits from 0 to 65535, or a name that {@linkcode getServByName} knows, which has
 *   IANA's too. glibc also takes white space and a sign in front of the digits (`" 80"`, `"+80"`), 0 for
 *   `""`, and 4464 for `"70000"`;
 * - the zone of a link-local address, `fe80::1%eth0`, is kept as it is written. It is not looked up: the
 *   call that uses the address fails if there is no such interface, where glibc says `EAI_NONAME` here;
 * - a name without an address of the family is always `EAI_NONAME`, where glibc may say `EAI_NODATA` or
 *   `EAI_ADDRFAMILY`;
 * - the wildcard addresses come in one order, IPv4's first. glibc's order depends on the routes.
 *
 * @param node A host name; an IPv4 address, also in a form of inet_aton(3) (`127.1`, `0x7f.1`); an IPv6
 * address, with a zone (`fe80::1%eth0`) or without; or `null` for this host: the loopback or wildcard
 * addresses. Where `hints` ask for IPv4, an IPv4-mapped address (`::ffff:192.0.2.1`) is the IPv4 one in it.
 * @param service A service's name, as {@linkcode getServByName} knows it; a port number, in decimal digits
 * too; or `null` for port 0. Not both `node` and `service` may be `null`.
 * @param hints See {@linkcode AddrInfoHints}.
 * @returns At least one address, in the order in which to try them. `transport` tells the socket type: for
 * each host address first `tcp`, then `udp`, unless the service has only one of them.
 * @throws {AddrInfoError} With the code `EAI_NONAME` if there is no such host, `EAI_SERVICE` if there is
 * no such service or not over that socket type, `EAI_ADDRFAMILY` if the address is of the other family,
 * `EAI_AGAIN` or `EAI_FAIL` if the name servers do not help.
 * @throws {Deno.errors.NotCapable} If the program may not look the name up.
 *
 * Source: UCM and CS:APP lectures; getaddrinfo(3); RFC 3493, section 6.1.
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
  hints: AddrInfoHints = {},
): Promise<[AddrInfo, ...AddrInfo[]]> {
  if (node === null && service === null) throw new AddrInfoError("getaddrinfo", "EAI_NONAME");
  const ends = await findPorts(service, hints.socktype);
  const hosts = node === null ? ownHosts(hints) : await findHosts(node, hints.family);
  const found = hosts.flatMap((hostname) => ends.map((end) => ({ ...end, hostname })));
  return found as [AddrInfo, ...AddrInfo[]]; // there is a host, and an end
}

/** The transports that offer a service, each with its port. */
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

/** The addresses of no name, in the C library's order. */
function ownHosts({ family, passive = false }: AddrInfoHints): string[] {
  const hosts = passive ? ["0.0.0.0", "::"] : ["::1", "127.0.0.1"];
  return hosts.filter((host) => family === undefined || (family === 6) === host.includes(":"));
}

/** The addresses of a node: its own, if it is one; otherwise those of its name. */
async function findHosts(node: string, family: 4 | 6 | undefined): Promise<string[]> {
  const address = parseAddress(node, family);
  if (address !== null) return [address];
  const { lookup } = await import("node:dns/promises"); // Deno has no look-up that asks the C library
  let found: { address: string }[];
  try {
    found = await lookup(node, { all: true, family: family ?? 0, order: "verbatim" });
  } catch (error) {
    const code = codeOf(error);
    if (code === "EPERM") throw refused("getaddrinfo", node);
    const known = code === "EAI_AGAIN" ? code : code === "ENOTFOUND" ? "EAI_NONAME" : "EAI_FAIL";
    throw new AddrInfoError(`getaddrinfo ${node}`, known);
  }
  if (found.length === 0) throw new AddrInfoError(`getaddrinfo ${node}`, "EAI_NONAME");
  return found.map(({ address }) => address);
}

/** An address in its one form and of the family, or `null` if `node` is none but may be a name. */
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
 * `inet_aton(3)`: four bytes from one to four numbers, decimal, octal or hexadecimal. Each but the last is
 * a byte; the last one fills the bytes that remain.
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

/** Whether C takes a zone: an interface's number, or of a link-local address also its name. */
function isZone(zone: string, [first = 0, second = 0]: Uint8Array): boolean {
  if (/^\d+$/.test(zone) && Number(zone) <= 0xffffffff) return true;
  const isLinkLocal = first === 0xfe && (second & 0xc0) === 0x80; // fe80::/10
  const isNear = first === 0xff && [1, 2].includes(second & 0xf); // multicast: this interface, this link
  return zone !== "" && (isLinkLocal || isNear);
}

/**
 * What {@linkcode getNameInfo} is to find: C's `flags`.
 *
 * @category Addresses
 */
export interface NameInfoFlags {
  /** `NI_NUMERICHOST`: the address, not the host's name. Default false. */
  numericHost?: boolean;
  /** `NI_NUMERICSERV`: the port number, not the service's name. Default false. */
  numericService?: boolean;
  /** `NI_NAMEREQD`: a host without a name is an error. Default false. */
  nameRequired?: boolean;
}

/**
 * `getnameinfo(3)`: the name of a host and of a service, where they have one.
 *
 * Deno asks for the permission for the address whose name is looked up, although nothing is sent there.
 * With `numericHost` it needs none.
 *
 * @param address A TCP or UDP address; its transport is C's `NI_DGRAM`.
 * @param flags See {@linkcode NameInfoFlags}.
 * @returns The names; the numbers where there are none.
 * @throws {AddrInfoError} If the host has no name and `nameRequired` is set.
 * @throws {Deno.errors.NotCapable} If the program may not look it up.
 * @throws {TypeError} If `address.hostname` is a name already.
 *
 * Source: CS:APP lecture, `Getnameinfo`; getnameinfo(3).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { getNameInfo } from "@deno-sockets/samples";
 *
 * const address = { transport: "tcp", hostname: "127.0.0.1", port: 80 } as const;
 * const { service } = await getNameInfo(address, { numericHost: true });
 * assertEquals(service, "http");
 * const numeric = await getNameInfo(address, { numericHost: true, numericService: true });
 * assertEquals(numeric, { host: "127.0.0.1", service: "80" });
 * ```
 *
 * @category Addresses
 */
export async function getNameInfo(
  address: Deno.NetAddr,
  flags: NameInfoFlags = {},
): Promise<{ host: string; service: string }> {
  const { transport, hostname, port } = address;
  const [host = ""] = hostname.split("%"); // without its zone
  if (inetPton(4, host) === null && inetPton(6, host) === null) {
    throw new TypeError(`getnameinfo: ${hostname} is not a numeric address`);
  }
  const found = flags.numericHost ? null : await lookUpNames(address);
  if (found === null && flags.nameRequired) {
    throw new AddrInfoError(`getnameinfo ${hostname}`, "EAI_NONAME");
  }
  // Node asks without NI_DGRAM, so of a service it knows the name over TCP.
  const known = transport === "tcp" ? found?.service : undefined;
  const service = flags.numericService ? null : known ?? await getServByPort(port, transport);
  return { host: found?.hostname ?? hostname, service: service ?? `${port}` };
}

/** What the C library knows of an address, or `null` if the host has no name. */
async function lookUpNames(
  address: Deno.NetAddr,
): Promise<{ hostname: string; service: string } | null> {
  const { lookupService } = await import("node:dns/promises"); // Deno has none for this either
  try {
    return await lookupService(address.hostname, address.port);
  } catch (error) {
    if (error instanceof TypeError) throw error;
    if (codeOf(error) !== "EPERM") return null;
    throw refused("getnameinfo", formatAddress(address));
  }
}

/** A refused look-up: Node's error does not say what would have to be granted. */
function refused(call: string, host: string): Error {
  return failed(call, new Deno.errors.NotCapable(`Requires net access to "${host}"`), host);
}
