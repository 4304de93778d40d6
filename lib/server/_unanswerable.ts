// Detects datagrams that must not be answered: from port 0, or with the socket's own address as a forged source.

import { formatAddress, unmapAddress } from "../address/format.ts";
import { sharedPorts } from "../socket/datagram.ts";

/** Addresses known to be local. */
const local = new Set<string>();

/**
 * Reports whether a datagram's source is port 0 or the address of the socket that received it.
 *
 * The addresses of a socket on a wildcard address are all local addresses: loopback, and those that can be
 * bound.
 *
 * @param from The source of the datagram.
 * @param socket The socket.
 * @param canBind Reports whether an address can be bound. Default: by Deno, which without the permission
 * recognizes only loopback.
 * @returns Whether a reply is impossible, or would come back to the socket.
 */
export function isUnanswerable(
  from: Deno.Addr,
  socket: Pick<Deno.DatagramConn, "addr">,
  canBind?: (address: Deno.NetAddr) => boolean | Promise<boolean>,
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
  return isWildcard &&
    (/^(127\.|::1$)/.test(hostname) || isLocal(hostname, canBind ?? denoCanBind));
}

async function isLocal(
  hostname: string,
  canBind: (address: Deno.NetAddr) => boolean | Promise<boolean>,
): Promise<boolean> {
  if (local.has(hostname)) return true;
  if (!await canBind({ transport: "udp", hostname, port: 0 })) return false;
  local.add(hostname);
  return true;
}

async function denoCanBind(address: Deno.NetAddr): Promise<boolean> {
  const host = formatAddress(address);
  // On a terminal, Deno would prompt for a missing permission.
  if ((await Deno.permissions.query({ name: "net", host })).state !== "granted") return false;
  try {
    Deno.listenDatagram({ ...address, transport: "udp" }).close();
    return true;
  } catch {
    return false;
  }
}
