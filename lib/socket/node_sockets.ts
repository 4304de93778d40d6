/**
 * Sockets of Node's API, for what Deno's own cannot do: the options that only they have a method for.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import { requirePermissions } from "./permissions.ts";
import type { Socket as DatagramSocket, SocketType } from "node:dgram";
import type { Socket as StreamSocket } from "node:net";

/**
 * `socket(2)` and `bind(2)` by `node:dgram`: opens a datagram socket on a free port of the
 * loopback address.
 *
 * Its `setTTL` sets `IP_TTL`. `setSendBufferSize` and `setRecvBufferSize` look as if they set `SO_SNDBUF`
 * and `SO_RCVBUF`; as of Deno 2.9 they only remember what they were told.
 *
 * @param type The kind of socket: Node knows `udp4` and `udp6`.
 * @returns The socket, which closes itself at the end of an `await using` block.
 * @throws {TypeError} If Node does not know the type.
 * @throws {Deno.errors.NotCapable} If the program may not bind there.
 *
 * Source: UCM lecture, socket options; ip(7).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openNodeDatagram } from "@deno-sockets/samples";
 *
 * await using socket = await openNodeDatagram();
 * assertEquals(socket.setTTL(5), 5);
 * ```
 *
 * @category Sockets
 */
export async function openNodeDatagram(type: string = "udp4"): Promise<DatagramSocket> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket(type as SocketType); // it is for Node to say what it does not know
  const address = type === "udp6" ? "::1" : "127.0.0.1";
  // Where the permission is missing, Node's bind throws when nobody can catch it.
  const host = formatAddress({ transport: "udp", hostname: address, port: 0 });
  await requirePermissions({ name: "net", host });
  const { promise: bound, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject).bind(0, address, resolve);
  await bound;
  return socket;
}

/**
 * `socket(2)` and `connect(2)` by `node:net`: opens a TCP connection.
 *
 * @param address The server's address.
 * @returns The connection, which closes itself at the end of an `await using` block.
 * @throws {Deno.errors.NotCapable} If the program may not connect there.
 * @throws {Error} If it cannot connect, with Node's code for the cause, `ECONNREFUSED` for example.
 *
 * Source: UCM lecture, socket options; connect(2).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openListener, openNodeClient } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * await using client = await openNodeClient(listener.addr);
 * using conn = await listener.accept();
 * assertEquals(conn.remoteAddr.port, client.localPort);
 * ```
 *
 * @category Sockets
 */
export async function openNodeClient(address: Deno.NetAddr): Promise<StreamSocket> {
  const { connect } = await import("node:net");
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(address.port, address.hostname, resolve).once("error", reject);
  await connected;
  return socket;
}
