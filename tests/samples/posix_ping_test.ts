import { assert, assertEquals } from "@std/assert";
import { startSample } from "../../contract/process.ts";
import {
  checksum,
  decodeEcho,
  describeError,
  encodeEcho,
  icmp,
  icmpv6,
} from "../../protocols/icmp.ts";
import { assertEnds } from "../support/end.ts";
import { Namespace } from "../support/namespaces.ts";
import { testWith } from "../support/test_with.ts";

const PING = "posix/ping.ts";

/** The line of a reply: the host, the sequence number, the time to live and the time. */
const REPLY = /^64 bytes from (\S+): icmp_seq=(\d+) ttl=(\d+) time=([\d.]+) ms$/gm;

// The message format

Deno.test("checksum() is the complement of the sum of all words, modulo 65535", () => {
  for (let size = 0; size < 200; size++) {
    const bytes = crypto.getRandomValues(new Uint8Array(size));
    let sum = 0;
    for (const [i, byte] of bytes.entries()) sum += i % 2 === 0 ? byte * 256 : byte;
    // A sum of 65535 is not reduced to 0.
    const reduced = sum === 0 ? 0 : (sum - 1) % 0xffff + 1;
    assertEquals(checksum(bytes), 0xffff - reduced, bytes.toHex());
  }
  assertEquals(checksum(new Uint8Array(1500).fill(0xff)), 0);
});

Deno.test("encodeEcho() and decodeEcho() agree, and the checksum is correct", () => {
  for (const size of [0, 1, 56, 1400]) {
    const data = crypto.getRandomValues(new Uint8Array(size));
    const echo = { type: 8, id: 0xfffe, sequence: 0xffff, data };
    const message = encodeEcho(echo);
    assertEquals(message.length, 8 + size);
    assertEquals(checksum(message), 0);
    assertEquals(decodeEcho(message), echo);
  }
});

Deno.test("decodeEcho() returns null for less than a header", () => {
  for (let size = 0; size < 8; size++) assertEquals(decodeEcho(new Uint8Array(size)), null);
});

Deno.test("describeError() names errors of both versions, and the numbers of others", () => {
  assertEquals(describeError(icmp, 3, 13), "Communication Prohibited");
  assertEquals(describeError(icmp, 11, 0), "Time to live exceeded");
  assertEquals(describeError(icmpv6, 1, 4), "Port Unreachable");
  assertEquals(describeError(icmpv6, 3, 0), "Hop limit exceeded");
  assertEquals(describeError(icmpv6, 200, 1), "ICMP type 200, code 1");
});

// The sample

testWith(
  ["Linux C library", "ICMP sockets", "IPv6"],
  `${PING} prints each reply of both versions, and times that agree with the statistics`,
  async () => {
    for (const host of ["127.0.0.1", "::1"]) {
      const args = [host, "--count", "3", "--interval", "0.05"];
      await using ping = startSample(PING, args);
      assertEquals(await ping.exits(), 0, ping.describe());
      const replies = [...ping.stdout.matchAll(REPLY)];
      const expected = [[host, "1", "64"], [host, "2", "64"], [host, "3", "64"]];
      assertEquals(replies.map((reply) => reply.slice(1, 4)), expected);
      const [, ...summary] =
        /, 0% packet loss, time \d+ms\nrtt min\/avg\/max\/mdev = (.*)\/(.*)\/(.*)\/(.*) ms\n$/
          .exec(ping.stdout) ?? [];
      const [min = NaN, average = NaN, max = NaN] = summary.map(Number);
      const times = replies.map((reply) => Number(reply[4]));
      assertEquals(Number(min.toPrecision(3)), Math.min(...times), ping.describe());
      assertEquals(Number(max.toPrecision(3)), Math.max(...times), ping.describe());
      assert(min <= average && average <= max, ping.describe());
    }
  },
);

testWith(
  ["Linux C library", "ICMP sockets"],
  `${PING} prints the statistics at SIGINT`,
  async () => {
    const args = ["127.0.0.1", "--count", "1000", "--interval", "0.05"];
    await using ping = startSample(PING, args);
    await ping.prints(/icmp_seq=2 /);
    ping.kill("SIGINT");
    assertEquals(await ping.exits(), 0, ping.describe());
    const [, sent, received] =
      /\n\n--- 127.0.0.1 ping statistics ---\n(\d+) packets transmitted, (\d+) received, /
        .exec(ping.stdout) ?? [];
    assert(Number(sent) >= 2 && Number(sent) < 1000, ping.describe());
    assertEquals([...ping.stdout.matchAll(REPLY)].length, Number(received), ping.describe());
  },
);

/** Removes CAP_NET_RAW, and runs a program. */
const WITHOUT_RAW = `
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_NET_RAW = 24, 13
assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0) == 0
os.execvp(sys.argv[1], sys.argv[1:])
`;

/** Allows datagram sockets for ICMP to all groups. */
const ALLOW_PING_SOCKETS = "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range";

testWith(
  ["Linux C library", "network namespaces", "python3"],
  `${PING} requires no privilege where its group may open a datagram socket`,
  async () => {
    await using network = await Namespace.create();
    const start = (host: string) => {
      const command = ["python3", "-c", WITHOUT_RAW];
      return network.startSample(PING, [host, "--count", "2", "--interval", "0.05"], command);
    };
    await using denied = start("127.0.0.1");
    await assertEnds(denied, 1, "", "socket: Operation not permitted\n");

    await network.run(ALLOW_PING_SOCKETS);
    for (const host of ["127.0.0.1", "::1"]) {
      await using ping = start(host);
      assertEquals(await ping.exits(), 0, ping.describe());
      const replies = Array.from(ping.stdout.matchAll(REPLY), (reply) => reply.slice(1, 4));
      assertEquals(replies, [[host, "1", "64"], [host, "2", "64"]], ping.describe());
    }
  },
);

for (
  const [route, host, from, cause] of [
    ["unreachable 10.77.9.0/24", "10.77.9.1", "10.77.0.2", "Destination Host Unreachable"],
    ["prohibit 10.77.9.0/24", "10.77.9.1", "10.77.0.2", "Communication Prohibited"],
    ["unreachable fd77:9::/64", "fd77:9::1", "fd77::2", "No Route to Destination"],
  ] as const
) {
  testWith(
    ["Linux C library", "network namespaces"],
    `${PING} reports the error of a router with the route ${route}, and exits with 1`,
    async () => {
      await using client = await Namespace.create();
      await using router = await Namespace.create();
      await client.link(router, ["10.77.0.1/24", "fd77::1/64"], ["10.77.0.2/24", "fd77::2/64"]);
      await client.run("ip route add default via 10.77.0.2\nip route add default via fd77::2");
      // Without its limit for ICMP, Linux still reports only five errors of a route at once.
      await router.run(`
        echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        ip route add ${route}
      `);
      for (const prepare of ["true", ALLOW_PING_SOCKETS]) { // a raw socket, and a datagram socket
        await client.run(prepare);
        const args = [host, "--count", "2", "--interval", "0.05", "--timeout", "20"];
        await using ping = client.startSample(PING, args);
        assertEquals(await ping.exits(), 1, ping.describe());
        assertEquals(ping.stderr, `no reply from ${host}\n`);
        const [, ...lines] = ping.stdout.split("\n");
        assertEquals(lines.slice(0, 4), [
          `From ${from} icmp_seq=1 ${cause}`,
          `From ${from} icmp_seq=2 ${cause}`,
          "",
          `--- ${host} ping statistics ---`,
        ], ping.describe());
        const counts = "2 packets transmitted, 0 received, +2 errors, 100% packet loss";
        assert(lines[4]?.startsWith(counts), ping.describe());
      }
    },
  );
}

/**
 * Answers each echo request with five messages to be ignored, the reply, and the reply again. The data of the
 * messages to be ignored is shorter.
 */
const LIAR = `
import socket, struct
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def echo(type, id, sequence, data, wrong = 0):
    sum = checksum(struct.pack("!BBHHH", type, 0, 0, id, sequence) + data)
    return struct.pack("!BBHHH", type, 0, sum ^ wrong, id, sequence) + data
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
print("ready", flush = True)
while True:
    packet, peer = s.recvfrom(2000)
    type, code, _, id, sequence = struct.unpack("!BBHHH", packet[20:28])
    if type != 8: continue
    data = packet[28:]
    for message in [
        b"\\0\\0\\xff\\xff", # too short for an echo message
        echo(13, id, sequence, data[:8]), # another type
        echo(0, id ^ 1, sequence, data[:8]), # the reply to another program
        echo(0, id, sequence + 1, data[:8]), # the reply to a later request
        echo(0, id, sequence, data[:8], 1), # a wrong checksum
        echo(0, id, sequence, data),
        echo(0, id, sequence, data),
    ]: s.sendto(message, peer)
`;

testWith(
  ["Linux C library", "network namespaces", "python3"],
  `${PING} ignores duplicates, other programs' replies and invalid messages`,
  async () => {
    await using client = await Namespace.create();
    await using host = await Namespace.create();
    await client.link(host, ["10.77.0.1/24"], ["10.77.0.2/24"]);
    await host.run("echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all");
    await using liar = host.start("python3", "-c", LIAR);
    await liar.prints(/^ready$/m);
    for (const prepare of ["true", ALLOW_PING_SOCKETS]) { // a raw socket, and a datagram socket
      await client.run(prepare);
      const args = ["10.77.0.2", "--count", "3", "--interval", "0.1", "--timeout", "20"];
      await using ping = client.startSample(PING, args);
      assertEquals(await ping.exits(), 0, ping.describe());
      const replies = Array.from(ping.stdout.matchAll(REPLY), (reply) => reply.slice(1, 4));
      const expected = ["1", "2", "3"].map((sequence) => ["10.77.0.2", sequence, "64"]);
      assertEquals(replies, expected, ping.describe());
      assertEquals(ping.stderr, "");
      assertEquals(ping.stdout.match(/ bytes from /g)?.length, 3, ping.describe());
      assert(/\n3 packets transmitted, 3 received, 0% packet loss/.test(ping.stdout));
    }
  },
);
