/**
 * Names and port numbers of services.
 *
 * The library contains a table of services, which is the same on every machine and requires no permission.
 * Names and ports that are not in it are looked up in /etc/services, if the program has the permission to read
 * that file.
 *
 * @module
 */

/** A line of /etc/services. */
interface Service {
  port: number;
  protocol: string;
  /** The name, then the aliases. */
  names: string[];
}

/**
 * `getservbyname(3)`: returns the port number of a service.
 *
 * The names are those of Debian's /etc/services, and IANA's where Debian has neither the name nor the port.
 * Names that are in neither are looked up in this host's /etc/services, if the program has the permission to
 * read it.
 *
 * Source: CS:APP lecture; getservbyname(3).
 *
 * @param service The service's name or an alias; case-sensitive.
 * @param protocol The transport. Default `"tcp"`, or `"udp"` if the service has no port over TCP.
 * @returns The port number, in host byte order unlike C's `s_port`; `null` if there is no such service.
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
 * `getservbyport(3)`: returns the name of the service on a port.
 *
 * The names are those of {@linkcode getServByName}.
 *
 * Source: getservbyport(3).
 *
 * @param port The port number, in host byte order unlike C's.
 * @param protocol The transport.
 * @returns The name, not an alias, of the first service on the port; `null` if there is none.
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

let table: Service[] | undefined; // loaded at the first look-up: most programs make none

/** Yields the tables of services, in search order. */
async function* knownServices(): AsyncGenerator<Service[]> {
  if (table === undefined) {
    const { default: { services } } = await import("./services.json", { with: { type: "json" } });
    table = parseServices(services);
  }
  yield table;
  const path = "/etc/services";
  if (Deno.permissions.querySync({ name: "read", path }).state === "granted") {
    const text = await Deno.readTextFile(path).catch(() => ""); // it may not exist
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
 * The `service` argument of `getaddrinfo(3)`: parses a port number or a service name.
 *
 * Source: UCM and CS:APP lectures; getaddrinfo(3).
 *
 * @param service A port number from 0 to 65535 in decimal digits, leading zeros allowed; or a name that
 * {@linkcode getServByName} finds. Unlike C, it rejects `" 80"`, `"+80"`, and `"70000"`, which C reads as
 * 4464.
 * @param protocol The transport of a service name. Default as for {@linkcode getServByName}.
 * @returns The port number, in host byte order.
 * @throws {RangeError} If the number is over 65535, or the service is unknown.
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
