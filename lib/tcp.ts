/**
 * TCP sockets, opened: the sequences of calls with which every client and every server begins.
 *
 * @module
 */

import { formatAddress } from "./address.ts";
import { Connection } from "./connection.ts";
import { failed, strerror } from "./errors.ts";
import { parsePort } from "./services.ts";

/** How {@linkcode openListener} binds and listens. */
export interface ListenOptions {
  /** The address to bind. Default `127.0.0.1`; `::` takes clients from anywhere, IPv4 ones too. */
  hostname?: string;
  /**
   * How many clients may wait to be accepted, at most what the system allows. Default 4096: when many
   * connect at once, each that a short backlog turns away tries again a second later only.
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
 * @throws {Deno.errors.NotFound} If the name has no address.
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
    // Deno gives a failed look-up no class of its own.
    const lookup = /^failed to lookup address information: (.*)/.exec(strerror(error));
    if (lookup !== null) throw new Deno.errors.NotFound(`getaddrinfo ${host}: ${lookup[1]}`);
    throw failed(`connect ${formatAddress({ transport: "tcp", hostname: host, port })}`, error);
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
 * @throws {Deno.errors.NotCapable} If the program may not listen there.
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
  const port = await parsePort(`${service}`, "tcp");
  try {
    return Deno.listen({ hostname, port, tcpBacklog: backlog, reusePort });
  } catch (error) {
    throw failed(`bind ${formatAddress({ transport: "tcp", hostname, port })}`, error);
  }
}
