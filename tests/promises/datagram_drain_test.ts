import { assert, assertEquals, assertMatch } from "@std/assert";
import { withTimeout } from "../../lib/io/timeout.ts";
import { openDatagramTo, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { assertEndsInTime } from "../support/end.ts";
import { Server } from "../support/server.ts";
import { needsOf, receivers, type Subject, udpRepliers } from "../support/servers.ts";
import { testSteps, testWith } from "../support/test_with.ts";
import { pathProgram, startAt } from "./path_programs.ts";
import { covers } from "./promises.ts";

// The promise: SIGTERM loses no datagram that has arrived.

const DGRAM_ECHO = "unix/dgram_echo_server.ts";
const PREFORK = "servers/udp_echo_prefork.ts";

/** How long to wait for a reply, in ms. */
const LONG = 30_000;

covers("datagram_drain", [...udpRepliers, ...receivers].map(({ path }) => path).concat(DGRAM_ECHO));

/** Starts a UDP server; returns it and its address. */
async function start(
  subject: Subject,
  ...options: string[]
): Promise<{ server: Server; to: Deno.NetAddr } & AsyncDisposable> {
  const server = await Server.start(subject, options);
  const { address } = server;
  assert("port" in address);
  return {
    server,
    to: { transport: "udp", ...address },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

testSteps(
  "datagrams that arrived before SIGTERM are answered",
  udpRepliers.map((subject) => ({
    name: subject.name,
    needs: needsOf(subject),
    async fn() {
      await using running = await start(subject);
      const { server: { process }, to } = running;
      using client = await openDatagramTo(to);
      process.kill("SIGSTOP");
      for (let n = 0; n < 50; n++) await sendTo(client, subject.greeting, to);
      process.kill("SIGTERM");
      process.kill("SIGCONT");
      for (let n = 0; n < 50; n++) {
        const { message } = await withTimeout(recvFrom(client, 80), LONG, `no reply ${n}`);
        assertMatch(toText(message), subject.reply ?? /^$/, `reply ${n}`);
      }
      await assertEndsInTime(process, 0, 4000);
    },
  })),
);

testSteps(
  "datagrams that arrived before SIGTERM are printed",
  receivers.map((subject) => ({
    name: subject.name,
    async fn() {
      await using running = await start(subject);
      const { server: { process }, to } = running;
      // A member of a group also receives what is sent to it alone.
      if (subject.path === "servers/udp_multicast.ts") to.hostname = "127.0.0.1";
      using client = await openDatagramTo(to);
      process.kill("SIGSTOP");
      for (let n = 0; n < 50; n++) await sendTo(client, toBytes(`${n}`), to);
      process.kill("SIGTERM");
      process.kill("SIGCONT");
      await assertEndsInTime(process, 0, 4000);
      const printed = [...process.stdout.matchAll(/^Message from .*: (\d+)$/gm)].map(([, n]) => n);
      assertEquals(printed, Array.from({ length: 50 }, (_, n) => `${n}`));
    },
  })),
);

const [prefork] = udpRepliers.filter(({ path }) => path === PREFORK);
assert(prefork);

testWith([], `${PREFORK} finishes the datagrams that its workers process`, async () => {
  await using running = await start(prefork, "--delay=0.5");
  const { server: { process }, to } = running;
  using client = await openDatagramTo(to);
  for (let n = 0; n < 4; n++) await sendTo(client, toBytes(`${n}`), to);
  await process.prints(/(Message from .*[^]*){4}/);
  process.kill("SIGTERM");
  const replies = [];
  for (let n = 0; n < 4; n++) {
    const { message } = await withTimeout(recvFrom(client, 80), LONG, `no reply ${n}`);
    replies.push(toText(message));
  }
  assertEquals(replies.sort(), ["0", "1", "2", "3"]);
  await assertEndsInTime(process, 0, 4000);
});

const whileFlooded = udpRepliers.map((subject) => ({
  name: `${subject.name} while a client sends`,
  needs: needsOf(subject),
  async fn() {
    await using running = await start(subject);
    const { server: { process }, to } = running;
    using client = await openDatagramTo(to);
    let isOver = false;
    const flood = (async () => {
      while (!isOver) {
        await sendTo(client, subject.greeting, to).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await recvFrom(client, 80);
    process.kill("SIGTERM");
    await assertEndsInTime(process, 0, 9000);
    isOver = true;
    await flood;
  },
}));

const whileBusy = {
  name: `${PREFORK} while a worker is busy`,
  async fn() {
    await using running = await start(prefork, "--delay=3600");
    const { server: { process }, to } = running;
    using client = await openDatagramTo(to);
    await sendTo(client, toBytes("hello"), to);
    await process.prints(/Message from /);
    process.kill("SIGTERM");
    await assertEndsInTime(process, 0, 9000);
  },
};

// Each waits for the end of a grace period.
const graces = [...whileFlooded, whileBusy];
testSteps("a server ends when its grace period does", graces, graces.length);

testWith([], `${DGRAM_ECHO} answers datagrams that arrived before SIGTERM`, async (folder) => {
  const path = `${folder}/socket`;
  await using server = await startAt(pathProgram(DGRAM_ECHO), path);
  const client = Deno.listenDatagram({ transport: "unixpacket", path: `${path}.client` });
  server.kill("SIGSTOP");
  // As many as its queue holds.
  for (let n = 0; n < 10; n++) {
    await client.send(toBytes(`${n}`), { transport: "unixpacket", path });
  }
  server.kill("SIGTERM");
  server.kill("SIGCONT");
  for (let n = 0; n < 10; n++) {
    const [message] = await withTimeout(client.receive(), LONG, `no reply ${n}`);
    assertEquals(toText(message), `${n}`);
  }
  client.close();
  await assertEndsInTime(server, 0, 4000);
});
