import { assertEquals, assertThrows } from "@std/assert";
import { python3 } from "../support/python.ts";
import { packSockaddr } from "../../lib/address/sockaddr.ts";

/** The address family in hexadecimal, in host byte order. */
function familyHex(family: number): string {
  return new Uint8Array(new Uint16Array([family]).buffer).toHex();
}

const ZEROS = "00".repeat(8);
const INET = familyHex(2);
const INET6 = familyHex(10);

/** Addresses in memory, written by hand after sockaddr_in of ip(7) and sockaddr_in6 of ipv6(7). */
const addresses: [hostname: string, port: number, hex: string][] = [
  // sin_family, sin_port, sin_addr, padding
  ["127.0.0.1", 7007, `${INET}1b5f7f000001${ZEROS}`],
  ["0.0.0.0", 0, `${INET}000000000000${ZEROS}`],
  ["255.255.255.255", 65535, `${INET}ffffffffffff${ZEROS}`],
  ["192.0.2.17", 1, `${INET}0001c0000211${ZEROS}`],
  ["10.20.30.40", 256, `${INET}01000a141e28${ZEROS}`],
  // sin6_family, sin6_port, sin6_flowinfo, sin6_addr, sin6_scope_id
  ["::1", 55555, `${INET6}d90300000000${ZEROS}000000000000000100000000`],
  ["::", 0, `${INET6}000000000000${ZEROS}${ZEROS}00000000`],
  ["2001:db8:1:2:3:4:5:6", 80, `${INET6}00500000000020010db800010002000300040005000600000000`],
  ["fe80::abcd", 65535, `${INET6}ffff00000000fe80000000000000000000000000abcd00000000`],
  ["::ffff:127.0.0.1", 7007, `${INET6}1b5f00000000${ZEROS}0000ffff7f00000100000000`],
];

for (const [hostname, port, hex] of addresses) {
  Deno.test(`packSockaddr() packs ${hostname} port ${port}`, () => {
    for (const transport of ["tcp", "udp"] as const) {
      const sockaddr = packSockaddr({ transport, hostname, port });
      assertEquals(sockaddr.toHex(), hex, `${transport} ${hostname} ${port}`);
      assertEquals(sockaddr.length, hostname.includes(":") ? 28 : 16, hostname);
    }
  });
}

for (const hostname of ["localhost", "", "127.0.0.1.", "127.1", "[::1]", "::1%1", "1::2::3"]) {
  Deno.test(`packSockaddr() rejects ${JSON.stringify(hostname)}`, () => {
    const packing = () => packSockaddr({ transport: "udp", hostname, port: 7 });
    assertThrows(packing, TypeError, `sockaddr: ${hostname} is not a numeric address`);
  });
}

const hosts = ["127.0.0.1", "0.0.0.0", "127.1.2.3", "::1", "::"];

/**
 * Binds each host with Python's socket and calls the C library's getsockname on the same descriptor.
 * Prints the port and the address, or null where the host has no such address.
 */
const GETSOCKNAME = `
import ctypes, json, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def ask(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.bind((host, 0))
            room = ctypes.create_string_buffer(128)
            length = ctypes.c_uint(128)
            if libc.getsockname(s.fileno(), room, ctypes.byref(length)) != 0:
                raise RuntimeError(ctypes.get_errno(), "getsockname")
            return s.getsockname()[1], room.raw[:length.value].hex()
    except OSError:
        return None
print(json.dumps([ask(host) for host in sys.argv[1:]]))
`;

type Bound = [port: number, sockaddr: string];
const isLinux = Deno.build.os === "linux";
const bound = isLinux ? await python3<(Bound | null)[]>("-c", GETSOCKNAME, ...hosts) : null;
const missing = !isLinux ? "not Linux" : bound === null ? "no python3" : "no IPv6";
for (const [index, hostname] of hosts.entries()) {
  const [port, hex] = bound?.[index] ?? [];
  // With python3, only IPv6 may be missing.
  const ignore = port === undefined && (bound === null || hostname.includes(":"));
  Deno.test({
    name: `packSockaddr() agrees with getsockname() on ${hostname}${ignore ? ` (${missing})` : ""}`,
    ignore,
    fn() {
      const sockaddr = packSockaddr({ transport: "udp", hostname, port: Number(port) });
      assertEquals(sockaddr.toHex(), hex, `${hostname} port ${port}`);
    },
  });
}
