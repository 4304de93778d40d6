/**
 * Datagram sockets, which send a datagram completely or not at all, and report truncation on receipt.
 *
 * @module
 */

import { formatAddress, mapAddress, unmapAddress } from "../address/format.ts";
import { parsePort } from "../address/services.ts";
import { failed } from "../errors.ts";
import { failedAt } from "./_failed_at.ts";
import { sendersOf } from "./_unix_senders.ts";
import { requireUnstableNet } from "./_unstable.ts";
import { nameAllMissing, unixSendPermissions } from "./permissions.ts";

/**
 * A datagram socket, UDP or Unix.
 *
 * `close` may be called twice, and removes the file of a Unix socket, which Deno's `close` leaves. The end
 * of a `using` block closes it.
 *
 * @category Sockets
 */
export type DatagramSocket<A extends Deno.Addr = Deno.Addr> =
  & Deno.DatagramConn
  & Disposable
  & { readonly addr: A };

/**
 * A datagram that {@linkcode recvFrom} received.
 *
 * @category Sockets
 */
export interface Datagram<A extends Deno.Addr = Deno.Addr> {
  /** The bytes, at most as many as the limit. May be empty: an empty datagram is not EOF. */
  message: Uint8Array<ArrayBuffer>;
  /** The sender. An IPv4 sender to a dual-stack socket has its IPv4 address. */
  from: A;
  /** Whether the datagram was longer than the limit, and was truncated (`MSG_TRUNC`). */
  truncated: boolean;
}

/**
 * Options of {@linkcode openDatagram}.
 *
 * @category Sockets
 */
export interface BindOptions {
  /** The address to bind. Default `127.0.0.1`. */
  hostname?: string;
  /**
   * `SO_REUSEADDR`: several sockets may share the port. Each receives broadcasts and the datagrams of its
   * multicast groups; the socket that was bound last receives the others. Default false.
   */
  reuseAddress?: boolean;
}

/** The sockets that share their port. A datagram from their own address may come from another program. */
export const sharedPorts: WeakSet<Pick<Deno.DatagramConn, "addr">> = new WeakSet();

/**
 * `socket(2)` and `bind(2)` for UDP: opens a datagram socket at an address.
 *
 * It may send to broadcast addresses: Deno sets `SO_BROADCAST`.
 *
 * Source: UCM lecture, UDP server; udp(7).
 *
 * @param service A port number or a service name; 0 selects a free port, which is in `addr.port`.
 * @param options See {@linkcode BindOptions}.
 * @returns The socket.
 * @throws {RangeError} If the service is unknown or the port is over 65535.
 * @throws {Deno.errors.AddrInUse} If another socket has the port.
 * @throws {Deno.errors.AddrNotAvailable} If this host does not have the address.
 * @throws {AddrInfoError} If `hostname` is a name without an address.
 * @throws {Deno.errors.NotCapable} If the permission to bind is not granted.
 * @throws {Deno.errors.NotSupported} If Deno's unstable API `net` is off.
 * @throws {Error} If it cannot bind for another reason. The message names the call, the address and the
 * cause.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDatagram, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * using a = await openDatagram(0);
 * using b = await openDatagram(0);
 * await sendTo(a, new TextEncoder().encode("hello"), b.addr);
 * const { message, from, truncated } = await recvFrom(b, 4);
 * assertEquals(new TextDecoder().decode(message), "hell");
 * assertEquals(truncated, true);
 * assertEquals(from, a.addr);
 * ```
 *
 * @category Sockets
 */
export async function openDatagram(
  service: string | number,
  options?: BindOptions,
): Promise<DatagramSocket<Deno.NetAddr>> {
  requireUnstableNet("datagrams");
  const { hostname = "127.0.0.1", reuseAddress = false } = options ?? {};
  const port = await parsePort(`${service}`, "udp");
  try {
    const socket = Deno.listenDatagram({ transport: "udp", hostname, port, reuseAddress });
    if (reuseAddress) sharedPorts.add(socket);
    return ownDatagramSocket<Deno.NetAddr>(socket);
  } catch (error) {
    throw failedAt("bind", { transport: "udp", hostname, port }, error);
  }
}

/**
 * `socket(2)`: opens a datagram socket that sends to an address, IPv4, IPv6 or Unix.
 *
 * A UDP socket is bound to a free port, on loopback if `to` is a loopback address, otherwise on the wildcard
 * address. It requires the permission to bind that address, such as `--allow-net=127.0.0.1:0`, in addition to
 * the permission to send to `to`. A Unix socket stays unbound and requires no permission; its peer cannot reply.
 *
 * Source: CNP3 lecture, `sendto`; socket(2).
 *
 * @param to The address of the receiver, with a numeric host.
 * @param options `hostname` is the address to bind. Default loopback or the wildcard address, as above.
 * @returns The socket.
 * @throws {Deno.errors.NotCapable} If the permission to bind is not granted. The message also names the
 * permission to send to `to` if that is missing.
 * @throws Any error thrown by {@linkcode openDatagram}.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDatagram, openDatagramTo, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * using receiver = await openDatagram(0);
 * using sender = await openDatagramTo(receiver.addr);
 * await sendTo(sender, new Uint8Array([7]), receiver.addr);
 * assertEquals((await recvFrom(receiver, 80)).from, sender.addr);
 * ```
 *
 * @category Sockets
 */
export async function openDatagramTo<A extends Deno.Addr>(
  to: A,
  options?: Pick<BindOptions, "hostname">,
): Promise<DatagramSocket<A>> {
  if (!("hostname" in to)) {
    requireUnstableNet("datagrams");
    // An unbound socket has no path, but Deno's type requires one.
    const unbound = { transport: "unixpacket" } as Deno.UnixListenOptions & {
      transport: "unixpacket";
    };
    return ownDatagramSocket<A>(Deno.listenDatagram(unbound));
  }
  const { hostname = hostToBind(to) } = options ?? {};
  const own: Deno.NetAddr = { transport: "udp", hostname, port: 0 };
  try {
    return await openDatagram(own.port, own) as DatagramSocket<Deno.Addr> as DatagramSocket<A>;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const needed = () =>
      [own, to].map((address) => ({ name: "net", host: formatAddress(address) } as const));
    throw failed("bind", nameAllMissing(error, needed), formatAddress(own));
  }
}

/** Returns the address to bind for sending to a peer. */
function hostToBind({ hostname }: Deno.NetAddr): string {
  if (hostname.includes(":")) return hostname === "::1" ? "::1" : "::";
  return hostname.startsWith("127.") ? "127.0.0.1" : "0.0.0.0";
}

/**
 * Converts a `Deno.DatagramConn` to a {@linkcode DatagramSocket}.
 *
 * @param socket The socket. Takes ownership.
 * @param onClose Called once, after the socket was closed.
 * @returns The same socket, with a `close` that may be called twice.
 */
export function ownDatagramSocket<A extends Deno.Addr>(
  socket: Deno.DatagramConn,
  onClose?: () => void,
): DatagramSocket<A> {
  let isOpen = true;
  const systemClose = socket.close.bind(socket);
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    systemClose();
    onClose?.();
  };
  const owned: DatagramSocket = Object.assign(socket, { close, [Symbol.dispose]: close });
  return owned as DatagramSocket<A>; // the caller opened the socket, and knows the type of its address
}

/**
 * `recvfrom(2)` with `MSG_TRUNC`: receives one datagram.
 *
 * Source: UCM lecture; recvfrom(2). See {@linkcode openDatagram} for an example.
 *
 * @param socket The datagram socket, UDP or Unix.
 * @param max The limit of the message, in bytes; a longer message is truncated.
 * @returns The datagram.
 * @throws {RangeError} If `max` is negative or not an integer.
 * @throws Any error thrown by the socket's `receive`: `Deno.errors.BadResource` or `Deno.errors.Interrupted` if
 * the socket is closed.
 *
 * @category Sockets
 */
export async function recvFrom<A extends Deno.Addr>(
  socket: Deno.DatagramConn & { readonly addr: A },
  max: number,
): Promise<Datagram<A>> {
  checkLength(max);
  // Deno cannot receive on a Unix socket while a send is pending.
  if (socket.addr.transport === "unixpacket") await sendersOf(socket).pending;
  // The system truncates a datagram to the buffer without an error: one more byte of room detects that.
  const [received, from] = await socket.receive(new Uint8Array(max + 1));
  const truncated = received.length > max;
  // The buffer was allocated here, so it is not shared.
  const message = received.subarray(0, max) as Uint8Array<ArrayBuffer>;
  // The sender has an address of the same kind as the socket.
  return { message, from: unmapAddress(from) as A, truncated };
}

/**
 * `sendto(2)`: sends one datagram, completely or not at all.
 *
 * A Unix peer has a receive queue, of 11 messages on most systems (`net.unix.max_dgram_qlen`). While it is
 * full, `sendTo` waits for room, as with `SO_SNDTIMEO`. If the timeout expires first, the message is not sent.
 * An empty message cannot be cancelled: the peer may receive it later.
 *
 * Source: UCM and CNP3 lectures; sendto(2). See {@linkcode openDatagram} for an example.
 *
 * @param socket The datagram socket, UDP or Unix.
 * @param message The bytes to send; may be empty.
 * @param to The address of the receiver.
 * @param timeout How long to wait for room at a Unix peer, in ms. Default 5000.
 * @throws {Deno.errors.WouldBlock} If a Unix peer has no room in that time (`EAGAIN`).
 * @throws {RangeError} If the message is longer than a datagram can be (`EMSGSIZE`). Nothing is sent.
 * @throws {AddrInfoError} If the host of `to` is a name without an address.
 * @throws {Error} If it cannot be sent for another reason. The message names the call, the address and
 * the cause.
 *
 * @category Sockets
 */
export async function sendTo(
  socket: Deno.DatagramConn,
  message: Uint8Array,
  to: Deno.Addr,
  timeout?: number,
): Promise<void> {
  timeout ??= 5000;
  try {
    if (to.transport === "unixpacket") await sendersOf(socket).send(message, to, timeout);
    else await socket.send(message, mapFor(socket.addr, to));
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("Message too long")) {
      const cause = `a message of ${message.length} bytes is too long, ${limitOf(to)}`;
      throw new RangeError(`sendto ${formatAddress(to)}: ${cause}`, { cause: error });
    }
    const needed = () => "path" in to ? unixSendPermissions(to.path) : [];
    throw failedAt("sendto", to, nameAllMissing(error, needed));
  }
}

/** Converts an address to the family of the socket: an IPv4 address to IPv4-mapped for an IPv6 socket. */
function mapFor(own: Deno.Addr, to: Deno.Addr): Deno.Addr {
  return "hostname" in own && own.hostname.includes(":") ? mapAddress(to) : to;
}

/** Describes the limit of a datagram to an address: 65,535 bytes less the headers that count towards it. */
function limitOf(to: Deno.Addr): string {
  if (!("hostname" in to)) return "the limit is the socket's send buffer";
  const isV6 = unmapAddress(to).hostname.includes(":");
  return `the limit is ${isV6 ? 65535 - 8 : 65535 - 8 - 20} bytes`;
}

/** Rejects a limit that is not a number of bytes. */
export function checkLength(max: number): void {
  if (Number.isInteger(max) && max >= 0) return;
  throw new RangeError(`recvfrom: ${max} is not a number of bytes`);
}
