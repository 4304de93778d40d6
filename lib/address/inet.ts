/**
 * IPv4 and IPv6 addresses as text and as bytes in network order.
 *
 * @module
 */

// The output of the parsers: an array is allocated only for a valid address.
const parsed = new Uint8Array(16);

/**
 * `inet_pton(3)`: parses an address.
 *
 * An IPv4 address is four decimal numbers from 0 to 255 without leading zeros: `128.2.194.242`. An IPv6
 * address is eight groups of one to four hexadecimal digits in either case: `2001:DB8:0:0:0:0:0:1`. `::`
 * replaces one or more groups of zeros, once: `2001:db8::1`. The last two groups may be an IPv4 address:
 * `::ffff:192.0.2.1`.
 *
 * Source: UCM and CS:APP lectures; inet_pton(3); RFC 4291, section 2.2.
 *
 * @param family 4 for IPv4 (`AF_INET`) or 6 for IPv6 (`AF_INET6`).
 * @param text The address. As in C, white space, zones (`fe80::1%eth0`), brackets, prefix lengths, and the
 * short and octal forms of inet_aton(3) are invalid.
 * @returns The 4 or 16 bytes in network order; `null`, where C returns 0, if `text` is not an address of the
 * family.
 * @throws {RangeError} If `family` is neither 4 nor 6 (`EAFNOSUPPORT`).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { inetPton } from "@deno-sockets/samples";
 *
 * assertEquals(inetPton(4, "128.2.194.242"), new Uint8Array([0x80, 0x02, 0xc2, 0xf2]));
 * assertEquals(inetPton(6, "::1"), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]));
 * assertEquals(inetPton(4, "128.2.194.0242"), null);
 * ```
 *
 * @category Addresses
 */
export function inetPton(family: 4 | 6, text: string): Uint8Array<ArrayBuffer> | null {
  if (family === 4) return parseIpv4(text, 0, 0) ? parsed.slice(0, 4) : null;
  if (family === 6) return parseIpv6(text) ? parsed.slice() : null;
  throw new RangeError(`inetPton: ${family} is not a family: 4 or 6`);
}

/**
 * `inet_ntop(3)`: formats an address, in the canonical form of RFC 5952.
 *
 * An IPv6 address is in lower case without leading zeros. `::` replaces the longest run of two or more groups
 * of zeros; of several runs of the same length, the first. IPv4-mapped and IPv4-compatible addresses end in
 * dotted form: `::ffff:192.0.2.1`, `::192.0.2.1`.
 *
 * Source: UCM and CS:APP lectures; inet_ntop(3); RFC 5952.
 *
 * @param bytes The address in network order: 4 bytes for IPv4, 16 for IPv6.
 * @returns The text. {@linkcode inetPton} parses it to the same bytes.
 * @throws {RangeError} If the number of bytes is neither 4 nor 16.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { inetNtop } from "@deno-sockets/samples";
 *
 * assertEquals(inetNtop(new Uint8Array([0x80, 0x02, 0xc2, 0xf2])), "128.2.194.242");
 * assertEquals(inetNtop(new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])), "::1");
 * ```
 *
 * @category Addresses
 */
export function inetNtop(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length === 16) return formatIpv6(bytes);
  throw new RangeError(`inetNtop: an address has 4 or 16 bytes, not ${bytes.length}`);
}

/** Parses `text` from index `start` as an IPv4 address into `parsed`, from index `end`. */
function parseIpv4(text: string, start: number, end: number): boolean {
  let dots = 0;
  let octet = -1; // no digit yet
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit >= 0 && digit <= 9) {
      if (octet === 0) return false; // a leading zero: inet_aton(3) reads such a number as octal
      octet = octet === -1 ? digit : octet * 10 + digit;
      if (octet > 255) return false;
    } else {
      if (text[i] !== "." || octet === -1 || dots === 3) return false;
      parsed[end + dots++] = octet;
      octet = -1;
    }
  }
  if (octet === -1 || dots !== 3) return false;
  parsed[end + 3] = octet;
  return true;
}

/** Parses `text` as an IPv6 address into `parsed`. */
function parseIpv6(text: string): boolean {
  let end = 0; // the number of bytes parsed so far
  let gap = -1; // the index of "::" in them
  let i = 0;
  if (text.startsWith("::")) {
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    if (end === 16) return false;
    const start = i;
    let group = 0;
    for (; i < start + 4; i++) {
      const digit = hexDigit(text.charCodeAt(i));
      if (digit === -1) break;
      group = group << 4 | digit;
    }
    if (text[i] === ".") {
      if (end > 12 || !parseIpv4(text, start, end)) return false;
      end += 4;
      break;
    }
    if (i === start) return false;
    parsed[end++] = group >> 8;
    parsed[end++] = group & 0xff;
    if (i === text.length) break;
    if (text[i++] !== ":" || i === text.length) return false; // a fifth digit, or a colon at the end
    if (text[i] === ":") {
      if (gap !== -1) return false;
      gap = end;
      i++;
    }
  }
  if (gap === -1) return end === 16;
  if (end === 16) return false; // "::" must replace at least one group
  parsed.copyWithin(gap + 16 - end, gap, end);
  parsed.fill(0, gap, gap + 16 - end);
  return true;
}

/** Returns the value of a hexadecimal digit; -1 for any other character, and for NaN at the end of the text. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20; // to lower case
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

function formatIpv6(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups: string[] = [];
  let start = 0;
  let length = 1; // "::" must not replace a single group (RFC 5952, section 4.2.2)
  for (let i = 0, run = 0; i < 8; i++) {
    const group = view.getUint16(2 * i);
    groups.push(group.toString(16));
    run = group === 0 ? run + 1 : 0;
    if (run > length) {
      length = run;
      start = i + 1 - run;
    }
  }
  // The last two groups are an IPv4 address, compatible or mapped.
  if (start === 0 && (length === 6 || length === 5 && groups[5] === "ffff")) {
    groups.splice(6, 2, bytes.subarray(12).join("."));
  }
  if (length === 1) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}
