/**
 * Looks up the names of an address's host and service.
 *
 * @module
 */

import { codeOf } from "../errors.ts";
import { AddrInfoError, lookUpDenied } from "./addrinfo_error.ts";
import { formatAddress } from "./format.ts";
import { inetPton } from "./inet.ts";
import { getServByPort } from "./services.ts";

/**
 * The `flags` of {@linkcode getNameInfo}.
 *
 * @category Addresses
 */
export interface NameInfoFlags {
  /** `NI_NUMERICHOST`: returns the address instead of the host's name. Default false. */
  numericHost?: boolean;
  /** `NI_NUMERICSERV`: returns the port number instead of the service's name. Default false. */
  numericService?: boolean;
  /** `NI_NAMEREQD`: fails if the host has no name. Default false. */
  nameRequired?: boolean;
}

/**
 * `getnameinfo(3)`: returns the names of an address's host and service.
 *
 * Requires `--allow-net=HOST:PORT` for the address, although nothing is sent to it. With `numericHost`, it
 * requires no permission.
 *
 * Source: CS:APP lecture, `Getnameinfo`; getnameinfo(3).
 *
 * @param address A TCP or UDP address, with a numeric host. The transport replaces C's `NI_DGRAM`.
 * @param flags See {@linkcode NameInfoFlags}. Default: looks up both names.
 * @returns The names; the address or the port number if there is no name.
 * @throws {AddrInfoError} If the host has no name and `nameRequired` is set.
 * @throws {Deno.errors.NotCapable} If the permission is not granted.
 * @throws {TypeError} If the host of the address is not numeric.
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
  flags?: NameInfoFlags,
): Promise<{ host: string; service: string }> {
  const { transport, hostname, port } = address;
  const [host = ""] = hostname.split("%"); // without its zone
  if (inetPton(4, host) === null && inetPton(6, host) === null) {
    throw new TypeError(`getnameinfo: ${hostname} is not a numeric address`);
  }
  const found = flags?.numericHost ? null : await lookUpNames(address);
  if (found === null && flags?.nameRequired) {
    throw new AddrInfoError(`getnameinfo ${hostname}`, "EAI_NONAME");
  }
  // Node calls getnameinfo without NI_DGRAM, which returns the service over TCP.
  const known = transport === "tcp" ? found?.service : undefined;
  const service = flags?.numericService ? null : known ?? await getServByPort(port, transport);
  return { host: found?.hostname ?? hostname, service: service ?? `${port}` };
}

/** Looks up the names with the C library; `null` if the host has no name. */
async function lookUpNames(
  address: Deno.NetAddr,
): Promise<{ hostname: string; service: string } | null> {
  const { lookupService } = await import("node:dns/promises"); // Deno has no reverse look-up
  try {
    return await lookupService(address.hostname, address.port);
  } catch (error) {
    if (error instanceof TypeError) throw error;
    if (codeOf(error) !== "EPERM") return null;
    throw lookUpDenied("getnameinfo", formatAddress(address));
  }
}
