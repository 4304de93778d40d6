import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  connectDatagram,
  type ConnectedDatagram,
  openDatagram,
  recvFrom,
  sendTo,
} from "../lib/datagram.ts";
import { temporaryFolder } from "./process.ts";
import { toBytes, toText } from "./readers.ts";

/** For a test that would never end if it failed: far more than any needs. */
const PATIENCE = { timeout: 60_000 };

/** How long to wait for a datagram that comes, in ms. */
const LONG = 30_000;

/** A socket on a free port, closed at the end of a `using` block. */
async function open(hostname?: string): Promise<Deno.DatagramConn & Disposable> {
  const socket = await openDatagram(0, hostname);
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

function portOf(socket: Deno.DatagramConn): number {
  return (socket.addr as Deno.NetAddr).port;
}

/** A client of `server`, and the address from which it sends. */
async function connect(
  server: Deno.DatagramConn,
  host = "127.0.0.1",
): Promise<{ client: ConnectedDatagram; own: Deno.Addr } & Disposable> {
  const client = await connectDatagram(host, portOf(server));
  await client.send(toBytes("hello"));
  const { message, from } = await recvFrom(server, 80);
  assertEquals(toText(message), "hello");
  return { client, own: from, [Symbol.dispose]: () => client.close() };
}

Deno.test("recvFrom() gives what the limit allows, and says if it is all", PATIENCE, async () => {
  using a = await open();
  using b = await open();
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

Deno.test("recvFrom() loses the rest of a datagram, and not the next one", PATIENCE, async () => {
  using a = await open();
  using b = await open();
  for (const text of ["first", "", "second"]) await sendTo(a, toBytes(text), b.addr);
  const texts = [];
  for (let n = 0; n < 3; n++) texts.push(toText((await recvFrom(b, 3)).message));
  assertEquals(texts, ["fir", "", "sec"]);
});

Deno.test("recvFrom() and sendTo() serve Unix sockets, too", PATIENCE, async () => {
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

Deno.test("sendTo() sends nothing of a message that is too long", PATIENCE, async () => {
  using a = await open();
  using b = await open();
  for (const length of [65508, 65536, 100_000]) {
    const message = `sendto 127.0.0.1:${portOf(b)}: a message of ${length} bytes is too long`;
    await assertRejects(() => sendTo(a, new Uint8Array(length), b.addr), RangeError, message);
  }
  await sendTo(a, toBytes("next"), b.addr);
  assertEquals(toText((await recvFrom(b, 65507)).message), "next");
});

Deno.test("datagram functions that fail name the call, its value and the cause", async () => {
  using taken = await open();
  const closed = await openDatagram(0);
  closed.close();
  const { AddrInUse, AddrNotAvailable, BadResource, NotFound } = Deno.errors;
  const here = (socket: Deno.DatagramConn) => `127.0.0.1:${portOf(socket)}`;
  const cases: [call: () => Promise<unknown>, errorClass: new () => Error, message: string][] = [
    [() => openDatagram(portOf(taken)), AddrInUse, `bind ${here(taken)}: Address already in use`],
    [() => openDatagram("tftp", "192.0.2.1"), AddrNotAvailable, "bind 192.0.2.1:69: Cannot assign"],
    [() => openDatagram(0, "name.invalid"), Error, "bind name.invalid:0: "],
    [() => connectDatagram("name.invalid", 7), NotFound, "getaddrinfo name.invalid: "],
    [() => sendTo(closed, toBytes("a"), taken.addr), BadResource, `sendto ${here(taken)}: `],
    // There is an http over TCP.
    [() => openDatagram("http"), RangeError, 'unknown service "http" for udp'],
    [() => connectDatagram("127.0.0.1", "http"), RangeError, 'unknown service "http" for udp'],
  ];
  for (const [call, errorClass, message] of cases) {
    const error = await assertRejects(call, Error, message, `${call}`);
    assertStrictEquals(error.constructor, errorClass, `${call}`);
  }
});

Deno.test("connectDatagram() fails for a host without a name, and says so", async () => {
  await assertRejects(() => connectDatagram("", 7), Error, "getaddrinfo : ");
});

Deno.test("ConnectedDatagram drops others' datagrams, and counts them", PATIENCE, async () => {
  using server = await open();
  using intruder = await open();
  using connection = await connect(server);
  const { client, own } = connection;
  assertEquals(client.dropped, 0);
  for (const text of ["false", "", "hello"]) await sendTo(intruder, toBytes(text), own);
  await sendTo(server, toBytes("true"), own);
  await sendTo(intruder, toBytes("false again"), own);
  await sendTo(server, toBytes(""), own);
  const { message, from, truncated } = await client.receive(80, LONG);
  assertEquals(toText(message), "true");
  assertEquals(from, server.addr);
  assertEquals(truncated, false);
  assertEquals(client.dropped, 3);
  assertEquals((await client.receive(80, LONG)).message.length, 0);
  assertEquals(client.dropped, 4);
});

const isLinux = Deno.build.os === "linux"; // where all of 127.0.0.0/8 is this host
Deno.test({
  name: "ConnectedDatagram drops what comes from its peer's port on another host" +
    (isLinux ? "" : " (ignored: only Linux has a 127.0.0.2)"),
  ignore: !isLinux,
  ...PATIENCE,
  async fn() {
    using server = await open();
    using connection = await connect(server);
    const { client, own } = connection;
    const intruder = await openDatagram(portOf(server), "127.0.0.2");
    await sendTo(intruder, toBytes("false"), own);
    intruder.close();
    await sendTo(server, toBytes("true"), own);
    assertEquals(toText((await client.receive(80, LONG)).message), "true");
    assertEquals(client.dropped, 1);
  },
});

Deno.test("ConnectedDatagram times out and loses nothing by it", PATIENCE, async () => {
  using server = await open();
  using connection = await connect(server);
  const { client, own } = connection;
  for (const timeout of [0, 1, 5]) {
    const message = `recv 127.0.0.1:${portOf(server)}: no answer within ${timeout / 1000} s`;
    await assertRejects(() => client.receive(80, timeout), Deno.errors.TimedOut, message);
  }
  for (const text of ["late", "later"]) await sendTo(server, toBytes(text), own);
  assertEquals(toText((await client.receive(80, LONG)).message), "late");
  assertEquals(toText((await client.receive(80, LONG)).message), "later");
});

Deno.test("ConnectedDatagram times out while others go on sending", PATIENCE, async () => {
  using server = await open();
  using intruder = await open();
  using connection = await connect(server);
  const { client, own } = connection;
  let waits = true;
  const expired = assertRejects(() => client.receive(80, 50), Deno.errors.TimedOut)
    .finally(() => waits = false);
  while (waits) {
    await sendTo(intruder, toBytes("false"), own);
    await new Promise((resolve) => setTimeout(resolve)); // for the client to receive it
  }
  await expired;
  await sendTo(server, toBytes("true"), own);
  assertEquals(toText((await client.receive(80, LONG)).message), "true");
  assert(client.dropped > 0, "none was dropped");
});

Deno.test("ConnectedDatagram receives again after a call that failed", PATIENCE, async () => {
  using server = await open();
  using connection = await connect(server);
  const { client, own } = connection;
  await assertRejects(() => client.receive(-2, LONG), RangeError);
  await sendTo(server, toBytes("hello"), own);
  assertEquals(toText((await client.receive(80, LONG)).message), "hello");
});

Deno.test("ConnectedDatagram.receive() fails when it is closed", PATIENCE, async () => {
  using server = await open();
  const { client } = await connect(server);
  const receiving = client.receive(80, LONG);
  client.close();
  await assertRejects(() => receiving, Deno.errors.Interrupted);
});

Deno.test("ConnectedDatagram closes quietly after a receive that timed out", PATIENCE, async () => {
  using server = await open();
  const { client } = await connect(server);
  await assertRejects(() => client.receive(80, 1), Deno.errors.TimedOut);
  client.close();
  // By the time of another's answer, an unhandled rejection would have ended the tests.
  using another = await connect(server);
  await sendTo(server, toBytes("hello"), another.own);
  await another.client.receive(80, LONG);
});

const hasIpv6 = await canBind("::1");
Deno.test({
  name: "connectDatagram() knows its peer in whatever form the address is written" +
    (hasIpv6 ? "" : " (ignored: ::1 cannot be bound)"),
  ignore: !hasIpv6,
  ...PATIENCE,
  async fn() {
    using server = await open("::1");
    for (const host of ["::1", "0:0:0:0:0:0:0:1", "0::0001", "::0.0.0.1"]) {
      using connection = await connect(server, host);
      const { client, own } = connection;
      assertEquals(client.remoteAddr, server.addr as Deno.NetAddr, host);
      await sendTo(server, toBytes("hello"), own);
      assertEquals(toText((await client.receive(80, LONG)).message), "hello", host);
      assertEquals(client.dropped, 0, host);
    }
  },
});

async function canBind(hostname: string): Promise<boolean> {
  try {
    (await openDatagram(0, hostname)).close();
    return true;
  } catch {
    return false;
  }
}
