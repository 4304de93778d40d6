/**
 * Sockets: creates, binds, connects and accepts them, and sets their options.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import {
  AF_UNIX,
  O_CLOEXEC,
  O_NONBLOCK,
  SO_TYPE,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from "./constants.ts";
import { Descriptor } from "./descriptor.ts";
import { EAGAIN, EINPROGRESS, errnoError } from "./errno.ts";
import { errno, errnoAddress, errnoCell, libc } from "./libc.ts";
import { AddressBuffer, encodeSockaddr } from "./sockaddr.ts";

/** Flags of socket(2) and accept4(2): `SOCK_CLOEXEC | SOCK_NONBLOCK`, which have the values of `open`. */
const FLAGS = O_CLOEXEC | O_NONBLOCK;

const addressBuffer = new AddressBuffer();

/**
 * `socket(2)`: creates a socket, non-blocking and close-on-exec.
 *
 * Source: UCM lecture; socket(2).
 *
 * @param family The address family: `AF_INET`, `AF_INET6` or `AF_UNIX`.
 * @param type The type: `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_SEQPACKET` or `SOCK_RAW`.
 * @param protocol The protocol. Default 0, the usual one: TCP or UDP.
 * @returns The socket.
 * @throws {PosixError} `EMFILE` if no descriptor is free, `EPERM` for a raw socket without the privilege.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { AF_INET, bind, getsockname, listen, SOCK_STREAM, socket } from "@deno-sockets/samples/posix";
 *
 * using listener = socket(AF_INET, SOCK_STREAM);
 * bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
 * listen(listener, 5);
 * assertEquals(getsockname(listener).transport, "tcp");
 * ```
 *
 * @category Sockets
 */
export function socket(family: number, type: number, protocol?: number): Descriptor {
  const sys = libc();
  const fd = sys.socket(family, type | FLAGS, protocol ?? 0);
  if (fd === -1) throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "socket");
  return new Descriptor(fd);
}

/**
 * `socketpair(2)`: creates two connected Unix-domain sockets, non-blocking and close-on-exec.
 *
 * Source: socketpair(2).
 *
 * @param type The type: `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`.
 * @returns The two sockets.
 * @throws {PosixError} `EMFILE` if fewer than two descriptors are free.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { recv, send, SOCK_STREAM, socketpair } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * assertEquals(send(left, new Uint8Array([1, 2, 3])), 3);
 * assertEquals(recv(right, new Uint8Array(8)), 3);
 * ```
 *
 * @category Sockets
 */
export function socketpair(type: number): [Descriptor, Descriptor] {
  const pair = new Int32Array(2);
  const sys = libc();
  if (sys.socketpair(AF_UNIX, type | FLAGS, 0, pair) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "socketpair");
  }
  const [first = -1, second = -1] = pair;
  return [new Descriptor(first), new Descriptor(second)];
}

/**
 * `bind(2)`: assigns a local address to a socket.
 *
 * For a Unix-domain path, it creates a file, which closing the socket does not remove: the caller must remove it. A
 * link-local address of IPv6 cannot be bound, because a `Deno.Addr` has no scope id (`EINVAL`).
 *
 * Source: UCM lecture; bind(2). See {@linkcode socket} for an example.
 *
 * @param socket The socket.
 * @param address The address, with a numeric host. A Unix-domain path that begins with a NUL is abstract; for the
 * path "" the system chooses an abstract one.
 * @throws {PosixError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` for a privileged port.
 * @throws {TypeError} If the host is not numeric.
 *
 * @category Sockets
 */
export function bind(socket: Descriptor, address: Deno.Addr): void {
  const sockaddr = encodeSockaddr(address);
  const sys = libc();
  if (sys.bind(socket.fd, sockaddr, sockaddr.length) === -1) {
    throw errnoError(
      errno(sys.saveErrno(errnoCell, errnoAddress, 4)),
      "bind",
      formatAddress(address),
    );
  }
}

/**
 * `listen(2)`: makes a socket a listening socket.
 *
 * Source: UCM lecture; listen(2). See {@linkcode socket} for an example.
 *
 * @param socket The socket, of a type with connections.
 * @param backlog The maximum number of clients that wait to be accepted, limited by the system.
 * @throws {PosixError} `EADDRINUSE` if the socket is not bound and no port is free.
 *
 * @category Sockets
 */
export function listen(socket: Descriptor, backlog: number): void {
  const sys = libc();
  if (sys.listen(socket.fd, backlog) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "listen");
  }
}

/**
 * A connection that {@linkcode accept} returns.
 *
 * @category Sockets
 */
export interface Accepted {
  /** The connected socket. The caller must close it. */
  socket: Descriptor;
  /** The client's address. A Unix-domain path that is not UTF-8 has U+FFFD, and does not name the client's socket. */
  peer: Deno.Addr;
}

/**
 * `accept4(2)`: accepts the first connection of the backlog, non-blocking and close-on-exec.
 *
 * Source: UCM lecture; accept(2). See {@linkcode socket} for an example.
 *
 * @param listener The listening socket.
 * @returns The connection and the client's address; `null` if the backlog is empty (`EAGAIN`).
 * @throws {PosixError} `EMFILE`, `ENFILE`, `ENOBUFS` or `ENOMEM` if resources are exhausted; `ECONNABORTED` if the
 * client has reset the connection.
 *
 * @category Sockets
 */
export function accept(listener: Descriptor): Accepted | null {
  const { bytes, length } = addressBuffer.reset();
  const sys = libc();
  const fd = sys.accept4(listener.fd, bytes, length, FLAGS);
  if (fd === -1) {
    const error = errno(sys.saveErrno(errnoCell, errnoAddress, 4));
    if (error === EAGAIN) return null;
    throw errnoError(error, "accept");
  }
  return { socket: new Descriptor(fd), peer: addressBuffer.decode(true) };
}

/**
 * `connect(2)`: connects a socket, or sets the peer of a datagram socket.
 *
 * A non-blocking stream socket connects in the background. When `poll` or a {@linkcode Poller} reports that it
 * can send, the option `SO_ERROR` holds the result. A link-local address of IPv6 cannot be connected to, because a
 * `Deno.Addr` has no scope id (`EINVAL`).
 *
 * Source: UCM lecture; connect(2). See {@linkcode socket} for an example.
 *
 * @param socket The socket.
 * @param address The peer's address, with a numeric host.
 * @returns 0 if the socket is connected; `-EINPROGRESS` if it is connecting; `-EAGAIN` if the backlog of a
 * Unix-domain server is full.
 * @throws {PosixError} `ECONNREFUSED`, `ENETUNREACH`, and others.
 * @throws {TypeError} If the host is not numeric.
 *
 * @category Sockets
 */
export function connect(socket: Descriptor, address: Deno.Addr): number {
  const sockaddr = encodeSockaddr(address);
  const sys = libc();
  if (sys.connect(socket.fd, sockaddr, sockaddr.length) === 0) return 0;
  const error = errno(sys.saveErrno(errnoCell, errnoAddress, 4));
  if (error === EINPROGRESS || error === EAGAIN) return -error;
  throw errnoError(error, "connect", formatAddress(address));
}

/**
 * `getsockname(2)`: returns the local address of a socket.
 *
 * Source: getsockname(2). See {@linkcode socket} for an example.
 *
 * @param socket The socket.
 * @returns The address; port 0 or the path "" if it is not bound. A path that is not UTF-8 has U+FFFD, and does not
 * name the socket.
 * @throws {PosixError} `EBADF`, `ENOTSOCK`.
 *
 * @category Sockets
 */
export function getsockname(socket: Descriptor): Deno.Addr {
  const { bytes, length } = addressBuffer.reset();
  const sys = libc();
  if (sys.getsockname(socket.fd, bytes, length) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "getsockname");
  }
  return addressBuffer.decode(isStream(socket));
}

/**
 * `getpeername(2)`: returns the address of the peer.
 *
 * Source: getpeername(2). See {@linkcode socket} for an example.
 *
 * @param socket The connected socket.
 * @returns The peer's address; the path "" if it is not bound. A path that is not UTF-8 has U+FFFD, and does not
 * name the peer's socket.
 * @throws {PosixError} `ENOTCONN` if the socket is not connected, or the peer has reset the connection.
 *
 * @category Sockets
 */
export function getpeername(socket: Descriptor): Deno.Addr {
  const { bytes, length } = addressBuffer.reset();
  const sys = libc();
  if (sys.getpeername(socket.fd, bytes, length) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "getpeername");
  }
  return addressBuffer.decode(isStream(socket));
}

function isStream(socket: Descriptor): boolean {
  const type = getsockopt(socket, SOL_SOCKET, SO_TYPE);
  return type === SOCK_STREAM || type === SOCK_SEQPACKET;
}

const intValue = new Int32Array(1);
const optionLength = new Uint32Array(1);

/**
 * `getsockopt(2)`: returns an option of a socket whose value is an `int`.
 *
 * Source: UCM lecture; getsockopt(2), socket(7), tcp(7), ip(7), ipv6(7).
 *
 * @param socket The socket.
 * @param level The level, such as `SOL_SOCKET` or `IPPROTO_TCP`.
 * @param option The option, such as `SO_ERROR`.
 * @returns The value; 0 or 1 for a boolean option.
 * @throws {PosixError} `ENOPROTOOPT` if the socket has no such option; `ENOTCONN` if the option requires a connection.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { AF_INET, getsockopt, SO_TYPE, SOCK_DGRAM, socket, SOL_SOCKET } from "@deno-sockets/samples/posix";
 *
 * using descriptor = socket(AF_INET, SOCK_DGRAM);
 * assertEquals(getsockopt(descriptor, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
 * ```
 *
 * @category Options
 */
export function getsockopt(socket: Descriptor, level: number, option: number): number {
  intValue[0] = 0; // some options of IP store a single byte, or nothing
  optionLength[0] = 4;
  const sys = libc();
  if (sys.getsockopt(socket.fd, level, option, intValue, optionLength) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "getsockopt");
  }
  return intValue[0] ?? 0;
}

/**
 * `getsockopt(2)`: returns an option of a socket whose value is a structure.
 *
 * Source: getsockopt(2).
 *
 * @param socket The socket.
 * @param level The level, such as `SOL_SOCKET` or `IPPROTO_TCP`.
 * @param option The option, such as `SO_LINGER` or `TCP_INFO`.
 * @param size The maximum size of the structure, in bytes.
 * @returns The structure, with the length that the kernel stored.
 * @throws {PosixError} `ENOPROTOOPT` if the socket has no such option.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { AF_INET, getsockoptBytes, SO_LINGER, SOCK_STREAM, socket, SOL_SOCKET } from "@deno-sockets/samples/posix";
 *
 * using descriptor = socket(AF_INET, SOCK_STREAM);
 * assertEquals(getsockoptBytes(descriptor, SOL_SOCKET, SO_LINGER, 8), new Uint8Array(8));
 * ```
 *
 * @category Options
 */
export function getsockoptBytes(
  socket: Descriptor,
  level: number,
  option: number,
  size: number,
): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(size);
  optionLength[0] = size;
  const sys = libc();
  if (sys.getsockopt(socket.fd, level, option, value, optionLength) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "getsockopt");
  }
  return value.subarray(0, optionLength[0]);
}

/**
 * `setsockopt(2)`: sets an option of a socket.
 *
 * Source: UCM lecture; setsockopt(2), socket(7), tcp(7), ip(7), ipv6(7).
 *
 * @param socket The socket.
 * @param level The level, such as `SOL_SOCKET` or `IPPROTO_TCP`.
 * @param option The option, such as `SO_REUSEADDR`.
 * @param value The value: an `int`, 0 or 1 for a boolean option, or the bytes of a structure.
 * @throws {PosixError} `ENOPROTOOPT` if the socket has no such option, `EINVAL` for an invalid value.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   AF_INET, getsockopt, SO_REUSEADDR, SOCK_STREAM, socket, SOL_SOCKET, setsockopt,
 * } from "@deno-sockets/samples/posix";
 *
 * using descriptor = socket(AF_INET, SOCK_STREAM);
 * setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
 * assertEquals(getsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR), 1);
 * ```
 *
 * @category Options
 */
export function setsockopt(
  socket: Descriptor,
  level: number,
  option: number,
  value: number | Uint8Array<ArrayBuffer>,
): void {
  if (typeof value === "number") intValue[0] = value;
  const bytes = typeof value === "number" ? intValue : value;
  const sys = libc();
  if (sys.setsockopt(socket.fd, level, option, bytes, bytes.byteLength) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "setsockopt");
  }
}

/**
 * `shutdown(2)`: shuts down one or both directions of a connection.
 *
 * Source: Stallings lecture; shutdown(2). See {@linkcode socket} for an example.
 *
 * @param socket The connected socket.
 * @param how `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`.
 * @throws {PosixError} `ENOTCONN` if the socket is not connected.
 *
 * @category Sockets
 */
export function shutdown(socket: Descriptor, how: number): void {
  const sys = libc();
  if (sys.shutdown(socket.fd, how) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "shutdown");
  }
}

/**
 * `sockatmark(3)`: reports whether the next byte of the stream is the urgent one: the out-of-band mark.
 *
 * Source: sockatmark(3), tcp(7).
 *
 * @param socket The connected TCP socket.
 * @returns Whether the socket is at the out-of-band mark.
 * @throws {PosixError} `EBADF`, `ENOTTY` if it is not a socket.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   accept, AF_INET, bind, connect, getsockname, listen, MSG_OOB, poll, POLLIN, POLLPRI, recv, send, SOCK_STREAM,
 *   sockatmark, socket,
 * } from "@deno-sockets/samples/posix";
 *
 * using listener = socket(AF_INET, SOCK_STREAM);
 * bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
 * listen(listener, 5);
 * using client = socket(AF_INET, SOCK_STREAM);
 * connect(client, getsockname(listener));
 * await poll([{ descriptor: listener, events: POLLIN }]);
 * using server = accept(listener)?.socket ?? client;
 *
 * send(client, new Uint8Array([1]), MSG_OOB);
 * await poll([{ descriptor: server, events: POLLPRI }]);
 * assertEquals(sockatmark(server), true);
 * assertEquals(recv(server, new Uint8Array(1), MSG_OOB), 1);
 * ```
 *
 * @category Transfers
 */
export function sockatmark(socket: Descriptor): boolean {
  const sys = libc();
  const result = sys.sockatmark(socket.fd);
  if (result === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "sockatmark");
  }
  return result === 1;
}
