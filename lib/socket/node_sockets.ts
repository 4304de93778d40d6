/**
 * Sockets of Node's API, which support socket options that Deno's sockets do not.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import { requirePermissions } from "./permissions.ts";
import type { Socket as DatagramSocket, SocketType } from "node:dgram";
import type { Socket as StreamSocket } from "node:net";

/**
 * `socket(2)` and `bind(2)` by `node:dgram`: opens a datagram socket on a free port of the loopback address.
 *
 * Its method `setTTL` sets `IP_TTL`. `setSendBufferSize` and `setRecvBufferSize` do not set `SO_SNDBUF` and
 * `SO_RCVBUF`: as of Deno 2.9, they only store the value.
 *
 * Source: UCM lecture, socket options; ip(7).
 *
 * @param type The type of the socket, `udp4` or `udp6`. Default `udp4`.
 * @returns The socket. The end of an `await using` block closes it.
 * @throws {TypeError} If the type is invalid.
 * @throws {Deno.errors.NotCapable} If the permission to bind is not granted.
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
export async function openNodeDatagram(type?: string): Promise<DatagramSocket> {
  type ??= "udp4";
  const { createSocket } = await import("node:dgram");
  const socket = createSocket(type as SocketType); // Node rejects an invalid type
  const address = type === "udp6" ? "::1" : "127.0.0.1";
  // Without the permission, Node's bind throws in a callback, where the error cannot be caught.
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
 * Source: UCM lecture, socket options; connect(2).
 *
 * @param address The server's address.
 * @returns The connection. The end of an `await using` block closes it.
 * @throws {Deno.errors.NotCapable} If the permission to connect is not granted.
 * @throws {Error} If it cannot connect for another reason. Its `code` is Node's, such as `ECONNREFUSED`.
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
