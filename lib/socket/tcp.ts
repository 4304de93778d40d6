/**
 * TCP sockets: opens clients and listeners.
 *
 * @module
 */

import { getAddrInfo } from "../address/addrinfo.ts";
import { formatAddress } from "../address/format.ts";
import { parsePort } from "../address/services.ts";
import { failed } from "../errors.ts";
import { withTimeout } from "../io/timeout.ts";
import { failedAt } from "./_failed_at.ts";
import { requireUnstableNet } from "./_unstable.ts";
import { Connection } from "./connection.ts";
import { nameAllMissing } from "./permissions.ts";

/**
 * Options of {@linkcode openClient}.
 *
 * @category Sockets
 */
export interface ConnectOptions {
  /** How long the look-up and the connection may take, in ms. Default: the system's limits. */
  timeout?: number;
  /** Cancels the call. Default none. */
  signal?: AbortSignal;
}

/**
 * Options of {@linkcode openListener}.
 *
 * @category Sockets
 */
export interface ListenOptions {
  /** The address to bind. Default `127.0.0.1`. `::` accepts IPv6 and IPv4 clients from any network. */
  hostname?: string;
  /**
   * The maximum number of clients that wait to be accepted, limited by the system. Default 4096: if the
   * backlog is full, a client retries only after a second.
   */
  backlog?: number;
  /**
   * `SO_REUSEPORT`: sockets that set it may listen on the same port, and the system distributes the clients
   * among them. Default false.
   */
  reusePort?: boolean;
}

/**
 * `open_clientfd`: connects to a server by `getaddrinfo`, `socket` and `connect`.
 *
 * It tries each address of the host, IPv4 and IPv6, until a connection succeeds.
 *
 * Source: CS:APP lecture, `open_clientfd`; UNP, `tcp_connect`.
 *
 * @param host A host name or a numeric address.
 * @param service A port number or a service name.
 * @param options See {@linkcode ConnectOptions}.
 * @returns The connection.
 * @throws {RangeError} If the service is unknown or the port is over 65535.
 * @throws {Deno.errors.ConnectionRefused} If no server listens there.
 * @throws {Deno.errors.TimedOut} If the timeout expires.
 * @throws {AddrInfoError} If the name has no address, or the look-up fails.
 * @throws {Deno.errors.NotCapable} If the permission to connect is not granted.
 * @throws The signal's reason, if it aborts first.
 * @throws {Error} If it cannot connect for another reason. The message names the call, the address and the
 * cause.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openClient, openListener } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await openClient("127.0.0.1", listener.addr.port, { timeout: 5000 });
 * using conn = await listener.accept();
 * assertEquals(conn.remoteAddr, client.localAddr);
 * ```
 *
 * @category Sockets
 */
export async function openClient(
  host: string,
  service: string | number,
  options?: ConnectOptions,
): Promise<Connection<Deno.NetAddr>> {
  const { timeout = Infinity, signal } = options ?? {};
  const port = await parsePort(`${service}`, "tcp");
  signal?.throwIfAborted();
  const cancel = new AbortController();
  const connecting = Deno.connect({ hostname: host, port, signal: cancel.signal });
  try {
    const message = `timed out after ${timeout / 1000} s`;
    return new Connection(await withTimeout(connecting, timeout, message, signal));
  } catch (error) {
    cancel.abort();
    connecting.then((conn) => conn.close(), () => {}); // if it connects nevertheless
    if (signal?.aborted && error === signal.reason) throw error;
    throw failedAt("connect", { transport: "tcp", hostname: host, port }, error);
  }
}

/**
 * `open_listenfd`: opens a listening socket by `getaddrinfo`, `socket`, `setsockopt` with
 * `SO_REUSEADDR`, `bind` and `listen`.
 *
 * Source: CS:APP lecture, `open_listenfd`; UNP, `tcp_listen`.
 *
 * @param service A port number or a service name; 0 selects a free port, which is in `addr.port`.
 * @param options See {@linkcode ListenOptions}.
 * @returns The listener; {@linkcode accept} accepts its clients.
 * @throws {RangeError} If the service is unknown or the port is over 65535.
 * @throws {Deno.errors.AddrInUse} If another socket has the port.
 * @throws {Deno.errors.AddrNotAvailable} If this host does not have the address.
 * @throws {AddrInfoError} If `hostname` is a name without an address.
 * @throws {Deno.errors.NotCapable} If the permission to listen is not granted.
 * @throws {Deno.errors.NotSupported} For `reusePort`, if Deno's unstable API `net` is off.
 * @throws {Error} If it cannot bind for another reason. The message names the call, the address and the
 * cause.
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
 *
 * @category Sockets
 */
export async function openListener(
  service: string | number,
  options?: ListenOptions,
): Promise<Deno.TcpListener> {
  const { hostname = "127.0.0.1", backlog = 4096, reusePort = false } = options ?? {};
  if (reusePort) requireUnstableNet("shared ports (reusePort)");
  const port = await parsePort(`${service}`, "tcp");
  try {
    return Deno.listen({ hostname, port, tcpBacklog: backlog, reusePort });
  } catch (error) {
    throw failedAt("bind", { transport: "tcp", hostname, port }, error);
  }
}

/**
 * `getaddrinfo(3)`, `socket(2)`, `bind(2)` and `listen(2)` for each address of a host: opens a listening
 * socket at each.
 *
 * To listen on every address, one socket on `::` is enough: it also accepts IPv4 clients. Specific addresses,
 * such as the two of `localhost`, require a socket each.
 *
 * Source: UCM lecture, dual stack; UNP, `tcp_listen`.
 *
 * @param host A host name; an address; or `null` for both loopback addresses.
 * @param service A port number or a service name; 0 selects a port that is free for the first socket; the
 * others use the same port.
 * @param options See {@linkcode ListenOptions}, without `hostname`.
 * @returns The listeners, at least one. Addresses that this host does not have are skipped.
 * @throws {RangeError} If the service is unknown or the port is over 65535.
 * @throws {AddrInfoError} If the name has no address.
 * @throws Any error thrown by {@linkcode openListener}. Listeners opened before that are closed.
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
 *
 * @category Sockets
 */
export async function openListeners(
  host: string | null,
  service: string | number,
  options?: Omit<ListenOptions, "hostname">,
): Promise<Deno.TcpListener[]> {
  options ??= {};
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
        nameAllMissing(error.cause, () => needed.map((host) => ({ name: "net", host }))),
      );
    }
  }
  if (listeners.length === 0) throw missing;
  return listeners;
}
