/**
 * Byte order: conversions between host and network byte order.
 *
 * Network byte order is big-endian, the most significant byte first. In C, a program converts each number
 * before it sends it and after it receives it. In Deno, a `DataView` and {@linkcode pack} write network byte
 * order directly; these functions are for programs that follow C line by line.
 *
 * @module
 */

/** Whether this host is little-endian: it stores the least significant byte first. */
export const hostIsLittleEndian: boolean = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const scratch = new DataView(new ArrayBuffer(8));

/**
 * `htons(3)`: converts a 16-bit number from host to network byte order.
 *
 * Source: UCM and CS:APP lectures; byteorder(3).
 *
 * @param hostshort An integer from 0 to 65535.
 * @returns The number whose bytes in this host's memory are those of `hostshort` in network order: with the
 * bytes swapped on a little-endian host, unchanged on a big-endian one.
 * @throws {RangeError} If it is not an integer in that range. C truncates it to 16 bits.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { htons } from "@deno-sockets/samples";
 *
 * const memory = new Uint16Array([htons(7007)]);
 * assertEquals(new Uint8Array(memory.buffer), new Uint8Array([0x1b, 0x5f]));
 * ```
 *
 * @category Byte order and records
 */
export function htons(hostshort: number): number {
  checkRange("htons", hostshort, 0xffff);
  // Write in network order, read in host order.
  scratch.setUint16(0, hostshort);
  return scratch.getUint16(0, hostIsLittleEndian);
}

/**
 * `htonl(3)`: converts a 32-bit number from host to network byte order.
 *
 * Source: UCM, CS:APP and CNP3 lectures; byteorder(3).
 *
 * @param hostlong An integer from 0 to 4294967295.
 * @returns The number whose bytes in this host's memory are those of `hostlong` in network order. It is never
 * negative, unlike the result of JavaScript's bit operations from 0x80000000 on.
 * @throws {RangeError} If it is not an integer in that range.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { htonl } from "@deno-sockets/samples";
 *
 * const memory = new Uint32Array([htonl(0x8002c2f2)]);
 * assertEquals(new Uint8Array(memory.buffer), new Uint8Array([0x80, 0x02, 0xc2, 0xf2]));
 * ```
 *
 * @category Byte order and records
 */
export function htonl(hostlong: number): number {
  checkRange("htonl", hostlong, 0xffffffff);
  scratch.setUint32(0, hostlong);
  return scratch.getUint32(0, hostIsLittleEndian);
}

/**
 * `htobe64(3)`, `htonll` on other systems: converts a 64-bit number from host to network byte order.
 *
 * Source: endian(3).
 *
 * @param hostlonglong A bigint from 0n to 2n ** 64n - 1n; a `number` is exact only up to 2 ** 53.
 * @returns The number whose bytes in this host's memory are those of `hostlonglong` in network order.
 * @throws {RangeError} If it is not a bigint in that range.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { htonll } from "@deno-sockets/samples";
 *
 * const memory = new BigUint64Array([htonll(1n)]);
 * assertEquals(new Uint8Array(memory.buffer), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]));
 * ```
 *
 * @category Byte order and records
 */
export function htonll(hostlonglong: bigint): bigint {
  checkRange64("htonll", hostlonglong);
  scratch.setBigUint64(0, hostlonglong);
  return scratch.getBigUint64(0, hostIsLittleEndian);
}

/**
 * `ntohs(3)`: converts a 16-bit number from network to host byte order.
 *
 * Source: UCM and CS:APP lectures; byteorder(3).
 *
 * @param netshort An integer from 0 to 65535.
 * @returns The number in host byte order.
 * @throws {RangeError} If it is not an integer in that range.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ntohs } from "@deno-sockets/samples";
 *
 * const received = new Uint8Array([0x1b, 0x5f]);
 * const [netshort = 0] = new Uint16Array(received.buffer);
 * assertEquals(ntohs(netshort), 7007);
 * ```
 *
 * @category Byte order and records
 */
export function ntohs(netshort: number): number {
  checkRange("ntohs", netshort, 0xffff);
  // Swapping the bytes twice restores them.
  return htons(netshort);
}

/**
 * `ntohl(3)`: converts a 32-bit number from network to host byte order.
 *
 * Source: UCM, CS:APP and CNP3 lectures; byteorder(3).
 *
 * @param netlong An integer from 0 to 4294967295.
 * @returns The number in host byte order, never negative.
 * @throws {RangeError} If it is not an integer in that range.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ntohl } from "@deno-sockets/samples";
 *
 * const received = new Uint8Array([0x80, 0x02, 0xc2, 0xf2]);
 * const [netlong = 0] = new Uint32Array(received.buffer);
 * assertEquals(ntohl(netlong), 0x8002c2f2);
 * ```
 *
 * @category Byte order and records
 */
export function ntohl(netlong: number): number {
  checkRange("ntohl", netlong, 0xffffffff);
  return htonl(netlong);
}

/**
 * `be64toh(3)`, `ntohll` on other systems: converts a 64-bit number from network to host byte order.
 *
 * Source: endian(3).
 *
 * @param netlonglong A bigint from 0n to 2n ** 64n - 1n.
 * @returns The number in host byte order.
 * @throws {RangeError} If it is not a bigint in that range.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ntohll } from "@deno-sockets/samples";
 *
 * const received = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]);
 * const [netlonglong = 0n] = new BigUint64Array(received.buffer);
 * assertEquals(ntohll(netlonglong), 1n);
 * ```
 *
 * @category Byte order and records
 */
export function ntohll(netlonglong: bigint): bigint {
  checkRange64("ntohll", netlonglong);
  return htonll(netlonglong);
}

function checkRange(call: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${call}: ${value} is not an integer from 0 to ${max}`);
  }
}

function checkRange64(call: string, value: bigint): void {
  if (typeof value !== "bigint" || value < 0n || value > 0xffffffffffffffffn) {
    throw new RangeError(`${call}: ${value} is not a bigint from 0 to ${0xffffffffffffffffn}`);
  }
}
