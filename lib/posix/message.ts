/**
 * Messages with an address and control data: `struct msghdr`.
 *
 * @module
 */

import { layout, LITTLE_ENDIAN } from "./_layout.ts";
import { MSG_CMSG_CLOEXEC, SCM_RIGHTS, SOL_SOCKET } from "./constants.ts";
import { Descriptor } from "./descriptor.ts";
import { addressOf, errnoAddress, errnoCell, libc } from "./libc.ts";
import { decodeSockaddr, encodeSockaddr } from "./sockaddr.ts";
import { wouldBlock } from "./transfer.ts";

const { cmsghdr, iovec, msghdr, sockaddr_storage } = layout;

/** The alignment of control messages, in bytes. */
const ALIGNMENT = 8;

/**
 * A control message, `struct cmsghdr`: data about a message, such as descriptors.
 *
 * @category Messages
 */
export interface ControlMessage {
  /** The level, such as `SOL_SOCKET` or `IPPROTO_IP`. */
  level: number;
  /** The type, such as `SCM_RIGHTS` or `IP_TTL`. */
  type: number;
  /** The data, a structure of C that depends on the type. */
  data: Uint8Array<ArrayBuffer>;
}

/**
 * Options of {@linkcode Message}.
 *
 * @category Messages
 */
export interface MessageOptions {
  /** The address to send to. Default: the peer of a connected socket. */
  to?: Deno.Addr;
  /** The control messages to send. Default none. */
  control?: ControlMessage[];
  /** The size of the buffer for received control messages, in bytes. Default 0. */
  controlSize?: number;
}

/**
 * A message of `sendmsg(2)` and `recvmsg(2)`: `struct msghdr` with its `struct iovec`s.
 *
 * It holds the buffers that the structure points to, so that they are not collected.
 *
 * Source: recvmsg(2), sendmsg(2), cmsg(3).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Message, recvmsg, sendmsg, SOCK_STREAM, socketpair } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * // gathers two buffers, scatters into two others
 * assertEquals(sendmsg(left, new Message([new Uint8Array([1, 2]), new Uint8Array([3])])), 3);
 * const [head, rest] = [new Uint8Array(1), new Uint8Array(8)];
 * assertEquals(recvmsg(right, new Message([head, rest])), 3);
 * assertEquals(rest.subarray(0, 2), new Uint8Array([2, 3]));
 * ```
 *
 * @category Messages
 */
export class Message {
  /** The buffers, which are sent and filled in order. */
  readonly data: readonly Uint8Array<ArrayBuffer>[];
  /** @internal */
  readonly header: Uint8Array<ArrayBuffer> = new Uint8Array(msghdr.size);
  readonly #view = new DataView(this.header.buffer);
  readonly #iov: Uint8Array<ArrayBuffer>;
  readonly #name: Uint8Array<ArrayBuffer> = new Uint8Array(sockaddr_storage.size);
  readonly #control: Uint8Array<ArrayBuffer>;

  /**
   * Creates a message.
   *
   * @param data The buffers to send, or to fill.
   * @param options See {@linkcode MessageOptions}.
   * @throws {TypeError} If the host of `to` is not numeric.
   */
  constructor(data: Uint8Array<ArrayBuffer>[], options?: MessageOptions) {
    const { to, control = [], controlSize = 0 } = options ?? {};
    this.data = [...data];
    this.#iov = new Uint8Array(iovec.size * data.length);
    const iov = new DataView(this.#iov.buffer);
    for (const [index, buffer] of data.entries()) {
      const at = index * iovec.size;
      iov.setBigUint64(at + iovec.iov_base, addressOf(buffer), LITTLE_ENDIAN);
      iov.setUint32(at + iovec.iov_len, buffer.length, LITTLE_ENDIAN);
    }
    const name = to === undefined ? new Uint8Array() : encodeSockaddr(to);
    this.#name.set(name);
    const encoded = encodeControl(control);
    this.#control = new Uint8Array(Math.max(encoded.length, align(controlSize)));
    this.#control.set(encoded);
    this.#setPointer(msghdr.msg_name, this.#name);
    this.#setPointer(msghdr.msg_iov, this.#iov);
    this.#setPointer(msghdr.msg_control, this.#control);
    this.#setLength(msghdr.msg_iovlen, data.length);
    this.#setLength(msghdr.msg_namelen, name.length);
    this.#setLength(msghdr.msg_controllen, encoded.length);
  }

  /**
   * The sender's address of a received message.
   *
   * @returns The address, as {@linkcode Received} describes; `undefined` if there is none.
   */
  get from(): Deno.Addr | undefined {
    const length = this.#getLength(msghdr.msg_namelen);
    return length === 0 ? undefined : decodeSockaddr(this.#name.subarray(0, length), false);
  }

  /**
   * The flags of a received message.
   *
   * @returns Flags such as `MSG_TRUNC` and `MSG_CTRUNC`.
   */
  get flags(): number {
    return this.#getLength(msghdr.msg_flags);
  }

  /**
   * The control messages of a received message.
   *
   * @returns The control messages. The caller owns the descriptors in them, see
   * {@linkcode receivedDescriptors}.
   */
  get control(): ControlMessage[] {
    return decodeControl(this.#control.subarray(0, this.#getLength(msghdr.msg_controllen)));
  }

  /**
   * Prepares the message for `recvmsg`, which may fill all of its buffers.
   *
   * @internal
   */
  reset(): void {
    this.#setLength(msghdr.msg_namelen, this.#name.length);
    this.#setLength(msghdr.msg_controllen, this.#control.length);
  }

  /**
   * Removes what an earlier `recvmsg` has stored.
   *
   * @internal
   */
  clear(): void {
    this.#setLength(msghdr.msg_namelen, 0);
    this.#setLength(msghdr.msg_controllen, 0);
    this.#setLength(msghdr.msg_flags, 0);
  }

  #setPointer(offset: number, target: Uint8Array<ArrayBuffer>): void {
    const address = target.length === 0 ? 0n : addressOf(target);
    this.#view.setBigUint64(offset, address, LITTLE_ENDIAN);
  }

  #setLength(offset: number, length: number): void {
    this.#view.setUint32(offset, length, LITTLE_ENDIAN); // the upper half of a size_t remains 0
  }

  #getLength(offset: number): number {
    return this.#view.getUint32(offset, LITTLE_ENDIAN);
  }
}

/** `CMSG_ALIGN`: rounds up to the alignment of control messages. */
function align(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/** `CMSG_SPACE`, `CMSG_DATA`: encodes control messages one after another. */
function encodeControl(messages: ControlMessage[]): Uint8Array<ArrayBuffer> {
  const size = messages.reduce((size, { data }) => size + cmsghdr.size + align(data.length), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { level, type, data } of messages) {
    view.setUint32(at + cmsghdr.cmsg_len, cmsghdr.size + data.length, LITTLE_ENDIAN);
    view.setInt32(at + cmsghdr.cmsg_level, level, LITTLE_ENDIAN);
    view.setInt32(at + cmsghdr.cmsg_type, type, LITTLE_ENDIAN);
    bytes.set(data, at + cmsghdr.size);
    at += cmsghdr.size + align(data.length);
  }
  return bytes;
}

/** `CMSG_FIRSTHDR`, `CMSG_NXTHDR`: decodes control messages. */
function decodeControl(bytes: Uint8Array<ArrayBuffer>): ControlMessage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const messages: ControlMessage[] = [];
  for (let at = 0; at + cmsghdr.size <= bytes.length;) {
    const length = view.getUint32(at + cmsghdr.cmsg_len, LITTLE_ENDIAN);
    if (length < cmsghdr.size) break;
    messages.push({
      level: view.getInt32(at + cmsghdr.cmsg_level, LITTLE_ENDIAN),
      type: view.getInt32(at + cmsghdr.cmsg_type, LITTLE_ENDIAN),
      data: bytes.slice(at + cmsghdr.size, Math.min(at + length, bytes.length)),
    });
    at += align(length);
  }
  return messages;
}

/**
 * `SCM_RIGHTS`: creates the control message that sends descriptors to another process.
 *
 * The receiver receives new descriptors of the same open files. The sender may close its own after `sendmsg`. The
 * message contains their numbers: if a descriptor is closed before `sendmsg`, and its number is used again, the other
 * file is sent.
 *
 * Source: unix(7), cmsg(3).
 *
 * @param descriptors The descriptors, at most 253.
 * @returns The control message. At least one byte of data must be sent with it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   Message, receivedDescriptors, recvmsg, rightsMessage, send, sendmsg, SOCK_STREAM, socketpair,
 * } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * const byte = new Uint8Array(1);
 * sendmsg(left, new Message([byte], { control: [rightsMessage([left])] }));
 * const message = new Message([byte], { controlSize: 64 });
 * recvmsg(right, message);
 * const [copy] = receivedDescriptors(message);
 * using _copy = copy;
 * assertEquals(copy && send(copy, byte), 1); // as if sent by left
 * ```
 *
 * @category Messages
 */
export function rightsMessage(descriptors: Descriptor[]): ControlMessage {
  const fds = new Int32Array(descriptors.map(({ fd }) => fd));
  return { level: SOL_SOCKET, type: SCM_RIGHTS, data: new Uint8Array(fds.buffer) };
}

/**
 * `SCM_RIGHTS`: returns the descriptors in a received message.
 *
 * A peer may send more descriptors than expected, with any message that is received with room for control data. The
 * caller must close those that it does not use, too: otherwise a peer can exhaust the process's descriptors.
 *
 * Source: unix(7), cmsg(3). See {@linkcode rightsMessage} for an example.
 *
 * @param message The message, after `recvmsg`.
 * @returns The descriptors, close-on-exec; they may be blocking, because the mode belongs to the open file. The
 * caller must close them. Call it once for each message: a second call returns them again.
 *
 * @category Messages
 */
export function receivedDescriptors(message: Message): Descriptor[] {
  return message.control
    .filter(({ level, type }) => level === SOL_SOCKET && type === SCM_RIGHTS)
    .flatMap(({ data }) => [...new Int32Array(data.buffer)])
    .map((fd) => new Descriptor(fd));
}

/**
 * `recvmsg(2)`: receives a message with its sender's address and control messages.
 *
 * Source: recvmsg(2). See {@linkcode Message} for an example.
 *
 * @param socket The socket.
 * @param message The message to fill.
 * @param flags Flags such as `MSG_ERRQUEUE`. Default 0; `MSG_CMSG_CLOEXEC` is always set.
 * @returns The number of bytes; 0 at EOF; `-EAGAIN` if nothing has arrived, or the error queue is empty.
 * @throws {PosixError} The errors of {@linkcode recv}.
 *
 * @category Messages
 */
export function recvmsg(socket: Descriptor, message: Message, flags?: number): number {
  message.reset();
  const sys = libc();
  const size = sys.recvmsg(socket.fd, message.header, (flags ?? 0) | MSG_CMSG_CLOEXEC);
  if (size !== -1) return size;
  try {
    return wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "recvmsg");
  } finally {
    message.clear(); // otherwise it would return the descriptors of an earlier message again
  }
}

/**
 * `sendmsg(2)`: sends a message with its control messages.
 *
 * Source: sendmsg(2). See {@linkcode Message} for an example.
 *
 * @param socket The socket.
 * @param message The message.
 * @param flags Flags such as `MSG_OOB`. Default 0.
 * @returns The number of bytes sent; `-EAGAIN` if there is no room.
 * @throws {PosixError} The errors of {@linkcode send}; `EBADF` if a descriptor to send is closed.
 *
 * @category Messages
 */
export function sendmsg(socket: Descriptor, message: Message, flags?: number): number {
  const sys = libc();
  const size = sys.sendmsg(socket.fd, message.header, flags ?? 0);
  return size === -1 ? wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "sendmsg") : size;
}
