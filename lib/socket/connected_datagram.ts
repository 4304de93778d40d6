/**
 * Connected datagram sockets, which communicate with one peer.
 *
 * @module
 */

import { getAddrInfo } from "../address/addrinfo.ts";
import { formatAddress, unmapAddress } from "../address/format.ts";
import { parsePort } from "../address/services.ts";
import { failed } from "../errors.ts";
import { withTimeout } from "../io/timeout.ts";
import {
  type Datagram,
  type DatagramSocket,
  openDatagramTo,
  recvFrom,
  sendTo,
} from "./datagram.ts";
import { nameAllMissing, unixPermissions, unixSendPermissions } from "./permissions.ts";
import { openUnixDatagram } from "./unix.ts";

/**
 * `connect(2)` on a datagram socket: sends to one peer, and receives from that peer only.
 *
 * Any host can send a datagram to an open port. Datagrams from other senders are dropped and counted.
 *
 * Source: CNP3 lecture, connected datagram sockets; udp(7).
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { connectDatagram, openDatagram, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * using server = await openDatagram(0);
 * using client = await connectDatagram("127.0.0.1", server.addr.port);
 * await client.send(new TextEncoder().encode("hello"));
 * const { message, from } = await recvFrom(server, 80);
 * await assertRejects(() => client.receive(80, 10), Deno.errors.TimedOut);
 *
 * await sendTo(server, message, from);
 * assertEquals((await client.receive(80, 1000)).message, message);
 * ```
 *
 * @category Sockets
 */
export class ConnectedDatagram<A extends Deno.Addr = Deno.Addr> implements Disposable {
  /** `getpeername(2)`: the peer's address. */
  readonly remoteAddr: A;
  /** The number of datagrams from other senders that were dropped. */
  dropped = 0;

  readonly #socket: DatagramSocket<A>;
  // A receive that timed out stays pending: the next call returns its datagram.
  #pending: Promise<Datagram<A>> | undefined;
  #turn: Promise<void> | undefined; // resolves when the last pending call to `receive` has ended

  /**
   * Connects a socket to one peer; {@linkcode connectDatagram} opens and connects one.
   *
   * @param socket A bound socket. Takes ownership.
   * @param remoteAddr The peer, with a numeric host in the form that `inetNtop` returns.
   */
  constructor(socket: DatagramSocket<A>, remoteAddr: A) {
    this.#socket = socket;
    this.remoteAddr = remoteAddr;
  }

  /**
   * `send(2)`: sends one datagram to the peer.
   *
   * @param message The bytes to send; may be empty.
   * @param timeout How long to wait for room at a Unix peer, in ms. Default 5000.
   * @throws Any error thrown by {@linkcode sendTo}.
   */
  async send(message: Uint8Array, timeout?: number): Promise<void> {
    await sendTo(this.#socket, message, this.remoteAddr, timeout);
  }

  /**
   * `recv(2)` with `SO_RCVTIMEO`: receives one datagram from the peer.
   *
   * Concurrent calls are serialized: the time limit of a call begins when the previous call has ended.
   *
   * @param max The limit of the message, in bytes; a longer message is truncated.
   * @param timeout The time limit, in ms.
   * @param signal Cancels the wait. Default none.
   * @returns The datagram.
   * @throws {Deno.errors.TimedOut} If no datagram arrives in time. The next call returns a datagram that
   * arrives later, with the `max` of this call.
   * @throws The signal's reason, if it aborts first. The next call returns a datagram that arrives later.
   */
  async receive(max: number, timeout: number, signal?: AbortSignal): Promise<Datagram<A>> {
    const before = this.#turn;
    const { promise, resolve: endTurn } = Promise.withResolvers<void>();
    this.#turn = promise;
    if (before !== undefined) {
      try {
        await withTimeout(before, Infinity, "", signal);
      } catch (error) {
        before.then(endTurn);
        throw error;
      }
    }
    this.#pending ??= this.#receiveFromPeer(max);
    const peer = formatAddress(this.remoteAddr);
    const message = `recv ${peer}: timed out after ${timeout / 1000} s`;
    try {
      const datagram = await withTimeout(this.#pending, timeout, message, signal);
      this.#pending = undefined;
      return datagram;
    } catch (error) {
      const isPending = error instanceof Deno.errors.TimedOut || signal?.aborted;
      if (!isPending) this.#pending = undefined;
      throw error;
    } finally {
      endTurn();
      if (this.#turn === promise) this.#turn = undefined;
    }
  }

  async #receiveFromPeer(max: number): Promise<Datagram<A>> {
    const { remoteAddr } = this;
    let normalize = (address: string) => address;
    // Only the paths of Unix sockets have several forms, and loading node:path takes 6 ms.
    if ("path" in remoteAddr) ({ normalize } = await import("node:path"));
    const peer = normalize(formatAddress(unmapAddress(remoteAddr)));
    for (;;) {
      const datagram = await recvFrom(this.#socket, max);
      if (normalize(formatAddress(datagram.from)) === peer) return datagram;
      this.dropped++;
    }
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

/** connect(2) to a wildcard address connects to loopback, where the replies come from. */
const loopback = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
  ["::ffff:0.0.0.0", "::ffff:127.0.0.1"],
]);

/**
 * `getaddrinfo(3)`, `socket(2)` and `connect(2)` for UDP: opens a datagram socket for one peer.
 *
 * As in connect(2), `0.0.0.0` and `::` stand for the loopback addresses, and require the permissions for them.
 * {@linkcode openDatagramTo} opens the socket, which requires the permission described there.
 *
 * Source: CNP3 lecture. See {@linkcode ConnectedDatagram} for an example.
 *
 * @param host A host name or a numeric address.
 * @param service A port number or a service name.
 * @returns The connected socket.
 * @throws {RangeError} If the service is unknown or the port is over 65535.
 * @throws {AddrInfoError} If the name has no address.
 * @throws {Deno.errors.NotCapable} If a permission to bind or to look up the name is not granted.
 *
 * @category Sockets
 */
export async function connectDatagram(
  host: string,
  service: string | number,
): Promise<ConnectedDatagram<Deno.NetAddr>> {
  const port = await parsePort(`${service}`, "udp");
  const [found] = await getAddrInfo(host, port, { socktype: "dgram" });
  const to: Deno.NetAddr = { ...found, hostname: loopback.get(found.hostname) ?? found.hostname };
  return new ConnectedDatagram(await openDatagramTo(to), to);
}

/**
 * `socket(2)`, `bind(2)` and `connect(2)` for Unix-domain datagrams: opens a datagram socket for one peer.
 *
 * A peer replies to the path from which a datagram was sent, so the client must bind a path.
 *
 * Source: CNP3 lecture; unix(7).
 *
 * @param path The path of the peer's socket.
 * @param own The path to bind. Its file is removed when the socket is closed.
 * @returns The connected socket.
 * @throws {Deno.errors.AddrInUse} If a live socket has the path `own`.
 * @throws {Deno.errors.NotCapable} If a permission to bind is not granted. The message also names the
 * missing permissions to send to `path`.
 * @throws Any error thrown by {@linkcode openUnixDatagram}.
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
 *
 * @category Sockets
 */
export async function connectUnixDatagram(
  path: string,
  own: string,
): Promise<ConnectedDatagram<Deno.UnixAddr>> {
  try {
    return new ConnectedDatagram(await openUnixDatagram(own), { transport: "unixpacket", path });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const needed = () => [...unixPermissions(own), ...unixSendPermissions(path)];
    throw failed("bind", nameAllMissing(error, needed), own);
  }
}
