/**
 * TCP sockets, opened: the sequences of calls with which every client and every server begins.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import { Connection } from "./connection.ts";
import { failed } from "../errors.ts";
import { failedAt } from "./_failed_at.ts";
import { getAddrInfo } from "../address/addrinfo.ts";
import { refused } from "./_refused.ts";
import { parsePort } from "../address/services.ts";
import { requireUnstableNet } from "./_unstable.ts";

/** How {@linkcode openListener} binds and listens. */
export interface ListenOptions {
  /** The address to bind. Default `127.0.0.1`; `::` takes clients from anywhere, IPv4 ones too. */
  hostname?: string;
  /**
   * How many clients may wait to be accepted, at most what the system allows. Default 4096: when many
   * connect at once, each that a short backlog turns away tries again only a second later.
   */
  backlog?: number;
  /**
   * `SO_REUSEPORT`: other sockets with the same option may listen on the same port, and the system
   * spreads the clients over them. Default false.
   */
  reusePort?: boolean;
}

/**
 * `open_clientfd`: connects to a server, by `getaddrinfo`, `socket` and `connect`.
 *
 * `Deno.connect` tries each address that the name has, IPv4 and IPv6, until one answers.
 *
 * @param host A host name or a numeric address.
 * @param service A port number or a service's name.
 * @returns The connection.
 * @throws {RangeError} If the service is neither.
 * @throws {Deno.errors.ConnectionRefused} If nobody listens there.
 * @throws {AddrInfoError} If the name has no address, or nobody can tell now.
 * @throws {Deno.errors.NotCapable} If the program may not connect there.
 * @throws {Error} In any other case in which it cannot connect. The message names the call, the address
 * and the cause.
 *
 * Source: CS:APP lecture, `open_clientfd`; UNP, `tcp_connect`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openClient, openListener } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await openClient("127.0.0.1", listener.addr.port);
 * using conn = await listener.accept();
 * assertEquals(conn.remoteAddr, client.localAddr);
 * ```
 */
export async function openClient(
  host: string,
  service: string | number,
): Promise<Connection<Deno.NetAddr>> {
  const port = await parsePort(`${service}`, "tcp");
  try {
    return new Connection(await Deno.connect({ hostname: host, port }));
  } catch (error) {
    throw failedAt("connect", { transport: "tcp", hostname: host, port }, error);
  }
}

/**
 * `open_listenfd`: opens a listening socket, by `getaddrinfo`, `socket`, `setsockopt` with
 * `SO_REUSEADDR`, `bind` and `listen`.
 *
 * @param service A port number or a service's name; 0 takes a free port, which `addr.port` tells.
 * @param options See {@linkcode ListenOptions}.
 * @returns The listener, whose clients {@linkcode accept} takes.
 * @throws {RangeError} If the service is neither.
 * @throws {Deno.errors.AddrInUse} If another socket has the port.
 * @throws {Deno.errors.AddrNotAvailable} If the address is not this host's.
 * @throws {AddrInfoError} If it is a name that has no address.
 * @throws {Deno.errors.NotCapable} If the program may not listen there.
 * @throws {Deno.errors.NotSupported} For `reusePort`, if Deno's unstable API `net` is off.
 * @throws {Error} In any other case in which it cannot bind. The message names the call, the address
 * and the cause.
 *
 * Source: CS:APP lecture, `open_listenfd`; UNP, `tcp_listen`.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { openListener } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * assertEquals(listener.addr.hostname, "127.0.0.1");
 * await assertRejects(() => openListener(listener.addr.port), Deno.errors.AddrInUse);
 * ```
 */
export async function openListener(
  service: string | number,
  options: ListenOptions = {},
): Promise<Deno.TcpListener> {
  const { hostname = "127.0.0.1", backlog = 4096, reusePort = false } = options;
  if (reusePort) requireUnstableNet("shared ports (reusePort)");
  const port = await parsePort(`${service}`, "tcp");
  try {
    return Deno.listen({ hostname, port, tcpBacklog: backlog, reusePort });
  } catch (error) {
    throw failedAt("bind", { transport: "tcp", hostname, port }, error);
  }
}

/**
 * `getaddrinfo(3)`, `socket(2)`, `bind(2)` and `listen(2)` for each address of a host: opens one listening
 * socket for each stack.
 *
 * One socket on `::` takes IPv4 clients as well, so to listen on every address it is enough. Of single
 * addresses, such as the two of `localhost`, each needs a socket of its own.
 *
 * @param host A host name; an address; or `null` for both loopback addresses.
 * @param service A port number or a service's name; 0 takes a port that is free for the first, and the
 * others share it.
 * @param options As for {@linkcode openListener}, whose `hostname` the host takes the place of.
 * @returns The listeners, at least one. Addresses of a stack that this host has not are left out.
 * @throws {RangeError} If the service is neither.
 * @throws {AddrInfoError} If the name has no address.
 * @throws What {@linkcode openListener} throws; nothing is left open then.
 *
 * Source: UCM lecture, dual stack; UNP, `tcp_listen`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openListeners } from "@deno-sockets/samples";
 *
 * const listeners = await openListeners("127.0.0.1", 0);
 * assertEquals(listeners.map((listener) => listener.addr.hostname), ["127.0.0.1"]);
 * for (const listener of listeners) listener.close();
 * ```
 */
export async function openListeners(
  host: string | null,
  service: string | number,
  options: Omit<ListenOptions, "hostname"> = {},
): Promise<Deno.TcpListener[]> {
  let port = await parsePort(`${service}`, "tcp");
  const listeners: Deno.TcpListener[] = [];
  let missing: unknown;
  const addresses = await getAddrInfo(host, port, { socktype: "stream" });
  for (const { hostname } of addresses) {
    try {
      const listener = await openListener(port, { ...options, hostname });
      listeners.push(listener);
      port = listener.addr.port;
    } catch (error) {
      missing = error;
      if (error instanceof Deno.errors.AddrNotAvailable) continue;
      for (const listener of listeners) listener.close();
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
      const needed = addresses.map((address) => formatAddress({ ...address, port }));
      throw failed(
        "bind",
        refused(error.cause, () => needed.map((host) => ({ name: "net", host }))),
      );
    }
  }
  if (listeners.length === 0) throw missing;
  return listeners;
}
