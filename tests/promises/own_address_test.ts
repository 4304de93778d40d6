import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import { openDatagramTo, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { processorTimeDuring } from "../support/proc.ts";
import { startPython } from "../support/program.ts";
import { Server } from "../support/server.ts";
import { needsOf, type Subject, udpRepliers } from "../support/servers.ts";
import { type Step, testSteps, testWith } from "../support/test_with.ts";
import { pathProgram, startAt } from "./path_programs.ts";
import { covers } from "./promises.ts";

// The promise: a datagram from the server's own address, or from port 0, is not answered.

const DGRAM_ECHO = "unix/dgram_echo_server.ts";

/** Sends a datagram with a forged source address; the kernel computes the checksum of IPv6. */
const FORGER = `
import socket, struct, sys
source, sport, target, tport, data = sys.argv[1:]
family = socket.AF_INET6 if ":" in target else socket.AF_INET
s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP)
if family == socket.AF_INET6:
    s.setsockopt(socket.IPPROTO_IPV6, 7, 6) # IPV6_CHECKSUM
s.bind((source, 0))
data = bytes.fromhex(data)
s.sendto(struct.pack("!HHHH", int(sport), int(tport), 8 + len(data), 0) + data, (target, 0))
`;

async function forge(
  from: { hostname: string; port: number },
  to: { hostname: string; port: number },
  data: Uint8Array,
): Promise<void> {
  const args = [from.hostname, `${from.port}`, to.hostname, `${to.port}`, data.toHex()];
  await using forger = startPython(FORGER, ...args);
  assertEquals(await forger.exits(), 0, forger.describe());
}

/**
 * Asserts that a server has dropped the forged datagrams, reported them once, is idle, and serves.
 *
 * @param server The server, whose request and reply are those of its subject.
 * @param to Its address.
 */
async function assertDropped({ subject, process }: Server, to: Deno.NetAddr): Promise<void> {
  using socket = await openDatagramTo(to);
  await sendTo(socket, subject.greeting, to);
  assertMatch(toText((await recvFrom(socket, 80)).message), subject.reply ?? /^$/);
  const used = await processorTimeDuring(process.pid, 500);
  assert(used < 0.2, `${used} s of processor time in half a second: ${process.describe()}`);
  assertEquals(
    process.stderr.match(/^recv(?:from|mmsg) .*: dropped/gm)?.length,
    1,
    process.describe(),
  );
  const lines = process.stdout.split("\n").filter((line) => line.includes("Message from"));
  assert(lines.length <= 1, process.describe());
}

covers("own_address", [...udpRepliers.map(({ path }) => path), DGRAM_ECHO]);

/** Starts a server; returns it and its address. */
async function start(subject: Subject): Promise<{ server: Server; to: Deno.NetAddr }> {
  // Each worker would report it once.
  const options = subject.path.includes("prefork") ? ["--workers=1"] : [];
  const server = await Server.start(subject, options);
  assert("port" in server.address);
  return { server, to: { transport: "udp", ...server.address } };
}

const forged: Step[] = udpRepliers.flatMap((subject) => [
  {
    name: `${subject.name}, from its own address`,
    needs: ["raw sockets", ...needsOf(subject)],
    async fn() {
      const { server, to } = await start(subject);
      await using _server = server;
      for (let n = 0; n < 3; n++) await forge(to, to, subject.greeting);
      const dropped = RegExp(
        `^recv(?:from|mmsg) ${RegExp.escape(formatAddress(to))}: dropped`,
        "m",
      );
      await server.process.prints(dropped);
      await assertDropped(server, to);
    },
  },
  {
    name: `${subject.name}, from port 0`,
    needs: ["raw sockets", ...needsOf(subject)],
    async fn() {
      const { server, to } = await start(subject);
      await using _server = server;
      for (let n = 0; n < 3; n++) await forge({ ...to, port: 0 }, to, subject.greeting);
      await server.process.prints(/^recv(?:from|mmsg) .*:0: dropped/m);
      await assertDropped(server, to);
    },
  },
]);

const [udpEcho] = udpRepliers;
assert(udpEcho?.path === "servers/udp_echo.ts");
for (const source of ["127.0.0.1", "127.0.0.9"]) {
  forged.push({
    name: `${udpEcho.name} on 0.0.0.0, from ${source}`,
    needs: ["raw sockets"],
    async fn() {
      const { server, to } = await start({
        ...udpEcho,
        args: ["0.0.0.0", "0"],
        grants: { "127.0.0.1": "0.0.0.0,127.0.0.1" },
      });
      await using _server = server;
      to.hostname = "127.0.0.1";
      await forge({ ...to, hostname: source }, to, toBytes("hello"));
      await server.process.prints(/^recvfrom .*: dropped/m);
      await assertDropped(server, to);
    },
  });
}

testSteps("a forged datagram is not answered", forged);

testWith([], `${DGRAM_ECHO} does not answer a datagram from its own path`, async (folder) => {
  const path = `${folder}/socket`;
  // A socket keeps its name when its file is removed.
  const forger = Deno.listenDatagram({ transport: "unixpacket", path });
  Deno.removeSync(path);
  await using server = await startAt(pathProgram(DGRAM_ECHO), path);
  for (let n = 0; n < 3; n++) {
    await forger.send(toBytes("forged"), { transport: "unixpacket", path });
  }
  forger.close();
  const client = Deno.listenDatagram({ transport: "unixpacket", path: `${path}.client` });
  await client.send(toBytes("hello"), { transport: "unixpacket", path });
  assertEquals(toText((await client.receive())[0]), "hello");
  client.close();
  await server.prints(/^Message from .*\n/m);
  await server.prints(/^recvfrom .*: dropped/m);
  assertEquals(server.stdout, `Message from ${path}.client: hello\n`);
  assertEquals(
    server.stderr.match(/^recv(?:from|mmsg) .*: dropped/gm)?.length,
    1,
    server.describe(),
  );
});
