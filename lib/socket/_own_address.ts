/**
 * Datagrams that must not be answered: from port 0, and those that a forger sent in the socket's own name.
 *
 * @module
 */

import { unmapAddress } from "../address/format.ts";

/** Sockets that share their port: what has their address as its source may be another program's. */
export const sharedPorts: WeakSet<Pick<Deno.DatagramConn, "addr">> = new WeakSet();

/** Addresses that were found to be this host's. */
const local = new Set<string>();

/**
 * Whether a datagram's source is port 0 or the address of the socket that received it.
 *
 * For a socket on a wildcard address, every address of this host is its own: loopback, and what can be
 * bound. Where the program lacks the permission to bind, that is loopback only.
 *
 * @param from The source of the datagram.
 * @param socket The socket.
 * @returns Whether a reply would go nowhere or back to the socket.
 */
export function isUnanswerable(
  from: Deno.Addr,
  socket: Pick<Deno.DatagramConn, "addr">,
): boolean | Promise<boolean> {
  const own = socket.addr;
  if (!("hostname" in from) || !("hostname" in own)) {
    return "path" in from && "path" in own && from.path === own.path;
  }
  if (from.port === 0) return true;
  if (from.port !== own.port || sharedPorts.has(socket)) return false;
  const { hostname } = unmapAddress(from);
  const { hostname: bound } = unmapAddress(own);
  if (hostname === bound) return true;
  const isWildcard = ["0.0.0.0", "::"].includes(bound);
  return isWildcard && (/^(127\.|::1$)/.test(hostname) || isLocal(hostname));
}

async function isLocal(hostname: string): Promise<boolean> {
  if (local.has(hostname)) return true;
  const host = hostname.includes(":") ? `[${hostname}]:0` : `${hostname}:0`;
  // On a terminal, Deno would ask for a permission that is missing.
  if ((await Deno.permissions.query({ name: "net", host })).state !== "granted") return false;
  try {
    Deno.listenDatagram({ transport: "udp", hostname, port: 0 }).close();
  } catch {
    return false;
  }
  local.add(hostname);
  return true;
}
