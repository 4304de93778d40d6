import { assert, assertEquals, assertThrows } from "@std/assert";
import { libc } from "../../lib/posix/libc.ts";
import { decodeSockaddr, encodeSockaddr } from "../../lib/posix/sockaddr.ts";
import * as posix from "../../posix.ts";
import { bytes, toBytes } from "../support/bytes.ts";
import { testWith } from "../support/test_with.ts";

const { AF_UNIX, SOCK_DGRAM, SOCK_STREAM } = posix;

const unix = (path: string) => ({ transport: "unix", path }) as const;
const datagram = (path: string) => ({ transport: "unixpacket", path }) as const;

/** Binds a socket to an address; returns the address that the kernel then reports. */
function bound(address: Deno.Addr, type: number = SOCK_STREAM): Deno.Addr {
  using socket = posix.socket(posix.addressFamily(address), type);
  posix.bind(socket, address);
  return posix.getsockname(socket);
}

/** A path of a length in bytes, in a folder. */
function pathOf(folder: string, length: number): string {
  return `${folder}/`.padEnd(length, "x");
}

testWith(["Linux C library"], "an IPv4 address is the same after `bind()`", () => {
  for (const [transport, type] of [["tcp", SOCK_STREAM], ["udp", SOCK_DGRAM]] as const) {
    const address = { transport, hostname: "127.1.2.3", port: 0 };
    const got = bound(address, type) as Deno.NetAddr;
    assert(got.port > 0);
    assertEquals(got, { ...address, port: got.port });
  }
  assertEquals(
    encodeSockaddr({ transport: "tcp", hostname: "127.0.0.1", port: 0x1234 }),
    new Uint8Array([2, 0, 0x12, 0x34, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
  );
});

testWith(["Linux C library", "IPv6"], "an IPv6 address is the same after `bind()`", () => {
  for (const hostname of ["::1", "::"]) {
    const address = { transport: "tcp", hostname, port: 0 } as const;
    const got = bound(address) as Deno.NetAddr;
    assertEquals(got, { ...address, port: got.port });
  }
  const mapped = { transport: "udp", hostname: "::ffff:127.0.0.1", port: 0 } as const;
  const got = bound(mapped, SOCK_DGRAM) as Deno.NetAddr;
  assertEquals(got, { ...mapped, port: got.port });
});

testWith(["Linux C library"], "a Unix-domain path is the same after `bind()`", (folder) => {
  for (const name of ["s", "\u00e9\u{1f600}", "a b", "-"]) {
    assertEquals(bound(unix(`${folder}/${name}`)), unix(`${folder}/${name}`));
  }
  const long = pathOf(folder, 107);
  assertEquals(bound(unix(long)), unix(long));
  assert(Deno.lstatSync(long).isSocket);
  assertEquals(bound(datagram(`${folder}/d`), SOCK_DGRAM), datagram(`${folder}/d`));
  using pair = posix.socket(AF_UNIX, posix.SOCK_SEQPACKET);
  posix.bind(pair, unix(`${folder}/p`));
  assertEquals(posix.getsockname(pair), unix(`${folder}/p`));
});

testWith(["Linux C library"], "an address that C has no structure for is rejected", (folder) => {
  using socket = posix.socket(AF_UNIX, SOCK_STREAM);
  const calls = [
    (address: Deno.Addr) => posix.bind(socket, address),
    (address: Deno.Addr) => posix.connect(socket, address),
    (address: Deno.Addr) => posix.sendto(socket, new Uint8Array(), address),
    (address: Deno.Addr) => new posix.Message([], { to: address }),
  ];
  for (const call of calls) {
    assertThrows(() => call(unix(pathOf(folder, 108))), RangeError, "108 bytes is longer than 107");
    const name = "the abstract name of 108 bytes is longer than 107";
    assertThrows(() => call(unix(`\0${"x".repeat(108)}`)), RangeError, name);
    assertThrows(() => call(unix(`${folder}/\0`)), TypeError, "the path contains a NUL");
    for (
      const hostname of ["localhost", "", "127.1", "127.0.0.1 ", "0x7f.0.0.1", "::1%lo", "[::1]"]
    ) {
      assertThrows(
        () => call({ transport: "tcp", hostname, port: 7 }),
        TypeError,
        `sockaddr: ${hostname} is not a numeric address`,
      );
    }
    for (const port of [-1, 65536, 1.5, NaN]) {
      assertThrows(() => call({ transport: "tcp", hostname: "127.0.0.1", port }), Error, `${port}`);
    }
    assertThrows(
      () => call({ transport: "vsock", cid: 1, port: 7 }),
      TypeError,
      "no vsock addresses",
    );
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  assertEquals(posix.getsockname(socket), unix(""));
});

testWith(["Linux C library"], "abstract addresses have no file and any bytes", async (folder) => {
  const name = `\0deno-sockets ${crypto.randomUUID()}`;
  for (const path of [name, `${name}\0`, `${name}\0\0middle`, name.padEnd(108, "x")]) {
    using listener = posix.socket(AF_UNIX, SOCK_STREAM);
    posix.bind(listener, unix(path));
    assertEquals(posix.getsockname(listener), unix(path));
    posix.listen(listener, 5);
    using client = posix.socket(AF_UNIX, SOCK_STREAM);
    assertEquals(posix.connect(client, unix(path)), 0);
    assertEquals(posix.getpeername(client), unix(path));
    using conn = await Deno.connect({ transport: "unix", path: name }).catch(() => null);
    assertEquals(conn !== null, path === name, "the whole name counts");
  }
  assertEquals([...Deno.readDirSync(folder)], []);
});

testWith(
  ["Linux C library"],
  'the path "" is the unnamed address, and no abstract one',
  async (folder) => {
    // The abstract address whose name is empty, which "" must not denote.
    using thief = posix.socket(AF_UNIX, SOCK_DGRAM);
    posix.bind(thief, datagram("\0"));
    assertEquals(posix.getsockname(thief), datagram("\0"));
    using server = posix.socket(AF_UNIX, SOCK_DGRAM);
    posix.bind(server, datagram(`${folder}/server`));
    using client = posix.socket(AF_UNIX, SOCK_DGRAM);
    posix.sendto(client, bytes("hello"), datagram(`${folder}/server`));
    const received = posix.recvfrom(server, new Uint8Array(80));
    assertEquals(received, { size: 5, from: undefined });
    const unnamed = datagram("");
    assertThrows(
      () => posix.sendto(server, bytes("a secret"), unnamed),
      Error,
      "sendto (unnamed): Invalid argument",
    );
    assertThrows(() => posix.connect(server, unnamed), Error, "connect (unnamed): ");
    const message = new posix.Message([bytes("a secret")], { to: unnamed });
    assertThrows(() => posix.sendmsg(server, message), Error, "sendmsg: Invalid argument");
    // Deno's type says that a path is a string, but an unnamed address has null.
    using listener = Deno.listen({ transport: "unix", path: `${folder}/listener` });
    using _conn = await Deno.connect({ transport: "unix", path: `${folder}/listener` });
    using accepted = await listener.accept();
    assertEquals(encodeSockaddr(accepted.remoteAddr), encodeSockaddr(unix("")));
    assertEquals(posix.recvfrom(thief, new Uint8Array(80)), null);
    // If it is bound, the system chooses a name.
    posix.bind(client, datagram(""));
    const { path } = posix.getsockname(client) as Deno.UnixAddr;
    assert(/^\0[0-9a-f]{5}$/.test(path), JSON.stringify(path));
    assertEquals(posix.sendto(server, bytes("hello"), datagram(path)), 5);
  },
);

testWith(["Linux C library"], "`recvfrom()` returns no sender if there is no address", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using tcp = posix.socket(posix.AF_INET, SOCK_STREAM);
  posix.connect(tcp, listener.addr);
  using conn = await listener.accept();
  await conn.write(bytes("hello"));
  await posix.poll([{ descriptor: tcp, events: posix.POLLIN }], 30_000);
  assertEquals(posix.recvfrom(tcp, new Uint8Array(80)), { size: 5, from: undefined });
  for (const type of [SOCK_STREAM, SOCK_DGRAM, posix.SOCK_SEQPACKET]) {
    const [left, right] = posix.socketpair(type);
    using _left = left;
    using _right = right;
    posix.send(left, bytes("hello"));
    assertEquals(posix.recvfrom(right, new Uint8Array(80)), { size: 5, from: undefined });
  }
});

testWith(
  ["Linux C library"],
  "paths of other programs: not UTF-8, and without a NUL",
  async (folder) => {
    const other = posix.socket(AF_UNIX, SOCK_STREAM);
    const bindBytes = (path: Uint8Array) => {
      const sockaddr = new Uint8Array([AF_UNIX, 0, ...path]);
      assertEquals(libc().bind(other.fd, sockaddr, sockaddr.length), 0);
    };
    using listener = posix.socket(AF_UNIX, SOCK_STREAM);
    posix.bind(listener, unix(`${folder}/listener`));
    posix.listen(listener, 5);
    bindBytes(new Uint8Array([...bytes(folder), ...toBytes("/\xff\xfe")]));
    assertEquals(posix.connect(other, unix(`${folder}/listener`)), 0);
    const accepted = posix.accept(listener);
    assertEquals(accepted?.peer, unix(`${folder}/\ufffd\ufffd`));
    assertThrows(() => posix.connect(other, unix(`${folder}/\ufffd\ufffd`)), Deno.errors.NotFound);
    accepted?.socket.close();
    other.close();
    using full = posix.socket(AF_UNIX, SOCK_STREAM);
    const path = pathOf(folder, 108); // as long as sun_path, without a NUL
    const sockaddr = new Uint8Array([AF_UNIX, 0, ...bytes(path)]);
    assertEquals(libc().bind(full.fd, sockaddr, sockaddr.length), 0);
    assertEquals(posix.getsockname(full), unix(path));
    await Deno.lstat(path);
  },
);

testWith(
  ["Linux C library"],
  "addresses of Deno's sockets are valid, and the reverse",
  async (folder) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using client = posix.socket(posix.AF_INET, SOCK_STREAM);
    posix.connect(client, listener.addr);
    using conn = await listener.accept();
    await posix.poll([{ descriptor: client, events: posix.POLLOUT }], 30_000);
    assertEquals(posix.getpeername(client), conn.localAddr);
    assertEquals(posix.getsockname(client), conn.remoteAddr);
    using local = Deno.listen({ transport: "unix", path: `${folder}/deno` });
    using unixClient = posix.socket(AF_UNIX, SOCK_STREAM);
    assertEquals(posix.connect(unixClient, local.addr), 0);
    assertEquals(posix.getpeername(unixClient), local.addr);
    using ours = posix.socket(AF_UNIX, SOCK_DGRAM);
    posix.bind(ours, datagram(`${folder}/ours`));
    const theirs = Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/theirs` });
    await theirs.send(bytes("hello"), posix.getsockname(ours));
    assertEquals(posix.recvfrom(ours, new Uint8Array(80)), { size: 5, from: theirs.addr });
    theirs.close();
  },
);

Deno.test("`decodeSockaddr()` accepts a structure of any length", () => {
  const v4 = encodeSockaddr({ transport: "udp", hostname: "127.0.0.1", port: 7 });
  assertEquals(decodeSockaddr(v4, true), { transport: "tcp", hostname: "127.0.0.1", port: 7 });
  for (const length of [0, 1, 2]) {
    const sockaddr = new Uint8Array([AF_UNIX, 0]).subarray(0, length);
    assertEquals(decodeSockaddr(sockaddr, true), unix(""));
    assertEquals(decodeSockaddr(sockaddr, false), datagram(""));
  }
  assertEquals(decodeSockaddr(new Uint8Array([AF_UNIX, 0, 97, 0, 98]), true), unix("a"));
});

Deno.test("decodeSockaddr() decodes a truncated structure as no address", () => {
  for (const family of [posix.AF_INET, posix.AF_INET6]) {
    for (let length = 0; length < 16; length++) {
      const sockaddr = new Uint8Array(length);
      if (length >= 2) sockaddr[0] = family;
      assertEquals(decodeSockaddr(sockaddr, false), datagram(""), `${length} bytes`);
    }
  }
});
