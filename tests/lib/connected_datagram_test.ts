import { assert, assertEquals, assertRejects } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import {
  connectDatagram,
  type ConnectedDatagram,
  connectUnixDatagram,
} from "../../lib/socket/connected_datagram.ts";
import { openDatagram, openDatagramTo, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import { openUnixDatagram } from "../../lib/socket/unix.ts";
import type { Need } from "../../contract/requirements.ts";
import { testWith } from "../support/test_with.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { toBytes, toText } from "../support/bytes.ts";

/** The time limit of a test that would not end if it failed, in ms. */
const PATIENCE = { timeout: 60_000 };

/** The time limit for a datagram, in ms. */
const LONG = 30_000;

function portOf(socket: Deno.DatagramConn): number {
  return (socket.addr as Deno.NetAddr).port;
}

/** A client of `server`, and its address. */
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

Deno.test("connectDatagram() rejects an empty host name", async () => {
  await assertRejects(() => connectDatagram("", 7), Error, "getaddrinfo : ");
});

Deno.test(
  "ConnectedDatagram drops the datagrams of other senders, and counts them",
  PATIENCE,
  async () => {
    using server = await openDatagram(0);
    using intruder = await openDatagram(0);
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
  },
);

const isLinux = Deno.build.os === "linux"; // where all of 127.0.0.0/8 is local
Deno.test({
  name: "ConnectedDatagram drops a datagram from its peer's port on another host" +
    (isLinux ? "" : " (ignored: only Linux has a 127.0.0.2)"),
  ignore: !isLinux,
  ...PATIENCE,
  async fn() {
    using server = await openDatagram(0);
    using connection = await connect(server);
    const { client, own } = connection;
    const intruder = await openDatagram(portOf(server), { hostname: "127.0.0.2" });
    await sendTo(intruder, toBytes("false"), own);
    intruder.close();
    await sendTo(server, toBytes("true"), own);
    assertEquals(toText((await client.receive(80, LONG)).message), "true");
    assertEquals(client.dropped, 1);
  },
});

Deno.test("ConnectedDatagram.receive() times out without losing data", PATIENCE, async () => {
  using server = await openDatagram(0);
  using connection = await connect(server);
  const { client, own } = connection;
  for (const timeout of [0, 1, 5]) {
    const message = `recv 127.0.0.1:${portOf(server)}: timed out after ${timeout / 1000} s`;
    await assertRejects(() => client.receive(80, timeout), Deno.errors.TimedOut, message);
  }
  for (const text of ["late", "later"]) await sendTo(server, toBytes(text), own);
  assertEquals(toText((await client.receive(80, LONG)).message), "late");
  assertEquals(toText((await client.receive(80, LONG)).message), "later");
});

/** Sends datagrams to a port as fast as it can. */
const flood = `
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp", hostname: "127.0.0.1", port: Number(Deno.args[0]) };
  for (;;) await socket.send(new Uint8Array(1), to);`;

Deno.test(
  "ConnectedDatagram.receive() times out during a flood from another sender",
  PATIENCE,
  async () => {
    using server = await openDatagram(0);
    using connection = await connect(server);
    const { client, own } = connection;
    {
      await using _flood = new Process(["eval", flood, `${(own as Deno.NetAddr).port}`], false);
      while (client.dropped < 100) {
        await assertRejects(() => client.receive(80, 10), Deno.errors.TimedOut);
      }
      const before = performance.now();
      await assertRejects(() => client.receive(80, 50), Deno.errors.TimedOut);
      const took = performance.now() - before;
      assert(took < 5000, `a receive with a timeout of 50 ms took ${took} ms`);
    }
    // The queue may be full until receive() has dropped the rest of the flood.
    let answered = false;
    const receiving = client.receive(80, LONG).finally(() => answered = true);
    while (!answered) {
      await sendTo(server, toBytes("true"), own);
      await new Promise((resolve) => setTimeout(resolve));
    }
    assertEquals(toText((await receiving).message), "true");
  },
);

Deno.test("ConnectedDatagram receives after a call that failed", PATIENCE, async () => {
  using server = await openDatagram(0);
  using connection = await connect(server);
  const { client, own } = connection;
  await assertRejects(() => client.receive(-2, LONG), RangeError);
  await sendTo(server, toBytes("hello"), own);
  assertEquals(toText((await client.receive(80, LONG)).message), "hello");
});

Deno.test("ConnectedDatagram.receive() fails when it is closed", PATIENCE, async () => {
  using server = await openDatagram(0);
  const { client } = await connect(server);
  const receiving = client.receive(80, LONG);
  client.close();
  await assertRejects(() => receiving, Deno.errors.Interrupted);
});

Deno.test(
  "ConnectedDatagram.close() after a timeout leaves no unhandled rejection",
  PATIENCE,
  async () => {
    using server = await openDatagram(0);
    const { client } = await connect(server);
    await assertRejects(() => client.receive(80, 1), Deno.errors.TimedOut);
    client.close();
    // Before this reply arrives, an unhandled rejection would have ended the tests.
    using another = await connect(server);
    await sendTo(server, toBytes("hello"), another.own);
    await another.client.receive(80, LONG);
  },
);

testWith(
  ["IPv6"],
  "connectDatagram() recognizes its peer in every notation of its address",
  async () => {
    using server = await openDatagram(0, { hostname: "::1" });
    for (const host of ["::1", "0:0:0:0:0:0:0:1", "0::0001", "::0.0.0.1"]) {
      using connection = await connect(server, host);
      const { client, own } = connection;
      assertEquals<Deno.Addr>(client.remoteAddr, server.addr, host);
      await sendTo(server, toBytes("hello"), own);
      assertEquals(toText((await client.receive(80, LONG)).message), "hello", host);
      assertEquals(client.dropped, 0, host);
    }
  },
);

/** The peer that connect(2) selects for a wildcard address. */
const wildcards: [host: string, server: string, peer: string][] = [
  ["0.0.0.0", "127.0.0.1", "127.0.0.1"],
  ["::", "::1", "::1"],
  ["::ffff:0.0.0.0", "127.0.0.1", "::ffff:127.0.0.1"],
];

for (const [host, hostname, peer] of wildcards) {
  const needs: Need[] = host.includes(":") ? ["IPv6"] : [];
  testWith(needs, `connectDatagram() to ${host} receives the replies of ${peer}`, async () => {
    using server = await openDatagram(0, { hostname });
    using connection = await connect(server, host);
    const { client, own } = connection;
    assertEquals((client.remoteAddr as Deno.NetAddr).hostname, peer);
    await sendTo(server, toBytes("hello"), own);
    assertEquals(toText((await client.receive(80, LONG)).message), "hello");
    assertEquals(client.dropped, 0);
  });
}

Deno.test(
  "connectUnixDatagram() receives from its peer and drops the datagrams of other senders",
  PATIENCE,
  async () => {
    await using folder = await temporaryFolder();
    const at = (name: string) => `${folder.path}/${name}`;
    using server = await openUnixDatagram(at("server"));
    using intruder = await openUnixDatagram(at("intruder"));
    using unnamed = await openDatagramTo(server.addr);
    {
      using client = await connectUnixDatagram(at("server"), at("client"));
      await client.send(toBytes("hello"));
      const { message, from: own } = await recvFrom(server, 80);
      assertEquals([toText(message), formatAddress(own)], ["hello", at("client")]);
      for (const other of [intruder, unnamed, intruder]) await sendTo(other, toBytes("false"), own);
      await sendTo(server, toBytes("true"), own);
      assertEquals(toText((await client.receive(80, LONG)).message), "true");
      assertEquals(client.dropped, 3);
      await assertRejects(
        () => client.receive(80, 1),
        Deno.errors.TimedOut,
        `recv ${at("server")}: `,
      );
    }
    const left = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
    assertEquals(left.sort(), ["intruder", "server"]);
  },
);

Deno.test(
  "connectUnixDatagram() does not take over the path of a live socket",
  PATIENCE,
  async () => {
    await using folder = await temporaryFolder();
    const own = `${folder.path}/own`;
    using other = await openUnixDatagram(own);
    const message = `bind ${own}: Address already in use`;
    const connecting = () => connectUnixDatagram(`${folder.path}/server`, own);
    await assertRejects(connecting, Deno.errors.AddrInUse, message);
    await sendTo(other, toBytes("hello"), other.addr); // it is still open, and has received nothing
    assertEquals(toText((await recvFrom(other, 80)).message), "hello");
  },
);

Deno.test("connectUnixDatagram() to a missing path fails when it sends", PATIENCE, async () => {
  await using folder = await temporaryFolder();
  const missing = `${folder.path}/missing`;
  using client = await connectUnixDatagram(missing, `${folder.path}/own`);
  const message = `sendto ${missing}: No such file or directory`;
  await assertRejects(() => client.send(toBytes("hello")), Deno.errors.NotFound, message);
});

Deno.test("ConnectedDatagram.receive() ends when its signal aborts, without losing data", async () => {
  using server = await openDatagram(0);
  using client = await connectDatagram("127.0.0.1", (server.addr as Deno.NetAddr).port);
  await client.send(toBytes("a request"));
  const { from } = await recvFrom(server, 80);

  const before = new Error("cancelled before");
  const meanwhile = new AbortController();
  await assertRejects(() => client.receive(80, 30_000, AbortSignal.abort(before)), Error, "before");
  const receiving = client.receive(80, 30_000, meanwhile.signal);
  meanwhile.abort(new Error("cancelled meanwhile"));
  await assertRejects(() => receiving, Error, "cancelled meanwhile");

  await sendTo(server, toBytes("late"), from);
  const { signal } = new AbortController();
  assertEquals(toText((await client.receive(80, 30_000, signal)).message), "late");
});

Deno.test("ConnectedDatagram.receive() returns a different datagram from each of two concurrent calls", async () => {
  using server = await openDatagram(0);
  using client = await connectDatagram("127.0.0.1", (server.addr as Deno.NetAddr).port);
  await client.send(toBytes("hello"));
  const { from } = await recvFrom(server, 80);
  const calls = Promise.all([client.receive(80, 10_000), client.receive(80, 10_000)]);
  for (const text of ["one", "two"]) await sendTo(server, toBytes(text), from);
  assertEquals((await calls).map(({ message }) => toText(message)), ["one", "two"]);
});

Deno.test("ConnectedDatagram.receive() behind another call ends when its signal aborts", async () => {
  using server = await openDatagram(0);
  using client = await connectDatagram("127.0.0.1", (server.addr as Deno.NetAddr).port);
  const stop = new AbortController();
  const first = client.receive(80, 10_000);
  const second = client.receive(80, 10_000, stop.signal);
  const third = client.receive(80, 10_000);
  stop.abort(new Error("enough"));
  await assertRejects(() => second, Error, "enough");
  await client.send(toBytes("hello"));
  const { from } = await recvFrom(server, 80);
  for (const text of ["one", "two"]) await sendTo(server, toBytes(text), from);
  assertEquals(toText((await first).message), "one");
  assertEquals(toText((await third).message), "two");
});

testWith(
  [],
  "ConnectedDatagram sends to a Unix peer while a receive is pending",
  async (folder) => {
    using server = await openUnixDatagram(`${folder}/server`);
    using client = await connectUnixDatagram(`${folder}/server`, `${folder}/client`);
    await assertRejects(() => client.receive(80, 1), Deno.errors.TimedOut);
    await client.send(toBytes("hello"));
    const [message, from] = await server.receive();
    await sendTo(server, message, from);
    assertEquals(toText((await client.receive(80, 30_000)).message), "hello");
  },
);
