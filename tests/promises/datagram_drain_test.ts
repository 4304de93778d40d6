import { assert, assertEquals } from "@std/assert";
import { openDatagram, openDatagramTo, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import { withTimeout } from "../../lib/io/timeout.ts";
import { testWith } from "../support/test_with.ts";
import { startSample } from "../../contract/process.ts";
import { toBytes, toText } from "../support/bytes.ts";
import {
  assertEndsInTime,
  needsOf,
  pathPrograms,
  startAt,
  startUdp,
  udpServers,
} from "./datagram_servers.ts";
import { covers } from "./promises.ts";

// The promise: drain loses no datagram that had arrived.

/** The servers that do not reply, but print; where they listen, and where to send. */
const printers: [sample: string, args: string[], grants: Record<string, string>, to: string][] = [
  ["servers/udp_broadcast.ts", ["127.255.255.255", "0"], { 7029: "0" }, "127.255.255.255"],
  ["servers/udp_multicast.ts", ["239.0.0.1", "0"], { 7030: "0" }, "127.0.0.1"],
];

const DGRAM_ECHO = "unix/dgram_echo_server.ts";
const PREFORK = "servers/udp_echo_prefork.ts";

/** How long to wait for a reply that comes, in ms. */
const LONG = 30_000;

covers("datagram_drain", [
  ...udpServers.map(({ sample }) => sample),
  ...printers.map(([sample]) => sample),
  PREFORK,
  DGRAM_ECHO,
]);

for (const udp of udpServers) {
  const { sample, host, request, reply } = udp;
  testWith(needsOf(udp), `${sample} answers what had come before SIGTERM`, async () => {
    const { server, address } = await startUdp(udp);
    await using _server = server;
    using client = await openDatagram(0, { hostname: host });
    server.kill("SIGSTOP");
    for (let n = 0; n < 50; n++) await sendTo(client, request, address);
    server.kill("SIGTERM");
    server.kill("SIGCONT");
    for (let n = 0; n < 50; n++) {
      const { message } = await withTimeout(recvFrom(client, 80), LONG, `reply ${n} does not come`);
      assertEquals(message.toHex(), reply, `reply ${n}`);
    }
    await assertEndsInTime(server, 0, 4000);
  });

  testWith(needsOf(udp), `${sample} ends though a client goes on sending`, async () => {
    const { server, address } = await startUdp(udp);
    await using _server = server;
    using client = await openDatagramTo(address);
    let isOver = false;
    const flood = (async () => {
      while (!isOver) {
        await sendTo(client, request, address).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await recvFrom(client, 80);
    server.kill("SIGTERM");
    await assertEndsInTime(server, 0, 9000);
    isOver = true;
    await flood;
  });
}

for (const [sample, args, grants, hostname] of printers) {
  testWith([], `${sample} prints what had come before SIGTERM`, async () => {
    await using server = startSample(sample, args, grants);
    const [, port] = await server.prints(/^listening on .*:(\d+)$/m);
    const to: Deno.NetAddr = { transport: "udp", hostname, port: Number(port) };
    using client = await openDatagramTo(to);
    server.kill("SIGSTOP");
    for (let n = 0; n < 50; n++) await sendTo(client, toBytes(`${n}`), to);
    server.kill("SIGTERM");
    server.kill("SIGCONT");
    await assertEndsInTime(server, 0, 4000);
    const printed = [...server.stdout.matchAll(/^Message from .*: (\d+)$/gm)].map(([, n]) => n);
    assertEquals(printed, Array.from({ length: 50 }, (_, n) => `${n}`));
  });
}

const [prefork] = udpServers.filter(({ sample }) => sample === PREFORK);
assert(prefork);

testWith([], `${PREFORK} finishes what its workers have in hand`, async () => {
  const { server, address } = await startUdp(prefork, "--delay=0.5");
  await using _server = server;
  using client = await openDatagramTo(address);
  for (let n = 0; n < 4; n++) await sendTo(client, toBytes(`${n}`), address);
  await server.prints(/(Message from .*[^]*){4}/);
  server.kill("SIGTERM");
  const replies = [];
  for (let n = 0; n < 4; n++) {
    const { message } = await withTimeout(recvFrom(client, 80), LONG, `reply ${n} does not come`);
    replies.push(toText(message));
  }
  assertEquals(replies.sort(), ["0", "1", "2", "3"]);
  await assertEndsInTime(server, 0, 4000);
});

testWith(
  [],
  `${PREFORK} ends after its grace period, whatever its workers have in hand`,
  async () => {
    const { server, address } = await startUdp(prefork, "--delay=3600");
    await using _server = server;
    using client = await openDatagramTo(address);
    await sendTo(client, toBytes("hello"), address);
    await server.prints(/Message from /);
    server.kill("SIGTERM");
    await assertEndsInTime(server, 0, 9000);
  },
);

testWith([], `${DGRAM_ECHO} answers what had come before SIGTERM`, async (folder) => {
  const path = `${folder}/socket`;
  const program = pathPrograms.find(({ sample }) => sample === DGRAM_ECHO);
  assert(program);
  await using server = await startAt(program, path);
  const client = Deno.listenDatagram({ transport: "unixpacket", path: `${path}.client` });
  server.kill("SIGSTOP");
  // As many as its queue holds.
  for (let n = 0; n < 10; n++) {
    await client.send(toBytes(`${n}`), { transport: "unixpacket", path });
  }
  server.kill("SIGTERM");
  server.kill("SIGCONT");
  for (let n = 0; n < 10; n++) {
    const [message] = await withTimeout(client.receive(), LONG, `reply ${n} does not come`);
    assertEquals(toText(message), `${n}`);
  }
  client.close();
  await assertEndsInTime(server, 0, 4000);
});
