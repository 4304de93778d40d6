/**
 * ICMP: the echo messages, and the errors that routers and hosts report, for IPv4 (RFC 792) and IPv6 (RFC 4443).
 *
 * Each message begins with a type, a code and a checksum. In an echo request and its reply, an identifier and a
 * sequence number follow, with which the sender recognizes its replies, and data, which the reply repeats.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { calcSize, pack, unpack } from "../mod.ts";

/** An echo request or an echo reply. */
export interface Echo {
  /** The type, such as `icmp.echoRequest`. */
  type: number;
  /** The identifier of the sender, 16 bits. */
  id: number;
  /** The sequence number, 16 bits. */
  sequence: number;
  /** The data. */
  data: Uint8Array;
}

/** The types and codes of ICMP. */
export interface IcmpNumbers {
  /** The type of an echo request. */
  echoRequest: number;
  /** The type of an echo reply. */
  echoReply: number;
  /** The type of the error for a datagram that cannot be delivered. */
  unreachable: number;
  /** The code of `unreachable` if no program listens on the port. */
  portUnreachable: number;
  /** The type of the error that a router sends when the time to live of a datagram reaches 0. */
  timeExceeded: number;
  /** The texts of the errors, by type and code. */
  errors: Record<number, string[]>;
}

/** ICMP for IPv4: RFC 792; RFC 1122, section 3.2.2.1; RFC 1812, section 5.2.7.1. */
export const icmp: IcmpNumbers = {
  echoRequest: 8,
  echoReply: 0,
  unreachable: 3,
  portUnreachable: 3,
  timeExceeded: 11,
  errors: {
    3: [
      "Destination Net Unreachable",
      "Destination Host Unreachable",
      "Destination Protocol Unreachable",
      "Destination Port Unreachable",
      "Fragmentation Needed",
      "Source Route Failed",
      "Destination Net Unknown",
      "Destination Host Unknown",
      "Source Host Isolated",
      "Destination Net Prohibited",
      "Destination Host Prohibited",
      "Destination Net Unreachable for Type of Service",
      "Destination Host Unreachable for Type of Service",
      "Communication Prohibited",
    ],
    11: ["Time to live exceeded", "Reassembly time exceeded"],
  },
};

/** ICMP for IPv6: RFC 4443, section 3. */
export const icmpv6: IcmpNumbers = {
  echoRequest: 128,
  echoReply: 129,
  unreachable: 1,
  portUnreachable: 4,
  timeExceeded: 3,
  errors: {
    1: [
      "No Route to Destination",
      "Communication Prohibited",
      "Beyond Scope of Source Address",
      "Address Unreachable",
      "Port Unreachable",
      "Source Address Failed Policy",
      "Route to Destination Rejected",
    ],
    2: ["Packet Too Big"],
    3: ["Hop limit exceeded", "Reassembly time exceeded"],
  },
};

/**
 * Describes an ICMP error.
 *
 * @param numbers {@linkcode icmp} or {@linkcode icmpv6}.
 * @param type The type of the error.
 * @param code The code of the error.
 * @returns The text, or the numbers if the error is unknown.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { describeError, icmp } from "./icmp.ts";
 *
 * assertEquals(describeError(icmp, 3, 1), "Destination Host Unreachable");
 * assertEquals(describeError(icmp, 3, 99), "ICMP type 3, code 99");
 * ```
 */
export function describeError({ errors }: IcmpNumbers, type: number, code: number): string {
  return errors[type]?.[code] ?? `ICMP type ${type}, code ${code}`;
}

/**
 * Calculates the Internet checksum: the complement of the ones' complement sum of the 16-bit words.
 *
 * Source: RFC 1071.
 *
 * @param bytes The message. If the number of bytes is odd, a 0 is added.
 * @returns The checksum; 0 for a message that contains its checksum, if it is correct.
 *
 * @example The words of RFC 1071, section 3
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { checksum } from "./icmp.ts";
 *
 * const words = new Uint8Array([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
 * assertEquals(checksum(words), 0xffff - 0xddf2);
 * assertEquals(checksum(new Uint8Array([...words, 0x22, 0x0d])), 0);
 * ```
 */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += (bytes[i] ?? 0) << 8 | (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff; // adds the carry
  }
  return 0xffff - sum;
}

/** Type, code, checksum, identifier and sequence number. */
const HEADER = "!BBHHH";

/**
 * Encodes an echo message.
 *
 * Its checksum is that of IPv4. In IPv6, the checksum includes the addresses; the kernel calculates it.
 *
 * Source: RFC 792, page 14; RFC 4443, section 4.
 *
 * @param echo The message.
 * @returns A new array of 8 bytes and the data.
 * @throws {RangeError} If a number does not fit in its field.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { checksum, encodeEcho, icmp } from "./icmp.ts";
 *
 * const data = new TextEncoder().encode("hello");
 * const request = encodeEcho({ type: icmp.echoRequest, id: 0x1234, sequence: 1, data });
 * assertEquals(request.subarray(4, 8), new Uint8Array([0x12, 0x34, 0, 1]));
 * assertEquals(checksum(request), 0);
 * ```
 */
export function encodeEcho({ type, id, sequence, data }: Echo): Uint8Array<ArrayBuffer> {
  const encode = (sum: number) => concat([pack(HEADER, type, 0, sum, id, sequence), data]);
  return encode(checksum(encode(0)));
}

/**
 * Decodes an echo message. It does not verify the checksum.
 *
 * @param message The ICMP message, or its beginning, as an ICMP error quotes it.
 * @returns The message; `null` if it is shorter than 8 bytes. The caller must check the type.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeEcho, encodeEcho } from "./icmp.ts";
 *
 * const reply = { type: 0, id: 7, sequence: 1, data: new Uint8Array([1, 2, 3]) };
 * assertEquals(decodeEcho(encodeEcho(reply)), reply);
 * assertEquals(decodeEcho(new Uint8Array(7)), null);
 * ```
 */
export function decodeEcho(message: Uint8Array): Echo | null {
  const size = calcSize(HEADER);
  if (message.length < size) return null;
  const [type, , , id, sequence] = unpack(HEADER, message.subarray(0, size));
  return { type, id, sequence, data: message.slice(size) };
}
