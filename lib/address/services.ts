/**
 * Services by name and by port: `getServByName`, `getServByPort`, and `parsePort` for a program's port
 * argument.
 *
 * The names come from a table that the library brings along, so that they mean the same on every
 * machine and no permission is needed; it is loaded when the first is looked up. What it does not have
 * is looked for in /etc/services, if the program may read that already.
 *
 * @module
 */

/** A line of /etc/services: a port over a transport, and its service's name and aliases. */
interface Service {
  port: number;
  protocol: string;
  /** The name, then the aliases. */
  names: string[];
}

/**
 * `getservbyname(3)`: finds the port number of a well-known service.
 *
 * @param service The service's name or one of its aliases, in the case in which the table has it:
 * mostly lower.
 * @param protocol The transport that the port belongs to. Without it, `"tcp"` goes before `"udp"`.
 * @returns The port number, in host byte order unlike C's `s_port`, or `null` if there is no service
 * of that name over that protocol.
 *
 * Source: CS:APP lecture; getservbyname(3); the table is Debian's /etc/services, and IANA's assignments
 * where Debian has neither the name nor the port.
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
 *
 * @category Addresses
 */
export async function getServByName(
  service: string,
  protocol?: "tcp" | "udp",
): Promise<number | null> {
  for await (const services of knownServices()) {
    const named = services.filter(({ names }) => names.includes(service));
    if (named.length === 0) continue;
    const over = (transport: string) => named.find(({ protocol }) => protocol === transport)?.port;
    return (protocol ? over(protocol) : over("tcp") ?? over("udp")) ?? null;
  }
  return null;
}

/**
 * `getservbyport(3)`: finds the name of the service that a port number belongs to.
 *
 * @param port The port number, in host byte order unlike C's.
 * @param protocol The transport.
 * @returns The service's name, not an alias, or `null` if the port belongs to none. Of several services
 * on one port it is the first in the table.
 *
 * Source: getservbyport(3). For the names see {@linkcode getServByName}.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { getServByPort } from "@deno-sockets/samples";
 *
 * assertEquals(await getServByPort(80, "tcp"), "http");
 * assertEquals(await getServByPort(0, "tcp"), null);
 * ```
 *
 * @category Addresses
 */
export async function getServByPort(port: number, protocol: "tcp" | "udp"): Promise<string | null> {
  for await (const services of knownServices()) {
    const found = services.find((known) => known.port === port && known.protocol === protocol);
    if (found?.names[0] !== undefined) return found.names[0];
  }
  return null;
}

let table: Service[] | undefined; // parsed once, when a service is first looked up

/** Where services are looked for, in order. */
async function* knownServices(): AsyncGenerator<Service[]> {
  if (table === undefined) {
    const { default: { services } } = await import("./services.json", { with: { type: "json" } });
    table = parseServices(services);
  }
  yield table;
  const path = "/etc/services";
  if (Deno.permissions.querySync({ name: "read", path }).state === "granted") {
    const text = await Deno.readTextFile(path).catch(() => ""); // not every system has it
    yield parseServices(text.split("\n"));
  }
}

/** Parses the lines of /etc/services: `domain 53/udp alias... # comment`. */
function parseServices(lines: string[]): Service[] {
  const services: Service[] = [];
  for (const line of lines) {
    const [name, portAndProtocol = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(tcp|udp)$/.exec(portAndProtocol) ?? [];
    if (name === undefined || port === undefined || protocol === undefined) continue;
    services.push({ port: Number(port), protocol, names: [name, ...aliases] });
  }
  return services;
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
 *
 * @category Addresses
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
