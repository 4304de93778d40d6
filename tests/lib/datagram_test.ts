import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import { connectDatagram } from "../../lib/socket/connected_datagram.ts";
import {
  type DatagramSocket,
  openDatagram,
  openDatagramTo,
  recvFrom,
  sendTo,
} from "../../lib/socket/datagram.ts";
import { AddrInfoError } from "../../lib/address/addrinfo_error.ts";
import { openUnixDatagram } from "../../lib/socket/unix.ts";
import type { Need } from "../../contract/requirements.ts";
import { makeDeaf, QUEUE } from "../support/deaf_socket.ts";
import { testWith } from "../support/test_with.ts";
import { temporaryFolder } from "../../contract/process.ts";
import { toBytes, toText } from "../support/bytes.ts";

/** The time limit of a test that would not end if it failed, in ms. */
const PATIENCE = { timeout: 60_000 };

function portOf(socket: Deno.DatagramConn): number {
  return (socket.addr as Deno.NetAddr).port;
}

/** The address that {@linkcode openDatagramTo} binds, for each receiver. */
const ownHosts: [to: string, own: string][] = [
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.2", "127.0.0.1"],
  ["127.255.255.255", "127.0.0.1"],
  ["192.0.2.1", "0.0.0.0"],
  ["::1", "::1"],
  ["2001:db8::1", "::"],
  ["::ffff:127.0.0.1", "::"],
];

for (const [hostname, own] of ownHosts) {
  const needs: Need[] = hostname.includes(":") ? ["IPv6"] : [];
  testWith(needs, `openDatagramTo() binds ${own} to send to ${hostname}`, async () => {
    using a = await openDatagramTo({ transport: "udp", hostname, port: 9 });
    assertEquals((a.addr as Deno.NetAddr).hostname, own);
    assert(portOf(a) > 0, "no port");
  });
}

/** A way to open a socket; the path does not exist. */
const openers: Record<string, (path: string) => Promise<DatagramSocket>> = {
  "openDatagram()": () => openDatagram(0),
  "openDatagramTo() for UDP": async () => {
    return await openDatagramTo({ transport: "udp", hostname: "127.0.0.1", port: 9 });
  },
  "openDatagramTo() for Unix": (path) => openDatagramTo({ transport: "unixpacket", path }),
  "openUnixDatagram()": (path) => openUnixDatagram(path),
};

for (const [name, openSocket] of Object.entries(openers)) {
  Deno.test(`${name} makes a socket that may be closed twice`, PATIENCE, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    using socket = await openSocket(path);
    socket.close();
    await assertRejects(() => recvFrom(socket, 80), Deno.errors.BadResource);
    // A second close must not remove a new file at the path.
    Deno.writeTextFileSync(path, "", { createNew: true });
    socket.close();
    assert(Deno.statSync(path).isFile);
  });
}

Deno.test("openDatagramTo() makes a Unix socket that has no path", PATIENCE, async () => {
  await using folder = await temporaryFolder();
  using b = await openUnixDatagram(`${folder.path}/b`);
  using a = await openDatagramTo(b.addr);
  await sendTo(a, toBytes("hello"), b.addr);
  const { message, from } = await recvFrom(b, 80);
  assertEquals([toText(message), formatAddress(from)], ["hello", "(unnamed)"]);
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["b"]);
});

Deno.test("recvFrom() returns at most `max` bytes, and reports truncation", PATIENCE, async () => {
  using a = await openDatagram(0);
  using b = await openDatagram(0);
  const small = [[0, 0], [1, 0], [0, 10], [9, 10], [10, 10], [11, 10], [5000, 10]];
  for (const [length = 0, max = 0] of [...small, [65507, 65507], [65507, 65506]]) {
    const where = `${length} bytes, max ${max}`;
    const sent = new Uint8Array(length).map((_, i) => i);
    await sendTo(a, sent, b.addr);
    const { message, from, truncated } = await recvFrom(b, max);
    assertEquals(message.toHex(), sent.subarray(0, max).toHex(), where);
    assertEquals(from, a.addr, where);
    assertEquals(truncated, length > max, where);
  }
});

Deno.test("recvFrom() drops the rest of a datagram, and not the next one", PATIENCE, async () => {
  using a = await openDatagram(0);
  using b = await openDatagram(0);
  for (const text of ["first", "", "second"]) await sendTo(a, toBytes(text), b.addr);
  const texts = [];
  for (let n = 0; n < 3; n++) texts.push(toText((await recvFrom(b, 3)).message));
  assertEquals(texts, ["fir", "", "sec"]);
});

Deno.test("recvFrom() and sendTo() work on Unix sockets", PATIENCE, async () => {
  await using folder = await temporaryFolder();
  const a = Deno.listenDatagram({ transport: "unixpacket", path: `${folder.path}/a` });
  const b = Deno.listenDatagram({ transport: "unixpacket", path: `${folder.path}/b` });
  await sendTo(a, toBytes("hello"), b.addr);
  const { message, from, truncated } = await recvFrom(b, 4);
  assertEquals(toText(message), "hell");
  assertEquals(from, a.addr);
  assertEquals(truncated, true);
  a.close();
  b.close();
});

/** Asserts that a datagram of `limit` bytes is sent, and a longer one is rejected. */
async function assertLimit(b: DatagramSocket, limit: number, tooLong: number[], says: string) {
  using a = await openDatagramTo(b.addr);
  const to = formatAddress(b.addr);
  for (const length of tooLong) {
    const error = await assertRejects(() => sendTo(a, new Uint8Array(length), b.addr), RangeError);
    const message = `a message of ${length} bytes is too long, the limit is ${says}`;
    assertEquals(error.message, `sendto ${to}: ${message}`);
  }
  await sendTo(a, new Uint8Array(limit), b.addr);
  assertEquals((await recvFrom(b, 100_000)).message.length, limit, `${limit} bytes to ${to}`);
}

Deno.test("sendTo() rejects a message that is too long for IPv4", PATIENCE, async () => {
  using b = await openDatagram(0);
  await assertLimit(b, 65507, [65508, 65536, 100_000], "65507 bytes");
});

testWith(["IPv6"], "sendTo() rejects a message that is too long for IPv6", async () => {
  using b = await openDatagram(0, { hostname: "::1" });
  await assertLimit(b, 65527, [65528, 65536, 100_000], "65527 bytes");
});

testWith(["IPv6"], "sendTo() names the limit of IPv4 for an IPv4-mapped address", async () => {
  using b = await openDatagram(0);
  const mapped: Deno.NetAddr = {
    transport: "udp",
    hostname: "::ffff:127.0.0.1",
    port: portOf(b),
  };
  using a = await openDatagramTo(mapped);
  const sending = () => sendTo(a, new Uint8Array(65508), mapped);
  await assertRejects(sending, RangeError, "the limit is 65507 bytes");
});

Deno.test("sendTo() rejects a message that is too long for a Unix socket", async () => {
  await using folder = await temporaryFolder();
  using b = await openUnixDatagram(`${folder.path}/b`);
  await assertLimit(b, 65536, [2_000_000], "the socket's send buffer");
});

Deno.test("the errors of the datagram functions name the call, the value and the cause", async () => {
  using taken = await openDatagram(0);
  const closed = await openDatagram(0);
  closed.close();
  const { AddrInUse, AddrNotAvailable, BadResource } = Deno.errors;
  const here = (socket: Deno.DatagramConn) => `127.0.0.1:${portOf(socket)}`;
  type ErrorClass = abstract new (...args: never[]) => Error;
  const cases: [call: () => Promise<unknown>, errorClass: ErrorClass, message: string][] = [
    [() => openDatagram(portOf(taken)), AddrInUse, `bind ${here(taken)}: Address already in use`],
    [
      () => openDatagram("tftp", { hostname: "192.0.2.1" }),
      AddrNotAvailable,
      "bind 192.0.2.1:69: Cannot assign",
    ],
    [
      () => openDatagram(0, { hostname: "name.invalid" }),
      AddrInfoError,
      "getaddrinfo name.invalid: ",
    ],
    [() => connectDatagram("name.invalid", 7), AddrInfoError, "getaddrinfo name.invalid: "],
    [() => sendTo(closed, toBytes("a"), taken.addr), BadResource, `sendto ${here(taken)}: `],
    // http exists over TCP.
    [() => openDatagram("http"), RangeError, 'unknown service "http" for udp'],
    [() => connectDatagram("127.0.0.1", "http"), RangeError, 'unknown service "http" for udp'],
  ];
  for (const [call, errorClass, message] of cases) {
    const error = await assertRejects(call, Error, message, `${call}`);
    assertStrictEquals(error.constructor, errorClass, `${call}`);
  }
});

for (const host of ["127.0.0.1", "::1"]) {
  testWith(
    ["IPv6"],
    `recvFrom() on :: returns the unmapped address of a client on ${host}`,
    async () => {
      using server = await openDatagram(0, { hostname: "::" });
      using client = await openDatagram(0, { hostname: host });
      const to: Deno.NetAddr = { transport: "udp", hostname: host, port: portOf(server) };
      await sendTo(client, toBytes("hello"), to);
      const { message, from } = await recvFrom(server, 80);
      assertEquals(toText(message), "hello");
      assertEquals(from, client.addr);
      await sendTo(server, toBytes("a reply"), from);
      const reply = await recvFrom(client, 80);
      assertEquals([toText(reply.message), reply.from], ["a reply", to]);
    },
  );
}

testWith(["IPv6"], "sendTo() on :: sends to IPv4 addresses, mapped or not", async () => {
  using sender = await openDatagram(0, { hostname: "::" });
  using receiver = await openDatagram(0);
  for (const hostname of ["127.0.0.1", "::ffff:127.0.0.1"]) {
    await sendTo(sender, toBytes(hostname), { ...receiver.addr, hostname });
    const { message, from } = await recvFrom(receiver, 80);
    assertEquals(toText(message), hostname);
    assertEquals(from, { transport: "udp", hostname: "127.0.0.1", port: portOf(sender) });
  }
  const to: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port: portOf(receiver) };
  const sending = () => sendTo(sender, new Uint8Array(65508), to);
  await assertRejects(sending, RangeError, `sendto 127.0.0.1:${to.port}: a message of 65508 bytes`);
});

for (const message of ["hello", ""]) {
  testWith(
    [],
    `sendTo() waits for room, and sends ${JSON.stringify(message)} once`,
    async (folder) => {
      const path = `${folder}/deaf`;
      const deaf = await makeDeaf(path);
      using sender = await openDatagramTo(deaf.addr);
      const sending = sendTo(sender, toBytes(message), deaf.addr, 30_000);
      await new Promise((resolve) => setTimeout(resolve, 50)); // so that sendTo() waits
      for (let n = 0; n < QUEUE; n++) assertEquals(toText((await deaf.receive())[0]), "full");
      await sending;
      await sendTo(sender, toBytes("last"), deaf.addr);
      assertEquals(toText((await deaf.receive())[0]), message);
      assertEquals(toText((await deaf.receive())[0]), "last");
      deaf.close();
    },
  );
}

testWith([], "sendTo() rejects an invalid timeout", async (folder) => {
  using peer = await openUnixDatagram(`${folder}/peer`);
  using sender = await openDatagramTo(peer.addr);
  for (const timeout of [-1, NaN, 2 ** 31]) {
    await assertRejects(() => sendTo(sender, toBytes("x"), peer.addr, timeout), RangeError);
  }
});
