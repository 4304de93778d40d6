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

/** The ports of services by name: over TCP and over UDP, `null` where there is none. */
type Services = Record<string, (number | null)[]>;

/**
 * `getservbyname(3)`: finds the port number of a well-known service.
 *
 * @param service The service's name or one of its aliases, in the case in which the table has it:
 * mostly lower.
 * @param protocol The transport that the port belongs to. Without it, `"tcp"` goes before `"udp"`.
 * @returns The port number, in host byte order unlike C's `s_port`, or `null` if there is no service
 * of that name over that protocol.
 *
 * Source: CS:APP lecture; getservbyname(3); the table is Debian's /etc/services, and for the names that
 * it does not have IANA's assignments.
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
  for await (const services of knownServices()) {
    // Its own entries only: "constructor" is no service.
    const [tcp = null, udp = null] = Object.hasOwn(services, service)
      ? services[service] ?? []
      : [];
    if (tcp === null && udp === null) continue;
    return protocol === "tcp" ? tcp : protocol === "udp" ? udp : tcp ?? udp;
  }
  return null;
}

/**
 * `getservbyport(3)`: finds the name of the service that a port number belongs to.
 *
 * @param port The port number, in host byte order unlike C's.
 * @param protocol The transport.
 * @returns The service's name, not an alias, or `null` if the port belongs to none.
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
 */
export async function getServByPort(port: number, protocol: "tcp" | "udp"): Promise<string | null> {
  for await (const services of knownServices()) {
    const found = Object.entries(services)
      .find(([, [tcp, udp]]) => (protocol === "tcp" ? tcp : udp) === port);
    if (found !== undefined) return found[0];
  }
  return null;
}

/** Where services are looked for, in order. */
async function* knownServices(): AsyncGenerator<Services> {
  const { default: table } = await import("./services.json", { with: { type: "json" } });
  yield table.services;
  const path = "/etc/services";
  if (Deno.permissions.querySync({ name: "read", path }).state === "granted") {
    yield parseServices(await Deno.readTextFile(path).catch(() => "")); // not every system has it
  }
}

/** Parses the lines of /etc/services: `domain 53/udp alias... # comment`. */
function parseServices(text: string): Services {
  const services: Services = {};
  for (const line of text.split("\n")) {
    const [name, portAndProtocol = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(tcp|udp)$/.exec(portAndProtocol) ?? [];
    if (name === undefined || port === undefined) continue;
    for (const known of [name, ...aliases]) {
      const ports = services[known] ??= [null, null];
      ports[protocol === "tcp" ? 0 : 1] ??= Number(port); // of two lines, the first holds
    }
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
