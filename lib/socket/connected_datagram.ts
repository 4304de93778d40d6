/**
 * Connected datagram sockets: a conversation with one peer.
 *
 * @module
 */

import { normalize } from "node:path";
import { formatAddress } from "../address/format.ts";
import {
  type Datagram,
  type DatagramSocket,
  openDatagramTo,
  recvFrom,
  sendTo,
} from "./datagram.ts";
import { within } from "../io/timeout.ts";
import { failed } from "../errors.ts";
import { getAddrInfo } from "../address/addrinfo.ts";
import { refused, unixPermissions, unixSendPermissions } from "./_refused.ts";
import { parsePort } from "../address/services.ts";
import { openUnixDatagram } from "./unix.ts";

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
  readonly remoteAddr: Deno.Addr;
  /** How many datagrams of others were dropped. */
  dropped = 0;

  readonly #socket: DatagramSocket;
  // A receive whose time ran out goes on: the datagram that ends it is the next call's.
  #pending: Promise<Datagram> | undefined;
  #turn: Promise<void> | undefined; // the end of the last call to `receive` that is under way

  /**
   * Takes a socket for conversation with one peer; {@linkcode connectDatagram} opens one.
   *
   * @param socket A bound socket, which is the caller's no longer.
   * @param remoteAddr The peer, with a numeric host in the form that `inetNtop` gives.
   */
  constructor(socket: DatagramSocket, remoteAddr: Deno.Addr) {
    this.#socket = socket;
    this.remoteAddr = remoteAddr;
  }

  /**
   * `send(2)`: sends one datagram to the peer.
   *
   * @param message Its bytes, of which there may be none.
   * @param timeout How long to wait for room at a Unix peer, in ms. Default 5000.
   * @throws What {@linkcode sendTo} throws.
   */
  async send(message: Uint8Array, timeout?: number): Promise<void> {
    await sendTo(this.#socket, message, this.remoteAddr, timeout);
  }

  /**
   * `recv(2)` with `SO_RCVTIMEO`: receives one datagram of the peer's.
   *
   * One call at a time: the next waits for the end of the one before, and its time begins then.
   *
   * @param max The longest message to receive whole, in bytes.
   * @param timeout How long to wait for it, in ms.
   * @param signal Ends the wait early.
   * @returns The datagram.
   * @throws {Deno.errors.TimedOut} If none came in time. One that comes later is not lost: the next
   * call receives it, with the limit of the call that waited for it first.
   * @throws The signal's reason, if it aborts first; the same holds for what comes later.
   */
  async receive(max: number, timeout: number, signal?: AbortSignal): Promise<Datagram> {
    const before = this.#turn;
    const { promise, resolve: endTurn } = Promise.withResolvers<void>();
    this.#turn = promise;
    if (before !== undefined) {
      try {
        await within(before, Infinity, "", signal);
      } catch (error) {
        before.then(endTurn);
        throw error;
      }
    }
    this.#pending ??= this.#receivePeers(max);
    const peer = formatAddress(this.remoteAddr);
    const message = `recv ${peer}: no answer within ${timeout / 1000} s`;
    try {
      const datagram = await within(this.#pending, timeout, message, signal);
      this.#pending = undefined;
      return datagram;
    } catch (error) {
      const goesOn = error instanceof Deno.errors.TimedOut || signal?.aborted;
      if (!goesOn) this.#pending = undefined;
      throw error;
    } finally {
      endTurn();
      if (this.#turn === promise) this.#turn = undefined;
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
    const { remoteAddr } = this;
    if ("path" in from && "path" in remoteAddr) {
      return from.path !== null && normalize(from.path) === normalize(remoteAddr.path);
    }
    return formatAddress(from) === formatAddress(remoteAddr);
  }

  /** `close(2)`: closes the socket. */
  close(): void {
    this.#socket.close();
  }

  /** Closes the socket at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** To connect to a wildcard address is to connect to loopback, and that is where replies come from. */
const loopback = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
  ["::ffff:0.0.0.0", "::ffff:127.0.0.1"],
]);

/**
 * `getaddrinfo(3)`, `socket(2)` and `connect(2)` for UDP: opens a datagram socket for one peer.
 *
 * As with connect(2), the peer at `0.0.0.0` or `::` is the one on loopback, whose permission it requires.
 * Its own address, and the permission for it, are as {@linkcode openDatagramTo} has them.
 *
 * @param host A host name or a numeric address.
 * @param service A port number or a service's name.
 * @returns The connected socket.
 * @throws {RangeError} If the service is neither.
 * @throws {AddrInfoError} If the name has no address.
 * @throws {Deno.errors.NotCapable} If the program may not bind, or look the name up.
 *
 * Source: CNP3 lecture. See {@linkcode ConnectedDatagram} for an example.
 */
export async function connectDatagram(
  host: string,
  service: string | number,
): Promise<ConnectedDatagram> {
  const port = await parsePort(`${service}`, "udp");
  const [found] = await getAddrInfo(host, port, { socktype: "dgram" });
  const to = { ...found, hostname: loopback.get(found.hostname) ?? found.hostname };
  return new ConnectedDatagram(await openDatagramTo(to), to);
}

/**
 * `socket(2)`, `bind(2)` and `connect(2)` for a Unix-domain datagram socket: opens one for one peer.
 *
 * The peer answers to the path of the socket that a datagram came from, so the client binds one, too.
 *
 * @param path The peer's socket.
 * @param own The path to bind. Its file is removed when the socket is closed.
 * @returns The connected socket.
 * @throws {Deno.errors.AddrInUse} If `own` is a live socket.
 * @throws {Deno.errors.NotCapable} If the program may not bind. The message also names the permissions to
 * send to `path` that are missing.
 * @throws What {@linkcode openUnixDatagram} throws.
 *
 * Source: CNP3 lecture; unix(7).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { connectUnixDatagram, openUnixDatagram, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * const folder = await Deno.makeTempDir();
 * using server = await openUnixDatagram(`${folder}/server`);
 * using client = await connectUnixDatagram(`${folder}/server`, `${folder}/client`);
 * await client.send(new TextEncoder().encode("hello"));
 * const { message, from } = await recvFrom(server, 80);
 * await sendTo(server, message, from);
 * assertEquals((await client.receive(80, 1000)).message, message);
 * ```
 */
export async function connectUnixDatagram(path: string, own: string): Promise<ConnectedDatagram> {
  try {
    return new ConnectedDatagram(await openUnixDatagram(own), { transport: "unixpacket", path });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const needed = () => [...unixPermissions(own), ...unixSendPermissions(path)];
    throw failed("bind", refused(error, needed), own);
  }
}
