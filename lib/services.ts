/**
 * Services by name: `getServByName`, and `parsePort` for a program's port argument.
 *
 * The names come from a table that the library brings along, so that they mean the same on every
 * machine and no permission is needed. It is loaded when the first name is looked up.
 *
 * @module
 */

/**
 * `getservbyname(3)`: finds the port number of a well-known service.
 *
 * @param service The service's name or one of its aliases, in the case in which the table has it:
 * mostly lower.
 * @param protocol The transport that the port belongs to. Without it, `"tcp"` goes before `"udp"`.
 * @returns The port number, in host byte order unlike C's `s_port`, or `null` if there is no service
 * of that name over that protocol.
 *
 * Source: CS:APP lecture; getservbyname(3); the table is Debian's /etc/services.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { getServByName } from "@deno-sockets/samples";
 *
 * assertEquals(await getServByName("http"), 80);
 * assertEquals(await getServByName("www"), 80);
 * assertEquals(await getServByName("syslog", "udp"), 514);
 * assertEquals(await getServByName("http", "udp"), null);
 * ```
 */
export async function getServByName(
  service: string,
  protocol?: "tcp" | "udp",
): Promise<number | null> {
  const { default: table } = await import("./services.json", { with: { type: "json" } });
  const ports = protocol ? table[protocol] : { ...table.udp, ...table.tcp };
  // Among the entries, not on the object: there, "constructor" would be found too.
  return new Map<string, number>(Object.entries(ports)).get(service) ?? null;
}

/**
 * `getaddrinfo(3)`'s service argument: turns a port number in decimal, or a service's name, into
 * the port number.
 *
 * @param service Decimal digits, leading zeros allowed, for 0 to 65535; or a name for
 * {@linkcode getServByName}. C also takes `" 80"` and `"+80"`, and makes 4464 of `"70000"`: these
 * are refused.
 * @param protocol The transport that a named service is looked up for.
 * @returns The port number, in host byte order.
 * @throws {RangeError} If the number is over 65535, or there is no such service.
 *
 * Source: UCM and CS:APP lectures; getaddrinfo(3).
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { parsePort } from "@deno-sockets/samples";
 *
 * assertEquals(await parsePort("7007"), 7007);
 * assertEquals(await parsePort("https"), 443);
 * await assertRejects(() => parsePort("70000"), RangeError, "port 70000 is not from 0 to 65535");
 * ```
 */
export async function parsePort(service: string, protocol?: "tcp" | "udp"): Promise<number> {
  if (/^[0-9]+$/.test(service)) {
    const port = Number(service);
    if (port > 65535) throw new RangeError(`port ${service} is not from 0 to 65535`);
    return port;
  }
  const port = await getServByName(service, protocol);
  if (port === null) {
    const where = protocol ? ` for ${protocol}` : "";
    throw new RangeError(`unknown service ${JSON.stringify(service)}${where}`);
  }
  return port;
}
