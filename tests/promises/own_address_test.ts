import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import { openDatagram, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import { isUnanswerable } from "../../lib/server/_own_address.ts";
import { processorTimeOf } from "../support/proc.ts";
import { testWith } from "../support/test_with.ts";
import { startPython } from "../support/program.ts";
import { type Process, startSample } from "../../contract/process.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { needsOf, pathPrograms, startAt, startUdp, udpServers } from "./datagram_servers.ts";
import { covers } from "./promises.ts";

// The promise: a datagram from the server's own address, or from port 0, is not answered.

const DGRAM_ECHO = "unix/dgram_echo_server.ts";

/** Sends a datagram with a source of its choice; the kernel fills in the checksum of IPv6. */
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

/** Asserts that a server has dropped what was forged, says so once, is idle, and serves. */
async function assertDropped(
  server: Process,
  to: Deno.NetAddr,
  client: string,
  request: Uint8Array,
  reply: string,
): Promise<void> {
  using socket = await openDatagram(0, { hostname: client });
  await sendTo(socket, request, to);
  assertEquals((await recvFrom(socket, 80)).message.toHex(), reply);
  const before = processorTimeOf(server.pid);
  await new Promise((resolve) => setTimeout(resolve, 500)); // the time is what is measured
  const used = processorTimeOf(server.pid) - before;
  assert(used < 0.2, `${used} s of processor time in half a second: ${server.describe()}`);
  assertEquals(server.stderr.match(/^recvfrom .*: dropped/gm)?.length, 1, server.describe());
  const lines = server.stdout.split("\n").filter((line) => line.includes("Message from"));
  assert(lines.length <= 1, server.describe());
}

covers("own_address", [...udpServers.map(({ sample }) => sample), DGRAM_ECHO]);

for (const udp of udpServers) {
  const { sample, host, request, reply } = udp;
  testWith(
    ["raw sockets", ...needsOf(udp)],
    `${sample} answers nothing in its own name`,
    async () => {
      const options = sample.includes("prefork") ? ["--workers=1"] : []; // each worker says it once
      const { server, address } = await startUdp(udp, ...options);
      await using _server = server;
      for (let n = 0; n < 3; n++) await forge(address, address, request);
      await server.prints(
        RegExp(`^recvfrom ${RegExp.escape(formatAddress(address))}: dropped`, "m"),
      );
      await assertDropped(server, address, host, request, reply);
    },
  );

  testWith(["raw sockets", ...needsOf(udp)], `${sample} answers nothing from port 0`, async () => {
    const options = sample.includes("prefork") ? ["--workers=1"] : [];
    const { server, address } = await startUdp(udp, ...options);
    await using _server = server;
    for (let n = 0; n < 3; n++) await forge({ ...address, port: 0 }, address, request);
    await server.prints(/^recvfrom .*:0: dropped/m);
    await assertDropped(server, address, host, request, reply);
  });
}

for (const [source, needs] of [["127.0.0.1", []], ["127.0.0.9", []]] as const) {
  testWith(
    ["raw sockets", ...needs],
    `a server on 0.0.0.0 takes ${source} for its own`,
    async () => {
      const grants = { "127.0.0.1": "0.0.0.0,127.0.0.1" };
      await using server = startSample("servers/udp_echo.ts", ["0.0.0.0", "0"], grants);
      const [, port] = await server.prints(/^listening on .*:(\d+)$/m);
      const to: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port: Number(port) };
      await forge({ ...to, hostname: source }, to, toBytes("hello"));
      await server.prints(/^recvfrom .*: dropped/m);
      await assertDropped(server, to, "127.0.0.1", toBytes("hello"), toBytes("hello").toHex());
    },
  );
}

testWith([], `${DGRAM_ECHO} answers nothing in its own name`, async (folder) => {
  const path = `${folder}/socket`;
  // A socket keeps its name when its file is gone.
  const forger = Deno.listenDatagram({ transport: "unixpacket", path });
  Deno.removeSync(path);
  const program = pathPrograms.find(({ sample }) => sample === DGRAM_ECHO);
  assert(program);
  await using server = await startAt(program, path);
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
  assertEquals(server.stderr.match(/^recvfrom .*: dropped/gm)?.length, 1, server.describe());
});

const udp = (hostname: string, port: number): Deno.NetAddr => ({
  transport: "udp",
  hostname,
  port,
});

Deno.test("isUnanswerable() knows the addresses of a socket", async () => {
  const cases: [from: Deno.NetAddr, own: Deno.NetAddr, expected: boolean][] = [
    [udp("127.0.0.1", 7), udp("127.0.0.1", 7), true],
    [udp("127.0.0.1", 8), udp("127.0.0.1", 7), false],
    [udp("127.0.0.2", 7), udp("127.0.0.1", 7), false], // another socket's
    [udp("127.0.0.2", 0), udp("127.0.0.1", 7), true],
    [udp("127.0.0.1", 7), udp("0.0.0.0", 7), true],
    [udp("127.3.2.1", 7), udp("0.0.0.0", 7), true],
    [udp("127.0.0.1", 8), udp("0.0.0.0", 7), false],
    [udp("::1", 7), udp("::", 7), true],
    [udp("::ffff:127.0.0.1", 7), udp("::", 7), true],
    [udp("::ffff:127.0.0.1", 7), udp("::ffff:127.0.0.1", 7), true],
    [udp("192.0.2.1", 7), udp("0.0.0.0", 7), false],
    [udp("2001:db8::1", 7), udp("::", 7), false],
    [udp("::ffff:192.0.2.1", 7), udp("::", 7), false],
    // The same again: what was found out is remembered.
    [udp("192.0.2.1", 7), udp("0.0.0.0", 7), false],
  ];
  for (const { address, family } of Deno.networkInterfaces()) {
    if (family === "IPv4") cases.push([udp(address, 7), udp("0.0.0.0", 7), true]);
  }
  for (const [from, own, expected] of cases) {
    const where = `${formatAddress(from)} at ${formatAddress(own)}`;
    assertEquals(await isUnanswerable(from, { addr: own }), expected, where);
  }
});
