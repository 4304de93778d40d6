/**
 * Sends and receives on sockets.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import type { Descriptor } from "./descriptor.ts";
import { EAGAIN, errnoError } from "./errno.ts";
import { errno, errnoAddress, errnoCell, libc } from "./libc.ts";
import { AddressBuffer, encodeSockaddr } from "./sockaddr.ts";

const addressBuffer = new AddressBuffer();

/** Handles a result of -1: returns `-EAGAIN`, or throws. Call it immediately, because it reads errno. */
export function wouldBlock(saved: bigint, syscall: string): number {
  const error = errno(saved);
  if (error === EAGAIN) return -EAGAIN;
  throw errnoError(error, syscall);
}

/**
 * `recv(2)`: receives bytes, or a datagram.
 *
 * Source: UCM lecture; recv(2).
 *
 * @param socket The connected socket.
 * @param buffer The buffer to fill. A longer datagram is truncated.
 * @param flags Flags such as `MSG_PEEK | MSG_OOB`. Default 0.
 * @returns The number of bytes; 0 at EOF, and for an empty datagram; `-EAGAIN` if nothing has arrived.
 * @throws {PosixError} `ECONNRESET` if the peer reset the connection; `ECONNREFUSED` on a datagram socket whose
 * peer does not exist.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { EAGAIN, recv, send, SOCK_STREAM, socketpair } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * const buffer = new Uint8Array(8);
 * assertEquals(recv(right, buffer), -EAGAIN);
 * send(left, new Uint8Array([1, 2, 3]));
 * assertEquals(recv(right, buffer), 3);
 * ```
 *
 * @category Transfers
 */
export function recv(socket: Descriptor, buffer: Uint8Array<ArrayBuffer>, flags?: number): number {
  const sys = libc();
  const size = sys.recv(socket.fd, buffer, buffer.length, flags ?? 0);
  return size === -1 ? wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "recv") : size;
}

/**
 * `send(2)`: sends bytes, or a datagram.
 *
 * Source: UCM lecture; send(2). See {@linkcode recv} for an example.
 *
 * @param socket The connected socket.
 * @param bytes The bytes.
 * @param flags Flags such as `MSG_OOB | MSG_MORE`. Default 0.
 * @returns The number of bytes sent, which may be less than all; `-EAGAIN` if the system's buffer has no room.
 * @throws {PosixError} `EPIPE` or `ECONNRESET` if the connection has ended; `EMSGSIZE` for a datagram that is too
 * long, which is not sent; `ECONNREFUSED` on a datagram socket whose peer does not exist.
 *
 * @category Transfers
 */
export function send(socket: Descriptor, bytes: Uint8Array<ArrayBuffer>, flags?: number): number {
  const sys = libc();
  const size = sys.send(socket.fd, bytes, bytes.length, flags ?? 0);
  return size === -1 ? wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "send") : size;
}

/**
 * A datagram that {@linkcode recvfrom} received.
 *
 * @category Transfers
 */
export interface Received {
  /** The number of bytes in the buffer. With `MSG_TRUNC`, the length of the datagram. */
  size: number;
  /**
   * The sender's address; `undefined` if there is none: from a Unix-domain socket that is not bound, and on a
   * connected stream socket. A path that is not UTF-8 has U+FFFD, and does not name the sender's socket. The scope id
   * of a link-local address of IPv6 is missing.
   */
  from: Deno.Addr | undefined;
}

/**
 * `recvfrom(2)`: receives a datagram and its sender's address.
 *
 * Source: UCM lecture; recvfrom(2). See {@linkcode sendto} for an example.
 *
 * @param socket The datagram socket.
 * @param buffer The buffer to fill. A longer datagram is truncated.
 * @param flags Flags such as `MSG_PEEK | MSG_TRUNC`. Default 0.
 * @returns The size and the sender; `null` if no datagram has arrived (`EAGAIN`).
 * @throws {PosixError} `ECONNREFUSED` if the peer of a connected socket does not exist.
 *
 * @category Transfers
 */
export function recvfrom(
  socket: Descriptor,
  buffer: Uint8Array<ArrayBuffer>,
  flags?: number,
): Received | null {
  const { bytes, length } = addressBuffer.reset();
  const sys = libc();
  const size = sys.recvfrom(socket.fd, buffer, buffer.length, flags ?? 0, bytes, length);
  if (size === -1) {
    wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "recvfrom");
    return null;
  }
  return { size, from: length[0] === 0 ? undefined : addressBuffer.decode(false) };
}

/**
 * `sendto(2)`: sends a datagram to an address.
 *
 * A `Deno.Addr` has no scope id: for a link-local address of IPv6, the system chooses the interface, which may be the
 * wrong one. A {@linkcode MessageBatch} keeps the scope ids of the senders.
 *
 * Source: UCM lecture; sendto(2).
 *
 * @param socket The datagram socket.
 * @param message The message. May be empty.
 * @param to The address, with a numeric host.
 * @param flags Flags. Default 0.
 * @returns The number of bytes sent, always all; `-EAGAIN` if there is no room, or the queue of a Unix-domain peer is
 * full.
 * @throws {PosixError} `EMSGSIZE` if the message is too long, and is not sent; `ECONNREFUSED` or `ENOENT` if a
 * Unix-domain peer does not exist.
 * @throws {TypeError} If the host is not numeric.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   AF_INET, bind, getsockname, recvfrom, sendto, SOCK_DGRAM, socket,
 * } from "@deno-sockets/samples/posix";
 *
 * using receiver = socket(AF_INET, SOCK_DGRAM);
 * bind(receiver, { transport: "udp", hostname: "127.0.0.1", port: 0 });
 * using sender = socket(AF_INET, SOCK_DGRAM);
 * sendto(sender, new TextEncoder().encode("hello"), getsockname(receiver));
 * assertEquals(recvfrom(receiver, new Uint8Array(80))?.size, 5);
 * ```
 *
 * @category Transfers
 */
export function sendto(
  socket: Descriptor,
  message: Uint8Array<ArrayBuffer>,
  to: Deno.Addr,
  flags?: number,
): number {
  const sockaddr = encodeSockaddr(to);
  const sys = libc();
  const size = sys.sendto(
    socket.fd,
    message,
    message.length,
    flags ?? 0,
    sockaddr,
    sockaddr.length,
  );
  if (size !== -1) return size;
  const error = errno(sys.saveErrno(errnoCell, errnoAddress, 4));
  if (error === EAGAIN) return -EAGAIN;
  throw errnoError(error, "sendto", formatAddress(to));
}
