/**
 * Datagrams: sent whole or not at all, and received with word of what was cut off.
 *
 * @module
 */

import { formatAddress } from "./address.ts";
import { within } from "./deadline.ts";
import { failed } from "./errors.ts";
import { inetNtop, inetPton } from "./inet.ts";
import { parsePort } from "./services.ts";

/** A datagram that {@linkcode recvFrom} received. */
export interface Datagram {
  /** Its bytes, as many as the limit allows; none at all is a message like any other. */
  message: Uint8Array<ArrayBuffer>;
  /** Who sent it. */
  from: Deno.Addr;
  /** Whether it was longer than the limit and the rest is lost (`MSG_TRUNC`). */
  truncated: boolean;
}

/**
 * `socket(2)` and `bind(2)` for UDP: opens a datagram socket at an address.
 *
 * @param service A port number or a service's name; 0 takes a free port, which `addr.port` tells.
 * @param hostname The address to bind. Default `127.0.0.1`.
 * @returns The socket.
 * @throws {RangeError} If the service is neither.
 * @throws {Deno.errors.AddrInUse} If another socket has the port.
 * @throws {Deno.errors.AddrNotAvailable} If the address is not this host's.
 * @throws {Deno.errors.NotCapable} If the program may not bind there.
 * @throws {Error} In any other case in which it cannot bind. The message names the call, the address
 * and the cause.
 *
 * Source: UCM lecture, UDP server; udp(7).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDatagram, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * const [a, b] = [await openDatagram(0), await openDatagram(0)];
 * await sendTo(a, new TextEncoder().encode("hello"), b.addr);
 * const { message, from, truncated } = await recvFrom(b, 4);
 * assertEquals(new TextDecoder().decode(message), "hell");
 * assertEquals(truncated, true);
 * assertEquals(from, a.addr);
 * a.close();
 * b.close();
 * ```
 */
export async function openDatagram(
  service: string | number,
  hostname: string = "127.0.0.1",
): Promise<Deno.DatagramConn> {
  const port = await parsePort(`${service}`, "udp");
  try {
    return Deno.listenDatagram({ transport: "udp", hostname, port });
  } catch (error) {
    throw failed(`bind ${formatAddress({ transport: "udp", hostname, port })}`, error);
  }
}

/**
 * `recvfrom(2)` with `MSG_TRUNC`: receives one datagram.
 *
 * @param socket A datagram socket, UDP or Unix.
 * @param max The longest message to receive whole, in bytes.
 * @returns The message, its sender, and whether there was more of it than `max` bytes.
 * @throws What the socket's `receive` throws, `Deno.errors.BadResource` or `Deno.errors.Interrupted`
 * once it is closed.
 *
 * Source: UCM lecture; recvfrom(2). See {@linkcode openDatagram} for an example.
 */
export async function recvFrom(socket: Deno.DatagramConn, max: number): Promise<Datagram> {
  // The system cuts a datagram to the buffer without a word; room for a byte more tells.
  const [received, from] = await socket.receive(new Uint8Array(max + 1));
  const truncated = received.length > max;
  // The buffer is ours, so it is no shared one.
  const message = received.subarray(0, max) as Uint8Array<ArrayBuffer>;
  return { message, from, truncated };
}

/**
 * `sendto(2)`: sends one datagram, whole.
 *
 * @param socket A datagram socket, UDP or Unix.
 * @param message Its bytes, of which there may be none.
 * @param to Who is to receive it.
 * @throws {RangeError} If the message is longer than a datagram can be (`EMSGSIZE`); nothing is sent.
 * @throws {Error} In any other case in which it cannot be sent. The message names the call, the
 * address and the cause.
 *
 * Source: UCM and CNP3 lectures; sendto(2). See {@linkcode openDatagram} for an example.
 */
export async function sendTo(
  socket: Deno.DatagramConn,
  message: Uint8Array,
  to: Deno.Addr,
): Promise<void> {
  try {
    await socket.send(message, to);
  } catch (error) {
    const call = `sendto ${formatAddress(to)}`;
    if (error instanceof Error && error.message.startsWith("Message too long")) {
      throw new RangeError(`${call}: a message of ${message.length} bytes is too long`);
    }
    throw failed(call, error);
  }
}

/**
 * `connect(2)` on a datagram socket: sends to one peer, and receives from that peer only.
 *
 * Anybody can send a datagram to an open port; those of others are dropped, and counted.
 *
 * Source: CNP3 lecture, connected datagram sockets; udp(7).
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { connectDatagram, openDatagram, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * const server = await openDatagram(0);
 * const { port } = server.addr as Deno.NetAddr;
 * using client = await connectDatagram("127.0.0.1", port);
 * await client.send(new TextEncoder().encode("hello"));
 * const { message, from } = await recvFrom(server, 80);
 * await assertRejects(() => client.receive(80, 10), Deno.errors.TimedOut);
 *
 * await sendTo(server, message, from);
 * assertEquals((await client.receive(80, 1000)).message, message);
 * server.close();
 * ```
 */
export class ConnectedDatagram implements Disposable {
  /** The peer's address. */
  readonly remoteAddr: Deno.NetAddr;
  /** How many datagrams of others were dropped. */
  dropped = 0;

  readonly #socket: Deno.DatagramConn;
  // A receive whose time ran out goes on: the datagram that ends it is the next call's.
  #pending: Promise<Datagram> | undefined;

  /**
   * Takes a socket for conversation with one peer; {@linkcode connectDatagram} opens one.
   *
   * @param socket A bound socket, which is the caller's no longer.
   * @param remoteAddr The peer, with a numeric host in the form that {@linkcode inetNtop} gives.
   */
  constructor(socket: Deno.DatagramConn, remoteAddr: Deno.NetAddr) {
    this.#socket = socket;
    this.remoteAddr = remoteAddr;
  }

  /**
   * `send(2)`: sends one datagram to the peer.
   *
   * @param message Its bytes, of which there may be none.
   * @throws What {@linkcode sendTo} throws.
   */
  async send(message: Uint8Array): Promise<void> {
    await sendTo(this.#socket, message, this.remoteAddr);
  }

  /**
   * `recv(2)` with `SO_RCVTIMEO`: receives one datagram of the peer's.
   *
   * @param max The longest message to receive whole, in bytes.
   * @param timeout How long to wait for it, in ms.
   * @returns The datagram.
   * @throws {Deno.errors.TimedOut} If none came in time. One that comes later is not lost: the next
   * call receives it, with the limit of the call that waited for it first.
   */
  async receive(max: number, timeout: number): Promise<Datagram> {
    this.#pending ??= this.#receivePeers(max);
    const peer = formatAddress(this.remoteAddr);
    const message = `recv ${peer}: no answer within ${timeout / 1000} s`;
    try {
      const datagram = await within(this.#pending, timeout, message);
      this.#pending = undefined;
      return datagram;
    } catch (error) {
      if (!(error instanceof Deno.errors.TimedOut)) this.#pending = undefined; // it failed
      throw error;
    }
  }

  async #receivePeers(max: number): Promise<Datagram> {
    for (;;) {
      const datagram = await recvFrom(this.#socket, max);
      if (this.#isPeer(datagram.from)) return datagram;
      this.dropped++;
    }
  }

  #isPeer(from: Deno.Addr): boolean {
    return "hostname" in from && from.hostname === this.remoteAddr.hostname &&
      from.port === this.remoteAddr.port;
  }

  /** `close(2)`: closes the socket. */
  close(): void {
    this.#pending?.catch(() => {}); // nobody waits for it any more
    this.#socket.close();
  }

  /** Closes the socket at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * `getaddrinfo(3)`, `socket(2)` and `connect(2)` for UDP: opens a datagram socket for one peer.
 *
 * The socket is bound to a free port, on loopback if that is where the peer is. To Deno this is an
 * address like any other: the program needs the permission for `127.0.0.1:0` (or `[::1]:0`, or
 * `0.0.0.0:0`) beside the one for the peer.
 *
 * @param host A host name or a numeric address.
 * @param service A port number or a service's name.
 * @returns The connected socket.
 * @throws {RangeError} If the service is neither.
 * @throws {Deno.errors.NotCapable} If the program may not bind.
 * @throws {Error} If the name has no address. The message names the call, the name and the cause.
 *
 * Source: CNP3 lecture. See {@linkcode ConnectedDatagram} for an example.
 */
export async function connectDatagram(
  host: string,
  service: string | number,
): Promise<ConnectedDatagram> {
  const port = await parsePort(`${service}`, "udp");
  const hostname = await numericHost(host);
  const v6 = hostname.includes(":");
  const loopback = v6 ? hostname === "::1" : hostname.startsWith("127.");
  const own = v6 ? (loopback ? "::1" : "::") : (loopback ? "127.0.0.1" : "0.0.0.0");
  const socket = await openDatagram(0, own);
  return new ConnectedDatagram(socket, { transport: "udp", hostname, port });
}

/** The address of a host, in the one form in which replies are compared with it. */
async function numericHost(host: string): Promise<string> {
  const address = inetPton(4, host) ?? inetPton(6, host);
  if (address !== null) return inetNtop(address);
  // Deno has no look-up that reads /etc/hosts.
  const { lookup } = await import("node:dns/promises");
  try {
    const found = await lookup(host, { all: true });
    if (found[0] !== undefined) return found[0].address;
  } catch (error) {
    const { code } = error as { code?: string };
    const refused = new Deno.errors.NotCapable(`Requires net access to "${host}"`);
    if (code !== "ENOTFOUND") {
      throw failed(`getaddrinfo ${host}`, code === "EPERM" ? refused : error);
    }
  }
  throw new Deno.errors.NotFound(`getaddrinfo ${host}: Name or service not known`);
}
