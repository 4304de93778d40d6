/**
 * The names of addresses.
 *
 * @module
 */

/**
 * `getnameinfo(3)`: the name of a host and of a service, where they have one.
 *
 * Deno asks for the permission for the address whose name is looked up, although nothing is sent there.
 *
 * @param address A TCP or UDP address.
 * @returns The names; the numbers where there are none.
 * @throws {Deno.errors.NotCapable} If the program may not look it up.
 *
 * Source: CS:APP lecture, `Getnameinfo`; getnameinfo(3).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { getNameInfo } from "@deno-sockets/samples";
 *
 * const { service } = await getNameInfo({ transport: "tcp", hostname: "127.0.0.1", port: 80 });
 * assertEquals(service, "http");
 * ```
 */
export async function getNameInfo(
  address: Deno.NetAddr,
): Promise<{ host: string; service: string }> {
  const { hostname, port } = address;
  const { lookupService } = await import("node:dns/promises"); // Deno has no look-up of its own
  try {
    const { hostname: host, service } = await lookupService(hostname, port);
    return { host, service };
  } catch (error) {
    if (error instanceof Error && error.message.includes("EPERM")) {
      throw new Deno.errors.NotCapable(`Requires net access to "${hostname}:${port}"`);
    }
    return { host: hostname, service: `${port}` };
  }
}
