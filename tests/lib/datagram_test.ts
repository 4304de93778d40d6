import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import {
  connectDatagram,
  type ConnectedDatagram,
  connectUnixDatagram,
} from "../../lib/socket/connected_datagram.ts";
import { datagrams } from "../../lib/server/datagrams.ts";
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
import { testWith } from "../support/test_with.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { toBytes, toText } from "../support/bytes.ts";

/** For a test that would never end if it failed: far more than any needs. */
const PATIENCE = { timeout: 60_000 };

/** How long to wait for a datagram that comes, in ms. */
const LONG = 30_000;

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

/** Where a socket that {@linkcode openDatagramTo} opens is bound, by where it sends. */
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

/** A way to open a socket; the path is free. */
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
    // Whoever has the path by now is not to lose it.
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

Deno.test("recvFrom() gives what the limit allows, and says if it is all", PATIENCE, async () => {
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

Deno.test("recvFrom() loses the rest of a datagram, and not the next one", PATIENCE, async () => {
  using a = await openDatagram(0);
  using b = await openDatagram(0);
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

/** Asserts that a datagram of `limit` bytes is sent, and nothing of one that is longer. */
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

Deno.test("sendTo() sends nothing of a message that is too long for IPv4", PATIENCE, async () => {
  using b = await openDatagram(0);
  await assertLimit(b, 65507, [65508, 65536, 100_000], "65507 bytes");
});

testWith(["IPv6"], "sendTo() sends nothing of a message that is too long for IPv6", async () => {
  using b = await openDatagram(0, { hostname: "::1" });
  await assertLimit(b, 65527, [65528, 65536, 100_000], "65527 bytes");
});

testWith(["IPv6"], "sendTo() names IPv4's limit for an IPv4 host in an IPv6 address", async () => {
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

Deno.test("sendTo() sends nothing of a message that is too long for a Unix socket", async () => {
  await using folder = await temporaryFolder();
  using b = await openUnixDatagram(`${folder.path}/b`);
  await assertLimit(b, 65536, [50_000_000], "the socket's send buffer");
});

Deno.test("datagram functions that fail name the call, its value and the cause", async () => {
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

Deno.test(
  "datagrams() yields what came, all of it or not, until it is left",
  PATIENCE,
  async () => {
    using a = await openDatagram(0);
    using b = await openDatagram(0);
    for (const text of ["abc", "", "abcd", "last", "left"]) await sendTo(a, toBytes(text), b.addr);
    const came: [string, boolean][] = [];
    for await (const { message, from, truncated } of datagrams(b, 3)) {
      assertEquals(from, a.addr);
      came.push([toText(message), truncated]);
      if (came.length === 4) break;
    }
    assertEquals(came, [["abc", false], ["", false], ["abc", true], ["las", true]]);
    assertEquals(toText((await recvFrom(b, 80)).message), "left"); // the socket is still open
  },
);

/** How a loop over a socket comes to its end. */
const ends: Record<string, (socket: DatagramSocket, controller: AbortController) => void> = {
  "its socket is closed": (socket) => socket.close(),
  "its signal aborts": (_socket, controller) => controller.abort(),
};

for (const [end, doEnd] of Object.entries(ends)) {
  for (const name of ["openDatagram()", "openUnixDatagram()"]) {
    Deno.test(`datagrams() of ${name} ends when ${end}`, PATIENCE, async () => {
      await using folder = await temporaryFolder();
      for (const when of ["before it begins", "while it waits", "in its body"]) {
        const path = `${folder.path}/${when}`;
        const socket = await (openers[name] ?? openDatagram)(path);
        const controller = new AbortController();
        const finish = () => doEnd(socket, controller);
        if (when === "in its body") {
          using client = await openDatagramTo(socket.addr);
          await sendTo(client, new Uint8Array(), socket.addr);
        }
        if (when === "before it begins") finish();
        if (when === "while it waits") setTimeout(finish);
        const errors: Error[] = [];
        const onError = (error: Error) => errors.push(error);
        let turns = 0;
        for await (const _ of datagrams(socket, 80, { signal: controller.signal, onError })) {
          turns++;
          finish();
        }
        assertEquals([turns, errors], [when === "in its body" ? 1 : 0, []], when);
        socket.close();
        await assertRejects(() => recvFrom(socket, 80), Deno.errors.BadResource, undefined, when);
      }
      assertEquals([...Deno.readDirSync(folder.path)], []);
    });
  }
}

for (const name of ["openDatagram()", "openUnixDatagram()"]) {
  Deno.test(
    `datagrams() of ${name} yields what is queued when its signal aborts`,
    PATIENCE,
    async () => {
      await using folder = await temporaryFolder();
      using socket = await (openers[name] ?? openDatagram)(`${folder.path}/socket`);
      using client = await openDatagramTo(socket.addr);
      for (let n = 0; n < 8; n++) await sendTo(client, new Uint8Array([n]), socket.addr);
      const came = [];
      for await (const { message } of datagrams(socket, 80, { signal: AbortSignal.abort() })) {
        came.push(...message);
      }
      assertEquals(came, [0, 1, 2, 3, 4, 5, 6, 7]);
      await sendTo(socket, toBytes("still open"), client.addr).catch((error) => {
        if (name === "openDatagram()") throw error; // a Unix client without a path cannot be answered
      });
    },
  );
}

Deno.test("datagrams() may run several times over one socket", PATIENCE, async () => {
  using a = await openDatagram(0);
  using b = await openDatagram(0);
  const came = new Set<string>();
  const { promise: all, resolve } = Promise.withResolvers<void>();
  const loops = Array.from({ length: 3 }, async () => {
    let turns = 0;
    for await (const { message } of datagrams(b, 80)) {
      turns++;
      came.add(toText(message));
      if (came.size === 3) resolve();
      await all; // whoever has one takes no other
    }
    return turns;
  });
  for (const text of ["1", "2", "3"]) await sendTo(a, toBytes(text), b.addr);
  await all;
  b.close();
  assertEquals(await Promise.all(loops), [1, 1, 1]);
});

Deno.test("datagrams() tells of an error and goes on", PATIENCE, async () => {
  using a = await openDatagram(0);
  using b = await openDatagram(0);
  const receive = b.receive.bind(b);
  let failures = 2;
  b.receive = (p) => {
    if (failures-- > 0) return Promise.reject(new Error("Connection reset (os error 104)"));
    return receive(p);
  };
  await sendTo(a, toBytes("hello"), b.addr);
  const errors: string[] = [];
  for await (const { message } of datagrams(b, 80, { onError: (e) => errors.push(e.message) })) {
    assertEquals(toText(message), "hello");
    b.close();
  }
  assertEquals(errors, ["recvfrom: Connection reset", "recvfrom: Connection reset"]);
});

Deno.test("ConnectedDatagram drops others' datagrams, and counts them", PATIENCE, async () => {
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
});

const isLinux = Deno.build.os === "linux"; // where all of 127.0.0.0/8 is this host
Deno.test({
  name: "ConnectedDatagram drops what comes from its peer's port on another host" +
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

Deno.test("ConnectedDatagram times out and loses nothing by it", PATIENCE, async () => {
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

/** Sends datagrams to the port in its arguments as fast as it can. */
const flood = `
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const to = { transport: "udp", hostname: "127.0.0.1", port: Number(Deno.args[0]) };
  for (;;) await socket.send(new Uint8Array(1), to);`;

Deno.test("ConnectedDatagram times out in a flood of others' datagrams", PATIENCE, async () => {
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
  // Until the receive has dropped what is left of it, there may be no room for more.
  let answered = false;
  const receiving = client.receive(80, LONG).finally(() => answered = true);
  while (!answered) {
    await sendTo(server, toBytes("true"), own);
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(toText((await receiving).message), "true");
});

Deno.test("ConnectedDatagram receives again after a call that failed", PATIENCE, async () => {
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

Deno.test("ConnectedDatagram closes quietly after a receive that timed out", PATIENCE, async () => {
  using server = await openDatagram(0);
  const { client } = await connect(server);
  await assertRejects(() => client.receive(80, 1), Deno.errors.TimedOut);
  client.close();
  // By the time of another's answer, an unhandled rejection would have ended the tests.
  using another = await connect(server);
  await sendTo(server, toBytes("hello"), another.own);
  await another.client.receive(80, LONG);
});

testWith(["IPv6"], "connectDatagram() knows its peer in whatever form it is written", async () => {
  using server = await openDatagram(0, { hostname: "::1" });
  for (const host of ["::1", "0:0:0:0:0:0:0:1", "0::0001", "::0.0.0.1"]) {
    using connection = await connect(server, host);
    const { client, own } = connection;
    assertEquals<Deno.Addr>(client.remoteAddr, server.addr, host);
    await sendTo(server, toBytes("hello"), own);
    assertEquals(toText((await client.receive(80, LONG)).message), "hello", host);
    assertEquals(client.dropped, 0, host);
  }
});

/** Where connect(2) goes from a wildcard address. */
const wildcards: [host: string, server: string, peer: string][] = [
  ["0.0.0.0", "127.0.0.1", "127.0.0.1"],
  ["::", "::1", "::1"],
  ["::ffff:0.0.0.0", "127.0.0.1", "::ffff:127.0.0.1"],
];

for (const [host, hostname, peer] of wildcards) {
  const needs: Need[] = host.includes(":") ? ["IPv6"] : [];
  testWith(needs, `connectDatagram() to ${host} takes the replies of ${peer}`, async () => {
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
  "connectUnixDatagram() talks to its peer and drops others' datagrams",
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

Deno.test("connectUnixDatagram() takes no live socket's path for its own", PATIENCE, async () => {
  await using folder = await temporaryFolder();
  const own = `${folder.path}/own`;
  using other = await openUnixDatagram(own);
  const message = `bind ${own}: Address already in use`;
  const connecting = () => connectUnixDatagram(`${folder.path}/server`, own);
  await assertRejects(connecting, Deno.errors.AddrInUse, message);
  await sendTo(other, toBytes("hello"), other.addr); // it is still there, and has received nothing
  assertEquals(toText((await recvFrom(other, 80)).message), "hello");
});

Deno.test("connectUnixDatagram() says that nobody is there when it sends", PATIENCE, async () => {
  await using folder = await temporaryFolder();
  const missing = `${folder.path}/missing`;
  using client = await connectUnixDatagram(missing, `${folder.path}/own`);
  const message = `sendto ${missing}: No such file or directory`;
  await assertRejects(() => client.send(toBytes("hello")), Deno.errors.NotFound, message);
});

Deno.test("ConnectedDatagram.receive() ends when its signal aborts, and loses nothing by it", async () => {
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

Deno.test("ConnectedDatagram.receive() gives each of two calls a datagram of its own", async () => {
  using server = await openDatagram(0);
  using client = await connectDatagram("127.0.0.1", (server.addr as Deno.NetAddr).port);
  await client.send(toBytes("hello"));
  const { from } = await recvFrom(server, 80);
  const calls = Promise.all([client.receive(80, 10_000), client.receive(80, 10_000)]);
  for (const text of ["one", "two"]) await sendTo(server, toBytes(text), from);
  assertEquals((await calls).map(({ message }) => toText(message)), ["one", "two"]);
});

Deno.test("datagrams() refuses a length that is none, and lets timers go on when receiving fails", async () => {
  using socket = await openDatagram(0);
  for (const max of [-1, 0.5, NaN]) {
    await assertRejects(() => datagrams(socket, max).next(), RangeError, `recvfrom: ${max} is not`);
  }
  let isOver = false;
  setTimeout(() => isOver = true, 20);
  const receive = () =>
    Promise.reject(isOver ? new Deno.errors.BadResource("closed") : new Error("broken"));
  const broken = { addr: socket.addr, receive } as unknown as DatagramSocket;
  for await (const _ of datagrams(broken, 80, { onError: () => {} })) assert(false);
});

Deno.test("datagrams() takes what comes from its own port, where that is shared", async () => {
  const options = { hostname: "127.0.0.1", reuseAddress: true };
  using own = await openDatagram(0, options);
  await sendTo(own, toBytes("another program"), own.addr);
  for await (const { message } of datagrams(own, 80)) {
    assertEquals(toText(message), "another program");
    break;
  }
});

Deno.test("ConnectedDatagram.receive() that waits for another call ends when its signal aborts", async () => {
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
