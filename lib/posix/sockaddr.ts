/**
 * Socket addresses, to and from the kernel's structures.
 *
 * @module
 */

import { inetNtop } from "../address/inet.ts";
import { packSockaddr } from "../address/sockaddr.ts";
import { layout, LITTLE_ENDIAN } from "./_layout.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "./constants.ts";

const { sockaddr_un, sockaddr_storage } = layout;
const { sin_port, sin_addr } = layout.sockaddr_in;
const { sin6_addr } = layout.sockaddr_in6;

const encoder = new TextEncoder();
// A path that is not UTF-8 is decoded with U+FFFD, and is then another path.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * `ai_family`: returns the family of an address, for `socket`.
 *
 * Source: getaddrinfo(3).
 *
 * @param address The address.
 * @returns `AF_INET`, `AF_INET6` or `AF_UNIX`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { AF_INET6, addressFamily } from "@deno-sockets/samples/posix";
 *
 * assertEquals(addressFamily({ transport: "tcp", hostname: "::1", port: 7 }), AF_INET6);
 * ```
 *
 * @category Sockets
 */
export function addressFamily(address: Deno.Addr): number {
  if (!("hostname" in address)) return AF_UNIX;
  return address.hostname.includes(":") ? AF_INET6 : AF_INET;
}

/**
 * Encodes an address: `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un`. A scope id of IPv6 is always 0.
 *
 * @param address An address with a numeric host, or of a Unix-domain socket. A path that begins with a NUL
 * is an abstract address; the path "" is the unnamed address.
 * @throws {TypeError} If the host is not numeric, or there is no structure for the transport.
 * @throws {RangeError} If the path is longer than 107 bytes, or an abstract name longer than 107.
 */
export function encodeSockaddr(address: Deno.Addr): Uint8Array<ArrayBuffer> {
  if ("hostname" in address) return packSockaddr(address);
  if (!("path" in address)) throw new TypeError(`sockaddr: no ${address.transport} addresses`);
  const path = encoder.encode(address.path || ""); // Deno returns null, although its type is string
  const isAbstract = path[0] === 0;
  const max = sockaddr_un.size - sockaddr_un.sun_path - 1;
  const [what, length] = isAbstract ? ["abstract name", path.length - 1] : ["path", path.length];
  if (length > max) {
    throw new RangeError(`sockaddr: the ${what} of ${length} bytes is longer than ${max}`);
  }
  if (!isAbstract && path.includes(0)) throw new TypeError("sockaddr: the path contains a NUL");
  // A path ends with a NUL; an abstract name ends only by the length. The unnamed address is only the family:
  // with a NUL it would be the abstract address with the empty name, which any process may bind.
  const end = isAbstract || path.length === 0 ? 0 : 1;
  const sockaddr = new Uint8Array(sockaddr_un.sun_path + path.length + end);
  new DataView(sockaddr.buffer).setUint16(sockaddr_un.sun_family, AF_UNIX, LITTLE_ENDIAN);
  sockaddr.set(path, sockaddr_un.sun_path);
  return sockaddr;
}

/**
 * Decodes an address, without a scope id of IPv6.
 *
 * @param sockaddr The structure.
 * @param isStream Whether the address is a stream socket's: `tcp` and `unix`, not `udp` and `unixpacket`.
 * @param length The length of the structure, as the kernel returned it. Default all.
 * @returns The address; of an unbound Unix-domain socket, the path "".
 */
export function decodeSockaddr(
  sockaddr: Uint8Array,
  isStream: boolean,
  length?: number,
): Deno.Addr {
  length ??= sockaddr.length;
  // The address of an unnamed socket may be empty, without its family.
  const family = length >= 2 ? (sockaddr[0] ?? 0) | (sockaddr[1] ?? 0) << 8 : AF_UNIX;
  if (family === AF_INET || family === AF_INET6) {
    const { size } = family === AF_INET ? layout.sockaddr_in : layout.sockaddr_in6;
    if (length < size) return { transport: isStream ? "unix" : "unixpacket", path: "" }; // truncated
    const [start, end] = family === AF_INET
      ? [sin_addr, sin_addr + 4]
      : [sin6_addr, sin6_addr + 16];
    return {
      transport: isStream ? "tcp" : "udp",
      hostname: inetNtop(sockaddr.subarray(start, end)),
      // in network byte order, at the same place in both structures
      port: (sockaddr[sin_port] ?? 0) << 8 | (sockaddr[sin_port + 1] ?? 0),
    };
  }
  let path = decoder.decode(sockaddr.subarray(sockaddr_un.sun_path, length));
  if (!path.startsWith("\0")) path = path.replace(/\0.*$/s, "");
  return { transport: isStream ? "unix" : "unixpacket", path };
}

/** A buffer for the address that a call stores, which the next call overwrites. */
export class AddressBuffer {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(sockaddr_storage.size);
  readonly length: Uint32Array<ArrayBuffer> = new Uint32Array([sockaddr_storage.size]);

  /** Prepares the buffer for a call. */
  reset(): this {
    this.length[0] = sockaddr_storage.size;
    return this;
  }

  /** Decodes the address that the call has stored. */
  decode(isStream: boolean): Deno.Addr {
    return decodeSockaddr(this.bytes, isStream, this.length[0]);
  }
}
