import { assertEquals, assertMatch } from "@std/assert";
import { startSample } from "../../contract/process.ts";
import { assertEnds } from "../support/end.ts";
import { Namespace } from "../support/namespaces.ts";
import { testWith } from "../support/test_with.ts";

const TRACEROUTE = "posix/traceroute.ts";

/** The output with each time as `T`. */
function withoutTimes(stdout: string): string {
  return stdout.replaceAll(/\d+\.\d{3} ms/g, "T");
}

/** Three networks in a row: a client, a router and a host. */
async function withRouter(
  use: (client: Namespace, router: Namespace) => Promise<void>,
): Promise<void> {
  await using client = await Namespace.create();
  await using router = await Namespace.create();
  await using host = await Namespace.create();
  await client.link(router, ["10.77.0.1/24", "fd77::1/64"], ["10.77.0.2/24", "fd77::2/64"]);
  await router.link(host, ["10.77.1.1/24", "fd77:1::1/64"], ["10.77.1.2/24", "fd77:1::2/64"]);
  await client.run("ip route add default via 10.77.0.2\nip route add default via fd77::2");
  await host.run("ip route add default via 10.77.1.1\nip route add default via fd77:1::1");
  // Without its limit for ICMP, Linux still reports only five errors of a route at once.
  await router.run(`
    echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
    echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
  `);
  await use(client, router);
}

testWith(
  ["Linux C library", "network namespaces"],
  `${TRACEROUTE} prints the router and the host, of both versions`,
  async () => {
    await withRouter(async (client) => {
      for (
        const [host, size, router] of [
          ["10.77.1.2", 60, "10.77.0.2"],
          ["fd77:1::2", 80, "fd77::2"],
        ] as const
      ) {
        await using process = client.startSample(TRACEROUTE, [host]);
        assertEquals(await process.exits(), 0, process.describe());
        assertEquals(
          withoutTimes(process.stdout),
          `traceroute to ${host} (${host}), 30 hops max, ${size} byte packets\n` +
            ` 1  ${router}  T  T  T\n 2  ${host}  T  T  T\n`,
          process.describe(),
        );
      }
    });
  },
);

for (
  const [route, cause] of [
    ["unreachable", "Destination Host Unreachable"],
    ["prohibit", "Communication Prohibited"],
    ["blackhole", null],
  ] as const
) {
  const title = cause === null
    ? `${TRACEROUTE} prints * where there is no report`
    : `${TRACEROUTE} ends with the error of a router: ${cause}`;
  testWith(["Linux C library", "network namespaces"], title, async () => {
    await withRouter(async (client, router) => {
      await router.run(`ip route add ${route} 10.77.9.0/24`);
      const args = ["10.77.9.1", "--max-hops", "2", "--timeout", cause === null ? "0.1" : "20"];
      await using process = client.startSample(TRACEROUTE, args);
      assertEquals(await process.exits(), 0, process.describe());
      assertEquals(
        withoutTimes(process.stdout),
        "traceroute to 10.77.9.1 (10.77.9.1), 2 hops max, 60 byte packets\n" +
          (cause === null
            ? " 1  * * *\n 2  * * *\n"
            : ` 1  10.77.0.2${`  T ${cause}`.repeat(3)}\n`),
        process.describe(),
      );
    });
  });
}

/**
 * A router that reports, for each datagram to 10.77.1.2, the previous datagram (again), a datagram of another
 * program, and half a datagram; then, if it is run with "honest", the datagram itself, twice.
 */
const LIAR = `
import socket, struct, sys
def checksum(data):
    data += b"\\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def exceeded(quoted):
    head = struct.pack("!BBHI", 11, 0, checksum(struct.pack("!BBHI", 11, 0, 0, 0) + quoted), 0)
    return head + quoted
ETH_P_IP = 0x0800
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
print("ready", flush = True)
previous = None
while True:
    packet = s.recv(2000)
    if packet[9] != 17 or packet[16:20] != bytes([10, 77, 1, 2]): continue
    other = packet[:20] + struct.pack("!H", struct.unpack("!H", packet[20:22])[0] ^ 1) + packet[22:]
    reports = [previous or b"", other, packet[:14]]
    if sys.argv[1] == "honest": reports += [packet, packet]
    for quoted in reports: out.sendto(exceeded(quoted), ("10.77.0.1", 0))
    previous = packet
`;

testWith(
  ["Linux C library", "network namespaces", "python3"],
  `${TRACEROUTE} ignores late reports, duplicates, other programs' reports and garbage`,
  async () => {
    await using client = await Namespace.create();
    await using router = await Namespace.create();
    await client.link(router, ["10.77.0.1/24"], ["10.77.0.2/24"]);
    await client.run("ip route add default via 10.77.0.2");
    for (
      const [behavior, timeout, line] of [
        ["honest", "20", " 10.77.0.2  T  T  T"],
        ["late", "0.2", " * * *"],
      ] as const
    ) {
      await using liar = router.start("python3", "-c", LIAR, behavior);
      await liar.prints(/^ready$/m);
      const args = ["10.77.1.2", "--max-hops", "2", "--timeout", timeout];
      await using process = client.startSample(TRACEROUTE, args);
      assertEquals(await process.exits(), 0, process.describe());
      const [, ...lines] = withoutTimes(process.stdout).split("\n");
      assertEquals(lines, [` 1 ${line}`, ` 2 ${line}`, ""], process.describe());
      assertEquals(process.stderr, "");
    }
  },
);

testWith(["Linux C library"], `${TRACEROUTE} rejects ports that exceed 65535`, async () => {
  for (const [port, status] of [["65533", 0], ["65534", 2]] as const) {
    const args = ["127.0.0.1", "--max-hops", "1", "--port", port];
    await using process = startSample(TRACEROUTE, args);
    assertEquals(await process.exits(), status, process.describe());
    const error = status === 0 ? /^$/ : /^--port: 65534 and 2 more exceed 65535\nUsage: /;
    assertMatch(process.stderr, error);
  }
});

testWith(
  ["Linux C library", "network namespaces"],
  `${TRACEROUTE} fails in one line without a route`,
  async () => {
    await using network = await Namespace.create();
    await using process = network.startSample(TRACEROUTE, ["10.77.0.1"]);
    const title = "traceroute to 10.77.0.1 (10.77.0.1), 30 hops max, 60 byte packets\n";
    await assertEnds(process, 1, title, "connect 10.77.0.1:33434: Network is unreachable\n");
  },
);
