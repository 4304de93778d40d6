/**
 * Errors of the error queue: `struct sock_extended_err`.
 *
 * @module
 */

import { layout, LITTLE_ENDIAN } from "./_layout.ts";
import { IP_RECVERR, IPPROTO_IP, IPPROTO_IPV6, IPV6_RECVERR } from "./constants.ts";
import type { Message } from "./message.ts";
import { decodeSockaddr } from "./sockaddr.ts";

const { sock_extended_err } = layout;

/**
 * An error of the error queue, `struct sock_extended_err`.
 *
 * @category Messages
 */
export interface ExtendedError {
  /** The error's number, errno(3). */
  errno: number;
  /** Where the error comes from: `SO_EE_ORIGIN_ICMP`, `SO_EE_ORIGIN_ICMP6` or `SO_EE_ORIGIN_LOCAL`. */
  origin: number;
  /** The type of the ICMP message. */
  type: number;
  /** The code of the ICMP message. */
  code: number;
  /** Additional data: the MTU, for a datagram that is too long. */
  info: number;
  /** `SO_EE_OFFENDER`: the host that sent the ICMP message, with port 0; `undefined` for a local error. */
  offender: Deno.NetAddr | undefined;
}

/**
 * `IP_RECVERR`, `IPV6_RECVERR`: returns the error in a message of the error queue.
 *
 * One of these options enables the queue. The message contains the address to which the datagram was sent, and the
 * bytes of the datagram that the ICMP message quotes. An error in the queue is also a pending error of the
 * socket, which the next call throws, unless the option `SO_ERROR` is read first.
 *
 * Source: ip(7), ipv6(7), recv(2).
 *
 * @param message The message, after `recvmsg` with `MSG_ERRQUEUE`.
 * @returns The error; `undefined` if the message has none.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   AF_INET, bind, extendedError, getsockname, IP_RECVERR, IPPROTO_IP, Message, MSG_ERRQUEUE, poll, recvmsg,
 *   sendto, setsockopt, SOCK_DGRAM, socket,
 * } from "@deno-sockets/samples/posix";
 *
 * using deaf = socket(AF_INET, SOCK_DGRAM);
 * bind(deaf, { transport: "udp", hostname: "127.0.0.1", port: 0 });
 * const address = getsockname(deaf);
 * deaf.close();
 *
 * using client = socket(AF_INET, SOCK_DGRAM);
 * setsockopt(client, IPPROTO_IP, IP_RECVERR, 1);
 * sendto(client, new Uint8Array(8), address);
 * await poll([{ descriptor: client, events: 0 }]); // POLLERR
 * const message = new Message([new Uint8Array(8)], { controlSize: 64 });
 * recvmsg(client, message, MSG_ERRQUEUE);
 * const error = extendedError(message);
 * assertEquals([error?.type, error?.code], [3, 3]); // destination unreachable, port
 * assertEquals(error?.offender?.hostname, "127.0.0.1");
 * assertEquals(message.from, address);
 * ```
 *
 * @category Messages
 */
export function extendedError(message: Message): ExtendedError | undefined {
  const found = message.control.find(({ level, type }) =>
    (level === IPPROTO_IP && type === IP_RECVERR) ||
    (level === IPPROTO_IPV6 && type === IPV6_RECVERR)
  );
  if (found === undefined || found.data.length < sock_extended_err.size) return undefined;
  const view = new DataView(found.data.buffer);
  // The offender's address follows the structure. Its family is AF_UNSPEC if there is none.
  const offender = decodeSockaddr(found.data.subarray(sock_extended_err.size), false);
  return {
    errno: view.getUint32(sock_extended_err.ee_errno, LITTLE_ENDIAN),
    origin: view.getUint8(sock_extended_err.ee_origin),
    type: view.getUint8(sock_extended_err.ee_type),
    code: view.getUint8(sock_extended_err.ee_code),
    info: view.getUint32(sock_extended_err.ee_info, LITTLE_ENDIAN),
    offender: "hostname" in offender ? offender : undefined,
  };
}
