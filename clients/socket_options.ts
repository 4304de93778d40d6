#!/usr/bin/env -S deno run --allow-net=127.0.0.1,127.255.255.255,239.255.70.7
/**
 * The socket options of the lecture: how a Deno program sets each, tested on live sockets.
 *
 * Usage: clients/socket_options.ts
 *
 * From UCM 2.4, getsockopt and setsockopt. Departs from it: Deno has neither call. Its API has
 * methods for some options and always sets others; Node's API has methods for more. A Deno program
 * can set the rest only through the C library, as posix/socket_options.ts does. If an effect is
 * observable, the program shows it: a datagram arrives, a port is bound again.
 *
 * ```console
 * $ clients/socket_options.ts
 * SO_KEEPALIVE       TcpConn.setKeepAlive           set
 * SO_BROADCAST       Deno.listenDatagram            always set: from 127.0.0.1:* to 127.255.255.255:*
 * SO_REUSEADDR       Deno.listen                    always set: port * bound again, in TIME_WAIT
 * SO_REUSEPORT       Deno.listen reusePort          set: port * bound twice
 * SO_SNDBUF          node:dgram setSendBufferSize   no effect: asked for 1 byte, it says 2
 * SO_RCVBUF          node:dgram setRecvBufferSize   no effect: asked for 1 byte, it says 2
 * TCP_NODELAY        TcpConn.setNoDelay             set
 * TCP_QUICKACK                                      not possible: no socket has a method for it
 * IP_TTL             node:dgram setTTL              set: 5
 * IP_TOS                                            not possible: no socket has a method for it
 * IP_ADD_MEMBERSHIP  DatagramConn.joinMulticastV4   set: from 127.0.0.1:* to 239.255.70.7:*
 * IP_MTU                                            not possible: no socket has a method for it
 * MSG_OOB                                           not possible: no socket has a method for it
 * SOCK_RAW           node:dgram createSocket        not possible: Bad socket type specified. *
 * ```
 *
 * @module
 */

import { main } from "../cli.ts";
import {
  formatAddress,
  openDatagram,
  openNodeClient,
  openNodeDatagram,
  requirePermissions,
  strerror,
  withTimeout,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./socket_options.ts" with { type: "text" };

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };
const BROADCAST = "127.255.255.255";
const GROUP = "239.255.70.7";
/** A lower bound for the size of a socket buffer on Linux (socket(7)). */
const MIN_BUFFER_SIZE = 1024;

await main(header, { operands: {} }, async () => {
  // Without ports: the system selects them.
  const hosts = [LOOPBACK.hostname, BROADCAST, GROUP];
  await requirePermissions(...hosts.map((host) => ({ name: "net", host } as const)));

  // socket, bind, listen, connect
  using listener = Deno.listen(LOOPBACK);
  using conn = await Deno.connect({ ...LOOPBACK, port: listener.addr.port });
  await using nodeConn = await openNodeClient(listener.addr);
  await using nodeSocket = await openNodeDatagram();
  const sockets = [conn, nodeConn, nodeSocket];

  // setsockopt
  await attempt("SO_KEEPALIVE", "TcpConn.setKeepAlive", () => conn.setKeepAlive(true));
  await attempt("SO_BROADCAST", "Deno.listenDatagram", async () => {
    return `always set: ${await receiveAt(BROADCAST)}`;
  });
  await attempt("SO_REUSEADDR", "Deno.listen", async () => {
    return `always set: port ${await bindInTimeWait()} bound again, in TIME_WAIT`;
  });
  await attempt("SO_REUSEPORT", "Deno.listen reusePort", () => {
    using first = Deno.listen({ ...LOOPBACK, reusePort: true });
    const { port } = first.addr;
    using _second = Deno.listen({ ...LOOPBACK, port, reusePort: true });
    return `set: port ${port} bound twice`;
  });
  await attempt("SO_SNDBUF", "node:dgram setSendBufferSize", () => {
    nodeSocket.setSendBufferSize(1);
    return describeBuffer(nodeSocket.getSendBufferSize());
  });
  await attempt("SO_RCVBUF", "node:dgram setRecvBufferSize", () => {
    nodeSocket.setRecvBufferSize(1);
    return describeBuffer(nodeSocket.getRecvBufferSize());
  });
  await attempt("TCP_NODELAY", "TcpConn.setNoDelay", () => conn.setNoDelay(true));
  await attempt("TCP_QUICKACK", "", () => findMethod(sockets, /quickack/i));
  await attempt("IP_TTL", "node:dgram setTTL", () => `set: ${nodeSocket.setTTL(5)}`);
  await attempt("IP_TOS", "", () => findMethod(sockets, /typeofservice|tos$/i));
  await attempt("IP_ADD_MEMBERSHIP", "DatagramConn.joinMulticastV4", async () => {
    return `set: ${await receiveAt(GROUP)}`;
  });
  await attempt("IP_MTU", "", () => findMethod(sockets, /mtu/i));
  await attempt("MSG_OOB", "", () => findMethod(sockets, /oob|outofband|urgent/i));
  await attempt("SOCK_RAW", "node:dgram createSocket", async () => {
    await using raw = await openNodeDatagram("raw4");
    return `opened: ${raw.address().address}`;
  });
  // close, at the end of using
});

/** Tries to set an option through an API, and prints the outcome. */
async function attempt(option: string, api: string, set: () => unknown): Promise<void> {
  let outcome: unknown;
  try {
    outcome = await set() ?? "set";
  } catch (error) {
    outcome = `not possible: ${strerror(error)}`;
  }
  console.log(`${option.padEnd(18)} ${api.padEnd(30)} ${outcome}`);
}

/** Sends a datagram to a broadcast or multicast address, receives it, and returns both addresses. */
async function receiveAt(hostname: string): Promise<string> {
  using receiver = await openDatagram(0, { hostname });
  if (hostname === GROUP) await receiver.joinMulticastV4(GROUP, LOOPBACK.hostname);
  using sender = await openDatagram(0);
  await sender.send(new TextEncoder().encode("hello"), receiver.addr);
  const [, from] = await withTimeout(receiver.receive(), 2000, "recvfrom: timed out");
  return `from ${formatAddress(from)} to ${formatAddress(receiver.addr)}`;
}

/** Binds a port with a connection in TIME_WAIT, which the server closed first; returns the port. */
async function bindInTimeWait(): Promise<number> {
  const listener = Deno.listen(LOOPBACK);
  const address = { ...LOOPBACK, port: listener.addr.port };
  const client = await Deno.connect(address);
  (await listener.accept()).close();
  await client.read(new Uint8Array(1)); // the end of the stream
  client.close();
  listener.close();
  Deno.listen(address).close();
  return address.port;
}

/** Describes the effect of setting a buffer size of 1 byte, given the size that the system returns. */
function describeBuffer(size: number): string {
  return size < MIN_BUFFER_SIZE
    ? `no effect: asked for 1 byte, it says ${size}`
    : `set: asked for 1 byte, the system gives ${size}`;
}

/** Searches the sockets for a method whose name matches. Throws if there is none. */
function findMethod(sockets: object[], pattern: RegExp): string {
  for (const socket of sockets) {
    for (let type = socket; type !== null; type = Object.getPrototypeOf(type)) {
      const method = Object.getOwnPropertyNames(type).find((name) => pattern.test(name));
      if (method !== undefined) return `there is a method: ${method}`;
    }
  }
  throw new Error("no socket has a method for it");
}
