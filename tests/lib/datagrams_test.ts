import { assert, assertEquals, assertRejects } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import { testWith } from "../support/test_with.ts";
import { datagrams } from "../../lib/server/datagrams.ts";
import {
  type DatagramSocket,
  openDatagram,
  openDatagramTo,
  recvFrom,
  sendTo,
} from "../../lib/socket/datagram.ts";
import { openUnixDatagram } from "../../lib/socket/unix.ts";
import { temporaryFolder } from "../../contract/process.ts";
import { toBytes, toText } from "../support/bytes.ts";

/** The time limit of a test that would not end if it failed, in ms. */
const PATIENCE = { timeout: 60_000 };

/** A way to open a socket at a free path. */
const openers: Record<string, (path: string) => Promise<DatagramSocket>> = {
  "openDatagram()": () => openDatagram(0),
  "openUnixDatagram()": (path) => openUnixDatagram(path),
};

Deno.test(
  "datagrams() yields whole and truncated datagrams until the loop is left",
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

/** What ends a loop over a socket. */
const ends: Record<string, (socket: DatagramSocket, controller: AbortController) => void> = {
  "its socket is closed": (socket) => socket.close(),
  "its signal aborts": (_socket, controller) => controller.abort(),
};

for (const [end, doEnd] of Object.entries(ends)) {
  for (const [name, openSocket] of Object.entries(openers)) {
    Deno.test(`datagrams() of ${name} ends when ${end}`, PATIENCE, async () => {
      await using folder = await temporaryFolder();
      for (const when of ["before it begins", "while it waits", "in its body"]) {
        const path = `${folder.path}/${when}`;
        const socket = await openSocket(path);
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

for (const [name, openSocket] of Object.entries(openers)) {
  Deno.test(
    `datagrams() of ${name} yields the queued datagrams when its signal aborts`,
    PATIENCE,
    async () => {
      await using folder = await temporaryFolder();
      using socket = await openSocket(`${folder.path}/socket`);
      using client = await openDatagramTo(socket.addr);
      for (let n = 0; n < 8; n++) await sendTo(client, new Uint8Array([n]), socket.addr);
      const came = [];
      for await (const { message } of datagrams(socket, 80, { signal: AbortSignal.abort() })) {
        came.push(...message);
      }
      assertEquals(came, [0, 1, 2, 3, 4, 5, 6, 7]);
      await sendTo(socket, toBytes("still open"), client.addr).catch((error) => {
        if (name === "openDatagram()") throw error; // a Unix client without a path cannot receive a reply
      });
    },
  );
}

Deno.test("several loops of datagrams() share one socket", PATIENCE, async () => {
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
      await all; // each loop takes one datagram
    }
    return turns;
  });
  for (const text of ["1", "2", "3"]) await sendTo(a, toBytes(text), b.addr);
  await all;
  b.close();
  assertEquals(await Promise.all(loops), [1, 1, 1]);
});

Deno.test("datagrams() reports an error and continues", PATIENCE, async () => {
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

Deno.test("datagrams() rejects an invalid length, and lets timers run when receiving fails", async () => {
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

Deno.test("datagrams() yields a datagram from its own port if that is shared", async () => {
  const options = { hostname: "127.0.0.1", reuseAddress: true };
  using own = await openDatagram(0, options);
  await sendTo(own, toBytes("another program"), own.addr);
  for await (const { message } of datagrams(own, 80)) {
    assertEquals(toText(message), "another program");
    break;
  }
});

testWith(
  ["IPv6"],
  "datagrams() on :: yields unmapped senders, which receive replies",
  async () => {
    using server = await openDatagram(0, { hostname: "::" });
    const { port } = server.addr;
    const serving = (async () => {
      for await (const { message, from } of datagrams(server, 80)) {
        await sendTo(server, toBytes(`${toText(message)} ${formatAddress(from)}`), from);
      }
    })();
    for (const hostname of ["127.0.0.1", "::1"]) {
      using client = await openDatagram(0, { hostname });
      await sendTo(client, toBytes("hello"), { transport: "udp", hostname, port });
      const { message, from } = await recvFrom(client, 80);
      assertEquals(toText(message), `hello ${formatAddress(client.addr)}`);
      assertEquals(from, { transport: "udp", hostname, port });
    }
    server.close();
    await serving;
  },
);
