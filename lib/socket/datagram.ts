/**
 * Datagrams: sent whole or not at all, and received with word of what was cut off.
 *
 * @module
 */

import { formatAddress, unmapAddress } from "../address/format.ts";
import { closable, type DatagramSocket, type Unlinkable } from "./_closable.ts";
import { failed, isClosed } from "../errors.ts";
import { failedAt } from "./_failed_at.ts";
import { logError, report } from "../io/log_error.ts";
import { isUnanswerable, sharedPorts } from "./_own_address.ts";
import { refused, unixSendPermissions } from "./_refused.ts";
import { parsePort } from "../address/services.ts";
import { sendersOf } from "./_unix_senders.ts";
import { requireUnstableNet } from "./_unstable.ts";

export type { DatagramSocket };

/** A datagram that {@linkcode recvFrom} received. */
export interface Datagram {
  /** Its bytes, as many as the limit allows; none at all is a message like any other. */
  message: Uint8Array<ArrayBuffer>;
  /** Who sent it. */
  from: Deno.Addr;
  /** Whether it was longer than the limit and the rest is lost (`MSG_TRUNC`). */
  truncated: boolean;
}

/** How {@linkcode openDatagram} binds. */
export interface DatagramOptions {
  /** The address to bind. Default `127.0.0.1`. */
  hostname?: string;
  /**
   * `SO_REUSEADDR`: several sockets may share the port. Each receives what is broadcast or sent to its
   * multicast group; of the rest, the one that was bound last receives everything. Default false.
   */
  reuseAddress?: boolean;
}

/**
 * `socket(2)` and `bind(2)` for UDP: opens a datagram socket at an address.
 *
 * It may send to broadcast addresses: Deno sets `SO_BROADCAST`.
 *
 * @param service A port number or a service's name; 0 takes a free port, which `addr.port` tells.
 * @param options See {@linkcode DatagramOptions}.
 * @returns The socket.
 * @throws {RangeError} If the service is neither.
 * @throws {Deno.errors.AddrInUse} If another socket has the port.
 * @throws {Deno.errors.AddrNotAvailable} If the address is not this host's.
 * @throws {AddrInfoError} If it is a name that has no address.
 * @throws {Deno.errors.NotCapable} If the program may not bind there.
 * @throws {Deno.errors.NotSupported} If Deno's unstable API `net` is off.
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
 * using a = await openDatagram(0);
 * using b = await openDatagram(0);
 * await sendTo(a, new TextEncoder().encode("hello"), b.addr);
 * const { message, from, truncated } = await recvFrom(b, 4);
 * assertEquals(new TextDecoder().decode(message), "hell");
 * assertEquals(truncated, true);
 * assertEquals(from, a.addr);
 * ```
 */
export async function openDatagram(
  service: string | number,
  options: DatagramOptions = {},
): Promise<DatagramSocket> {
  requireUnstableNet("datagrams");
  const { hostname = "127.0.0.1", reuseAddress = false } = options;
  const port = await parsePort(`${service}`, "udp");
  try {
    const socket = Deno.listenDatagram({ transport: "udp", hostname, port, reuseAddress });
    if (reuseAddress) sharedPorts.add(socket);
    return closable(socket);
  } catch (error) {
    throw failedAt("bind", { transport: "udp", hostname, port }, error);
  }
}

/**
 * `socket(2)`: opens a datagram socket to send to an address from, IPv4, IPv6 or Unix.
 *
 * UDP sockets are bound to a free port, on loopback if that is where the address is. To Deno this is an
 * address like any other: the program needs the permission for `127.0.0.1:0` (or `[::1]:0`, `0.0.0.0:0`,
 * `[::]:0`) beside the one for where it sends. A Unix socket stays unbound, needs no permission, and
 * cannot be answered.
 *
 * @param to Where the datagrams will go, with a numeric host.
 * @param hostname The address to bind. Default loopback if that is where `to` is, else the wildcard.
 * @returns The socket.
 * @throws {Deno.errors.NotCapable} If the program may not bind. The message also names the permission to
 * send to `to` if that is missing.
 * @throws What {@linkcode openDatagram} throws.
 *
 * Source: CNP3 lecture, `sendto`; socket(2).
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
 */
export async function openDatagramTo(to: Deno.Addr, hostname?: string): Promise<DatagramSocket> {
  if (!("hostname" in to)) {
    requireUnstableNet("datagrams");
    // An unbound socket has no path, though Deno's type asks for one.
    const unbound = { transport: "unixpacket" } as Deno.UnixListenOptions & {
      transport: "unixpacket";
    };
    return closable(Deno.listenDatagram(unbound));
  }
  const own: Deno.NetAddr = { transport: "udp", hostname: hostname ?? ownHost(to), port: 0 };
  try {
    return await openDatagram(own.port, own);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    const needed = () =>
      [own, to].map((address) => ({ name: "net", host: formatAddress(address) } as const));
    throw failed("bind", refused(error, needed), formatAddress(own));
  }
}

/** The address to bind that reaches another. */
function ownHost({ hostname }: Deno.NetAddr): string {
  if (hostname.includes(":")) return hostname === "::1" ? "::1" : "::";
  return hostname.startsWith("127.") ? "127.0.0.1" : "0.0.0.0";
}

/**
 * `recvfrom(2)` with `MSG_TRUNC`: receives one datagram.
 *
 * @param socket A datagram socket, UDP or Unix.
 * @param max The longest message to receive whole, in bytes.
 * @returns The message, its sender, and whether there was more of it than `max` bytes.
 * @throws {RangeError} If `max` is no integer from 0.
 * @throws What the socket's `receive` throws, `Deno.errors.BadResource` or `Deno.errors.Interrupted`
 * once it is closed.
 *
 * Source: UCM lecture; recvfrom(2). See {@linkcode openDatagram} for an example.
 */
export async function recvFrom(socket: Deno.DatagramConn, max: number): Promise<Datagram> {
  checkLength(max);
  // Deno does not receive on a Unix socket while it sends.
  if (socket.addr.transport === "unixpacket") await sendersOf(socket).pending;
  // The system cuts a datagram to the buffer without a word; room for a byte more tells.
  const [received, from] = await socket.receive(new Uint8Array(max + 1));
  const truncated = received.length > max;
  // The buffer is ours, so it is no shared one.
  const message = received.subarray(0, max) as Uint8Array<ArrayBuffer>;
  return { message, from, truncated };
}

/** How long no datagram must come after `signal` for the queue to count as empty, in ms. */
const QUIET = 50;

/** How long datagrams are received after `signal`, in ms, as long as there are any. */
const GRACE = 5000;

/** How {@linkcode datagrams} goes on and ends. */
export interface DatagramsOptions {
  /** When it aborts, the loop yields what has come already, and ends. Default: the owner ends it. */
  signal?: AbortSignal;
  /**
   * Called with each error of receiving, and once if datagrams are dropped; the loop goes on. Default
   * {@linkcode logError}.
   */
  onError?: (error: Error) => void;
}

/**
 * `recvfrom(2)`, in a loop: yields one datagram after another.
 *
 * Several such loops may run over one UDP socket: each datagram goes to one of those that wait.
 *
 * A datagram from port 0 or from the socket's own address is dropped: the first cannot be answered, and a
 * server that answered the second would answer itself in a loop. (Where several sockets share a port, by
 * `reuseAddress`, the second may be another program's, and is not dropped.) Two servers that answer every
 * datagram can still be made to answer each other, by a datagram sent to one in the other's name.
 *
 * When `signal` aborts, a Unix-domain socket's file is removed. The socket stays open, so that what was received can still be answered. The loop
 * yields what is queued in the socket, until nothing comes for 50 ms, for 5 s at most, and ends. The
 * socket must be closed then: a receive may be pending on it.
 *
 * @param socket A datagram socket, UDP or Unix.
 * @param max The longest message to receive whole, in bytes.
 * @param options See {@linkcode DatagramsOptions}.
 * @returns The datagrams. The loop ends after `signal`, or when the socket is closed.
 * @throws {RangeError} If `max` is no integer from 0.
 *
 * Source: UCM lecture, UDP server; recvfrom(2).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { datagrams, openDatagram, openDatagramTo, sendTo } from "@deno-sockets/samples";
 *
 * const server = await openDatagram(0);
 * using client = await openDatagramTo(server.addr);
 * await sendTo(client, new TextEncoder().encode("hello"), server.addr);
 * for await (const { message, from } of datagrams(server, 80)) {
 *   assertEquals(new TextDecoder().decode(message), "hello");
 *   assertEquals(from, client.addr);
 *   server.close(); // ends the loop
 * }
 * ```
 */
export async function* datagrams(
  socket: DatagramSocket,
  max: number,
  options: DatagramsOptions = {},
): AsyncGenerator<Datagram, void, void> {
  const { signal, onError = logError } = options;
  checkLength(max);
  let end = Infinity;
  let giveUp: (() => void) | undefined; // what ends the wait for a datagram
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expire = () => {
    clearTimeout(timer);
    // However late the first timer is, the loop looks at the socket before the second one.
    timer = setTimeout(() => timer = setTimeout(() => giveUp?.(), QUIET / 2), QUIET / 2);
  };
  /** Receives a datagram; after `signal`, one that comes within a moment, or else null. */
  const next = (): Promise<Datagram | null> => {
    const { promise, resolve, reject } = Promise.withResolvers<Datagram | null>();
    giveUp = () => resolve(null);
    if (end < Infinity) expire();
    recvFrom(socket, max).then(resolve, reject);
    return promise;
  };
  const stop = () => {
    end = performance.now() + GRACE;
    (socket as Partial<Unlinkable>).unlink?.();
    expire();
  };

  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  let hasDropped = false;
  try {
    while (end === Infinity || performance.now() < end) {
      let datagram: Datagram | null;
      try {
        datagram = await next();
        if (end < Infinity) clearTimeout(timer);
      } catch (error) {
        if (isClosed(error)) return;
        report(onError, failed("recvfrom", error));
        await new Promise((resolve) => setImmediate(resolve)); // timers and signals go on
        continue;
      }
      if (datagram === null) return;
      const drop = isUnanswerable(datagram.from, socket);
      if (drop === false || !await drop) {
        yield datagram;
      } else if (!hasDropped) {
        hasDropped = true;
        const cause = "dropped, a reply would go nowhere or to this socket (reported once)";
        report(onError, new Error(`recvfrom ${formatAddress(datagram.from)}: ${cause}`));
      }
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/**
 * `sendto(2)`: sends one datagram, whole.
 *
 * A Unix peer has a queue, of 11 messages on most systems (`net.unix.max_dgram_qlen`). While it is full,
 * `sendTo` waits for room, as with `SO_SNDTIMEO`. Nothing is sent if the time is over first, but for an
 * empty message, which cannot be taken back: the peer may receive it later.
 *
 * @param socket A datagram socket, UDP or Unix.
 * @param message Its bytes, of which there may be none.
 * @param to Who is to receive it.
 * @param timeout How long to wait for room at a Unix peer, in ms. Default 5000.
 * @throws {Deno.errors.WouldBlock} If a Unix peer has no room for so long (`EAGAIN`).
 * @throws {RangeError} If the message is longer than a datagram can be (`EMSGSIZE`); nothing is sent.
 * @throws {AddrInfoError} If `to` has a name for a host that has no address.
 * @throws {Error} In any other case in which it cannot be sent. The message names the call, the
 * address and the cause.
 *
 * Source: UCM and CNP3 lectures; sendto(2). See {@linkcode openDatagram} for an example.
 */
export async function sendTo(
  socket: Deno.DatagramConn,
  message: Uint8Array,
  to: Deno.Addr,
  timeout: number = 5000,
): Promise<void> {
  try {
    if (to.transport === "unixpacket") await sendersOf(socket).send(message, to, timeout);
    else await socket.send(message, to);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("Message too long")) {
      const cause = `a message of ${message.length} bytes is too long, ${limitOf(to)}`;
      throw new RangeError(`sendto ${formatAddress(to)}: ${cause}`, { cause: error });
    }
    const needed = () => "path" in to ? unixSendPermissions(to.path) : [];
    throw failedAt("sendto", to, refused(error, needed));
  }
}

/** How much a datagram to an address can carry: 65535 bytes less the headers that count among them. */
function limitOf(to: Deno.Addr): string {
  if (!("hostname" in to)) return "the limit is the socket's send buffer";
  const isV6 = unmapAddress(to).hostname.includes(":");
  return `the limit is ${isV6 ? 65535 - 8 : 65535 - 8 - 20} bytes`;
}

function checkLength(max: number): void {
  if (Number.isInteger(max) && max >= 0) return;
  throw new RangeError(`recvfrom: ${max} is not a number of bytes`);
}
