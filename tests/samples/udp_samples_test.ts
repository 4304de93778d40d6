import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import { isHere, type Need } from "../../contract/requirements.ts";
import { testWith } from "../support/test_with.ts";
import { freePort } from "../../contract/ports.ts";
import { Process, startSample, temporaryFolder } from "../../contract/process.ts";
import { PythonSocket } from "../support/python_socket.ts";
import { toBytes } from "../support/bytes.ts";
import { startInShell } from "../support/program.ts";
import { readSample } from "../../contract/header.ts";
import { startServer } from "../support/start.ts";
import { assertEnds, stop } from "../support/end.ts";

// The UDP samples as processes, against sockets of Python or Deno, on the loopback interface.

/** The time limit for datagrams and output, in ms. */
const PATIENCE = 30_000;

/** A UDP socket of Deno that keeps the datagrams it receives. */
class Peer implements Disposable {
  readonly received: string[] = [];
  readonly #socket: Deno.DatagramConn;
  #changed = Promise.withResolvers<void>();

  constructor(hostname = "127.0.0.1") {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    this.#receive();
  }

  get addr(): Deno.NetAddr {
    return this.#socket.addr as Deno.NetAddr;
  }

  async #receive(): Promise<void> {
    for await (const [message] of this.#socket) {
      this.received.push(String.fromCharCode(...message));
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }

  /** Sends a text whose characters are bytes. */
  async send(text: string, port: number, hostname = this.addr.hostname): Promise<void> {
    await this.#socket.send(toBytes(text), { transport: "udp", hostname, port });
  }

  /** Waits until `count` datagrams have arrived; returns all of them. */
  async has(count: number, where: string): Promise<string[]> {
    const { promise: expired, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(
        new Error(`${where}: waited for ${count} datagrams, got ${JSON.stringify(this.received)}`),
      );
    }, PATIENCE);
    try {
      while (this.received.length < count) await Promise.race([this.#changed.promise, expired]);
    } finally {
      clearTimeout(timer);
    }
    return this.received;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

// U1

Deno.test("servers/udp_echo.ts prints and echoes datagrams, truncated at 80 bytes", async () => {
  for (const options of [[], ["--quiet"]]) {
    const { server, port } = await startServer("servers/udp_echo.ts", "127.0.0.1", {}, ...options);
    await using _server = server;
    using peer = new Peer();
    let stdout = "";
    let stderr = server.stderr;
    const own = `127.0.0.1:${peer.addr.port}`;
    const messages = ["hello", "", "\x00\xff", "x".repeat(80), "y".repeat(81), "last"];
    for (const [index, sent] of messages.entries()) {
      await peer.send(sent, port);
      const echoed = await peer.has(index + 1, JSON.stringify(sent));
      assertEquals(echoed.at(-1), sent.slice(0, 80), JSON.stringify(sent));
      const shown = sent.slice(0, 80).replace("\x00\xff", "\ufffd\ufffd");
      stdout += `Message from ${own}: ${shown}\n`;
      if (sent.length > 80) stderr += `${own}: message truncated to 80 bytes\n`;
    }
    await stop(server);
    const isQuiet = options.length > 0;
    await server.assertPrints(isQuiet ? "" : stdout);
    if (!isQuiet) assertEquals(server.stderr, stderr);
  }
});

testWith(
  ["IPv6"],
  "servers/udp_echo.ts on :: answers IPv4 and IPv6 clients, and prints unmapped addresses",
  async () => {
    const grants = { "127.0.0.1": "[::]:0,[::1],[::ffff:127.0.0.1]" };
    const { server, port } = await startServer("servers/udp_echo.ts", "::", grants);
    await using _server = server;
    for (const hostname of ["127.0.0.1", "::1", "127.0.0.1"]) {
      using peer = new Peer(hostname);
      await peer.send("hello", port);
      assertEquals(await peer.has(1, `${hostname} ${server.describe()}`), ["hello"], hostname);
      const line = `Message from ${hostname}:${peer.addr.port}: hello\n`;
      await server.prints(RegExp(`^${RegExp.escape(line)}`, "m")); // may be printed after the reply
      assert(server.stdout.endsWith(line), `${hostname}: ${server.describe()}`);
    }
  },
);

// U3

const PREFORK = "servers/udp_echo_prefork.ts";
const WORKER = /^\[worker (\d+)\] Message from 127\.0\.0\.1:(\d+): (.*)$/gm;

Deno.test(`${PREFORK}: every worker receives while the others are busy`, async () => {
  // Workers stay busy during the test, so each message goes to another one.
  const options = ["--workers=3", "--delay=1000"];
  const { server, port } = await startServer(PREFORK, "127.0.0.1", {}, ...options);
  await using _server = server;
  using peer = new Peer();
  const workers = new Set<string>();
  for (const [index, text] of ["first", "second", "third"].entries()) {
    await peer.send(text, port);
    await server.prints(RegExp(`: ${text}\n`));
    const line = [...server.stdout.matchAll(WORKER)].at(-1);
    assertEquals(line?.slice(2), [`${peer.addr.port}`, text], server.describe());
    workers.add(line?.[1] ?? "");
    assertEquals(workers.size, index + 1, `${text}: ${server.describe()}`);
  }
  assertEquals([...workers].sort(), ["1", "2", "3"]);
  assertEquals(peer.received, []);
});

Deno.test(`${PREFORK} --delay=1 prints the second message before it answers the first`, async () => {
  const { server, port } = await startServer(PREFORK, "127.0.0.1", {}, "--delay=1");
  await using _server = server;
  using peer = new Peer();
  await peer.send("first", port);
  await peer.send("second", port);
  await server.prints(/: first\n[^]*: second\n|: second\n[^]*: first\n/);
  assertEquals(peer.received, [], "answered");
  assertEquals((await peer.has(2, server.describe())).toSorted(), ["first", "second"]);
  const lines = [...server.stdout.matchAll(WORKER)];
  assertEquals(lines.length, 2, server.describe());
  assert(lines[0]?.[1] !== lines[1]?.[1], server.describe());
  await stop(server);
});

Deno.test(`${PREFORK} ends without an error although a worker is busy`, async () => {
  const { server, port } = await startServer(PREFORK, "127.0.0.1", {}, "--delay=1000");
  await using _server = server;
  using peer = new Peer();
  await peer.send("hello", port);
  await server.prints(/: hello\n/);
  await stop(server);
  assertEquals(server.stderr, `listening on 127.0.0.1:${port}\n`);
});

// U4

const RECEIVE = "servers/udp_receive.ts";

/** The output of `printf("0x%hhx ('%c') ")` for each byte of a text, and the lines around it. */
function printed(text: string): string {
  const bytes = [...text].map((char) => `0x${char.charCodeAt(0).toString(16)} ('${char}') `);
  return `received ${text.length} bytes:\n${bytes.join("")}\n`;
}

const allBytes = String.fromCharCode(...Array(256).keys());

const messages: [what: string, sent: string, received: string][] = [
  ["a word", "hello", "hello"],
  ["an empty message", "", ""],
  ["NUL and 0xff", "\x00\xff", "\x00\xff"],
  ["every byte", allBytes, allBytes],
  ["2500 bytes", "\xfe".repeat(2500), "\xfe".repeat(2500)],
  ["2501 bytes", `${"\xfe".repeat(2500)}!`, "\xfe".repeat(2500)],
];

for (const [what, sent, received] of messages) {
  Deno.test(`${RECEIVE} prints ${what} byte by byte, and ends`, async () => {
    await using folder = await temporaryFolder();
    // The output is not UTF-8, so it is written to a file.
    const file = `${folder.path}/stdout`;
    const flags = readSample(RECEIVE).flags.map((flag) =>
      flag.replace("[::1]:55555", "127.0.0.1:0")
    );
    const script = `exec "$@" >${file}`;
    await using server = startInShell(script, RECEIVE, ["127.0.0.1", "0"], flags);
    const [listening, port] = await server.prints(/^listening on 127\.0\.0\.1:(\d+)\n/);
    using peer = new Peer();
    await peer.send(sent, Number(port));
    const from = RegExp.escape(formatAddress(peer.addr));
    const cut = sent === received ? "" : `${from}: message truncated to 2500 bytes\n`;
    await assertEnds(server, 0, "", new RegExp(`^${RegExp.escape(listening)}${cut}$`));
    assertEquals(Deno.readFileSync(file).toHex(), toBytes(printed(received)).toHex(), what);
  });
}

/** Asserts that `--from` prints a sockaddr of `size` bytes; `address` follows the port. */
async function assertShowsFrom(
  hostname: string,
  granted: string,
  address: number[],
  size: number,
): Promise<void> {
  const grants = { "[::1]:55555": `${granted}:0` };
  const { server, port } = await startServer(RECEIVE, hostname, grants, "--from");
  await using _server = server;
  using peer = new Peer(hostname);
  await peer.send("hi", port);
  // The port is in network byte order, the family in host byte order.
  const { port: own } = peer.addr;
  const family = hostname.includes(":") ? 10 : 2;
  const sockaddr = [...new Uint8Array(new Uint16Array([family]).buffer), own >> 8, own & 0xff];
  sockaddr.push(...address, ...Array(size - sockaddr.length - address.length).fill(0));
  const bytes = sockaddr.map((byte) => `0x${byte.toString(16)} `);
  const from = `the socket address of the peer is (${size} bytes):\n${bytes.join("")}\n`;
  await assertEnds(server, 0, `${printed("hi")}${from}`, `listening on ${granted}:${port}\n`);
}

Deno.test(`${RECEIVE} --from prints a sockaddr_in`, async () => {
  await assertShowsFrom("127.0.0.1", "127.0.0.1", [127, 0, 0, 1], 16);
});

testWith(["IPv6"], `${RECEIVE} --from prints a sockaddr_in6`, async () => {
  await assertShowsFrom("::1", "[::1]", [...Array(4 + 15).fill(0), 1], 28);
});

Deno.test(`${RECEIVE} ends on SIGINT before a datagram has arrived`, async () => {
  const grants = { "[::1]:55555": "127.0.0.1:0" };
  const { server, port } = await startServer(RECEIVE, "127.0.0.1", grants);
  await using _server = server;
  await stop(server);
  await assertEnds(server, 0, "", `listening on 127.0.0.1:${port}\n`);
});

// U5

const HELLO = "clients/udp_hello.ts";

for (const [hostname, granted] of [["127.0.0.1", "127.0.0.1"], ["::1", "[::1]"]] as const) {
  const needs: Need[] = hostname === "::1" ? ["IPv6"] : [];
  testWith(needs, `${HELLO} sends hello to ${hostname}`, async () => {
    using peer = new Peer(hostname);
    const { port } = peer.addr;
    const grants = { "[::1]": granted, 55555: `${port}` };
    await using client = startSample(HELLO, [hostname, `${port}`], grants);
    await assertEnds(client, 0, "", "");
    assertEquals(await peer.has(1, hostname), ["hello"]);
  });
}

Deno.test(`${HELLO} cannot detect that no server listens`, async () => {
  const port = freePort();
  const grants = { "[::1]": "127.0.0.1", 55555: `${port}` };
  await using client = startSample(HELLO, ["127.0.0.1", `${port}`], grants);
  await assertEnds(client, 0, "", "");
});

/** Starts the client for a Unix socket. */
function helloUnix(path: string): Process {
  const flags = [`--allow-net=unix:${path}`, `--allow-write=${path}`];
  return new Process(["run", ...flags, HELLO, path], false);
}

Deno.test(`${HELLO} sends hello to a Unix socket`, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  const peer = Deno.listenDatagram({ transport: "unixpacket", path });
  await using client = helloUnix(path);
  await assertEnds(client, 0, "", "");
  const [message] = await peer.receive();
  assertEquals(new TextDecoder().decode(message), "hello");
  peer.close();
});

Deno.test(`${HELLO} reports a missing Unix socket`, async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/socket`;
  await using client = helloUnix(path);
  const cause = `sendto ${path}: No such file or directory`;
  await assertEnds(client, 1, "", `could not send the message, error: ${cause}\n`);
});

// U6

const CONNECTED = "clients/udp_connected.ts";

testWith(
  ["python3"],
  `${CONNECTED} prints its peer's reply, and counts the datagrams of other senders`,
  async () => {
    for (const reply of ["hello", "", "two\nlines", "x".repeat(2501)]) {
      await using peer = new PythonSocket("AF_INET");
      await using intruder = new PythonSocket("AF_INET");
      const port = await peer.bind("127.0.0.1");
      const args = ["127.0.0.1", `${port}`, "--timeout=30"];
      await using client = startSample(CONNECTED, args, { 7017: `${port}` });
      const [, own] =
        /^\(b'hello', (\('127.0.0.1', \d+\))\)$/.exec(await peer.eval("s.recvfrom(99)")) ?? [];
      for (const text of ["false", "hello"]) await intruder.eval(`s.sendto(b"${text}", ${own})`);
      await peer.eval(`s.sendto(${JSON.stringify(reply)}.encode(), ${own})`);
      const cut = reply.length > 2500 ? `127.0.0.1:${port}: message truncated to 2500 bytes\n` : "";
      const stdout = printed(reply.slice(0, 2500));
      await assertEnds(client, 0, stdout, `${cut}dropped datagrams from other addresses: 2\n`);
    }
  },
);

Deno.test(`${CONNECTED} times out when its peer does not reply`, async () => {
  using peer = new Peer();
  const { port } = peer.addr;
  const args = ["127.0.0.1", `${port}`, "--timeout=0.2"];
  await using client = startSample(CONNECTED, args, { 7017: `${port}` });
  await assertEnds(client, 1, "", `recv 127.0.0.1:${port}: timed out after 0.2 s\n`);
  assertEquals(await peer.has(1, "its message"), ["hello"]);
});

// U7

const SUM = "servers/udp_sum.ts";

/** Requests as Python expressions, and the replies: binary, and in decimal digits. */
const sums: [request: string, sum: string | null, digits: string | null][] = [
  ['struct.pack("!5I", 1, 3, 5, 7, 9)', "b'\\x00\\x00\\x00\\x19'", "b'25'"],
  ['struct.pack("!I", 4294967295)', "b'\\xff\\xff\\xff\\xff'", "b'4294967295'"],
  ['struct.pack("!2I", 4294967295, 1)', null, "b'4294967296'"],
  ['struct.pack("!256I", *[1] * 256)', "b'\\x00\\x00\\x01\\x00'", "b'256'"],
  ['struct.pack("!257I", *[1] * 257)', null, null],
  ...[1, 3, 5, 19, 21].map((length): [string, null, null] => [`bytes(${length})`, null, null]),
  ['struct.pack("!2I", 2, 3)', "b'\\x00\\x00\\x00\\x05'", "b'5'"],
];

for (const options of [[], ["--string"]]) {
  testWith(
    ["python3"],
    `${SUM} ${options} replies to valid requests of Python`,
    async () => {
      const { server, port } = await startServer(SUM, "127.0.0.1", {}, ...options);
      await using _server = server;
      await using peer = new PythonSocket("AF_INET");
      await peer.bind("127.0.0.1");
      for (const [request, sum, digits] of sums) {
        const reply = options.length > 0 ? digits : sum;
        const lines = server.stderr.split("\n").length;
        await peer.eval(`s.sendto(${request}, ("127.0.0.1", ${port}))`);
        if (reply !== null) {
          // A reply to an earlier request would arrive first.
          assertEquals(await peer.eval("s.recv(99)"), reply, request);
          continue;
        }
        const complains = () => server.stderr.split("\n").length === lines + 1;
        assert(
          await server.until(complains, AbortSignal.timeout(PATIENCE)),
          `${request}: no error`,
        );
        const said = server.stderr.split("\n").at(-2) ?? "";
        assert(/^127\.0\.0\.1:\d+: \S/.test(said), `${request}: ${said}`);
      }
      await stop(server);
      assertEquals(server.stdout, "");
    },
  );
}

Deno.test(`${SUM} names a client for which it has no permission once`, async () => {
  const { server, port } = await startServer(SUM, "127.0.0.1", { "127.0.0.1": "127.0.0.1:0" });
  await using _server = server;
  using peer = new Peer();
  await peer.send("\0\0\0\x07", port);
  const { port: own } = peer.addr;
  await server.prints(RegExp(`^sendto 127\\.0\\.0\\.1:${own}: permission not granted`, "m"));
});

/** What the client prints for a reply, or its error. */
const replies: [reply: string, options: string[], stdout: string, stderr: RegExp][] = [
  ['struct.pack("!I", 25)', [], "25\n", /^$/],
  ['struct.pack("!I", 4294967295)', [], "4294967295\n", /^$/],
  ['b"25"', ["--string"], "25\n", /^$/],
  ['b"25"', [], "", /^.*\b4\b.*\n$/],
  ['struct.pack("!2I", 2, 5)', [], "", /^.*\b4\b.*\n$/],
];

for (const [reply, options, stdout, stderr] of replies) {
  testWith(
    ["python3"],
    `clients/udp_sum.ts ${options} prints the reply ${reply} of Python`,
    async () => {
      await using peer = new PythonSocket("AF_INET");
      const port = await peer.bind("127.0.0.1");
      const args = ["127.0.0.1", `${port}`, "--timeout=30", ...options];
      await using client = startSample("clients/udp_sum.ts", args, { 7027: `${port}` });
      const request = await peer.eval(
        "(lambda m: (struct.unpack('!5I', m[0]), m[1]))(s.recvfrom(99))",
      );
      const [, own] = /^\(\(1, 3, 5, 7, 9\), (\('127.0.0.1', \d+\))\)$/.exec(request) ?? [];
      await peer.eval(`s.sendto(${reply}, ${own ?? request})`);
      await assertEnds(client, stdout === "" ? 1 : 0, stdout, stderr);
    },
  );
}

// U9

const EVERYBODY = "127.255.255.255";
const REUSE = "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)";

testWith(["python3"], "servers/udp_broadcast.ts prints what Python broadcasts", async () => {
  const grants = { 7029: "0" };
  const { server, port } = await startServer("servers/udp_broadcast.ts", EVERYBODY, grants);
  await using _server = server;
  await using peer = new PythonSocket("AF_INET");
  const own = await peer.bind("127.0.0.1");
  await peer.eval("s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)");
  await peer.eval(`s.sendto(b"only you", ("127.0.0.1", ${port}))`); // no broadcast
  for (const text of ["b'hello'", "b''", "b'y' * 81"]) {
    await peer.eval(`s.sendto(${text}, ("${EVERYBODY}", ${port}))`);
  }
  await server.prints(/y\n$/);
  await server.prints(/message truncated to 80 bytes\n$/);
  await stop(server);
  const lines = ["hello", "", "y".repeat(80)].map((text) =>
    `Message from 127.0.0.1:${own}: ${text}\n`
  );
  await server.assertPrints(lines.join(""));
});

testWith(["python3"], "clients/udp_broadcast.ts reaches all receivers on the port", async () => {
  const grants = { 7029: "0" };
  const { server, port } = await startServer("servers/udp_broadcast.ts", EVERYBODY, grants);
  await using _server = server;
  await using peer = new PythonSocket("AF_INET");
  await peer.eval(REUSE);
  await peer.bind(EVERYBODY, port);
  const args = [EVERYBODY, `${port}`];
  await using client = startSample("clients/udp_broadcast.ts", args, { 7029: `${port}` }, true);
  const texts = ["hello, everybody", "", "x".repeat(9000), "last"];
  await client.type(texts.join("\n"));
  await client.endInput();
  await assertEnds(client, 0, "", "");
  for (const text of texts) {
    assertEquals(await peer.eval("s.recv(9999)"), `b'${text}'`);
  }
  const [, own] = await server.prints(/:(\d+): last\n$/);
  const lines = texts.map((text) => `Message from 127.0.0.1:${own}: ${text.slice(0, 80)}\n`);
  await server.assertPrints(lines.join(""));
});

// U10

const MEMBER = "servers/udp_multicast.ts";
const ANNOUNCER = "clients/udp_multicast.ts";
const GROUP = "239.0.0.1";
const JOIN = `s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, ` +
  `socket.inet_aton("${GROUP}") + socket.inet_aton("127.0.0.1"))`;

/** Starts the client on loopback for a port of the group. */
function announce(port: number, ...options: string[]): Process {
  const args = [GROUP, `${port}`, ...options];
  return startSample(ANNOUNCER, args, { 7030: `${port}` }, true);
}

testWith(["python3"], `${MEMBER} prints what Python sends to the group`, async () => {
  const { server, port } = await startServer(MEMBER, GROUP, { 7030: "0" });
  await using _server = server;
  await using peer = new PythonSocket("AF_INET");
  const own = await peer.bind("127.0.0.1");
  await peer.eval(
    's.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))',
  );
  for (const text of ["b'hello, members'", "b''", "b'y' * 81"]) {
    await peer.eval(`s.sendto(${text}, ("${GROUP}", ${port}))`);
  }
  await server.prints(/y\n$/);
  await server.prints(/message truncated to 80 bytes\n$/);
  await stop(server);
  const texts = ["hello, members", "", "y".repeat(80)];
  assertEquals(
    server.stdout,
    texts.map((text) => `Message from 127.0.0.1:${own}: ${text}\n`).join(""),
  );
});

testWith(
  ["python3"],
  `${ANNOUNCER} reaches all members, with the given time to live`,
  async () => {
    const { server, port } = await startServer(MEMBER, GROUP, { 7030: "0" });
    await using _server = server;
    await using peer = new PythonSocket("AF_INET");
    await peer.eval(REUSE);
    await peer.bind("0.0.0.0", port);
    await peer.eval(JOIN);
    await peer.eval("s.setsockopt(socket.IPPROTO_IP, getattr(socket, 'IP_RECVTTL', 12), 1)");
    for (const [ttl, ...options] of [[1], [7, "--ttl=7"], [255, "--ttl=255"]] as const) {
      await using client = announce(port, ...options);
      await client.type(`ttl ${ttl}`);
      await client.endInput();
      await assertEnds(client, 0, "", "");
      const [text, received] = [`ttl ${ttl}`, await peer.eval("s.recvmsg(99, 99)[:2]")];
      assertEquals(
        received.replace(/, \d+, b'\\x(..)[^']*'/, " $1"),
        `(b'${text}', [(0 ${hex(ttl)})])`,
      );
      await server.prints(RegExp(`^Message from 127\\.0\\.0\\.1:\\d+: ${text}\n`, "m"));
    }
  },
);

Deno.test(`${ANNOUNCER} sends a long line in one piece`, async () => {
  const { server, port } = await startServer(MEMBER, GROUP, { 7030: "0" });
  await using _server = server;
  await using client = announce(port);
  await client.type(`${"x".repeat(9000)}\nlast\n`);
  await client.endInput();
  await assertEnds(client, 0, "", "");
  await server.prints(/: last\n$/);
  assertEquals(server.stdout.split("\n").length, 2 + 1, server.stdout);
});

/** Two hexadecimal digits. */
function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** The number of memberships of an IPv4 group on loopback, from Linux. */
function memberships(group: string): number {
  const words = group.split(".").reverse().map((byte) => hex(Number(byte)).toUpperCase()).join("");
  const [, loopback = ""] =
    /^\d+\tlo\s[^\n]*\n((?:\t.*\n)*)/m.exec(Deno.readTextFileSync("/proc/net/igmp")) ?? [];
  return Number(RegExp(`\\t${words} +(\\d+)`).exec(loopback)?.[1] ?? 0);
}

Deno.test({
  name: `${MEMBER} is a member only while it runs`,
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const group = `239.77.${Deno.pid >> 8 & 0xff}.${Deno.pid & 0xff}`; // of this process only
      const { server } = await startServer(MEMBER, group, { 7030: "0" });
      await using _server = server;
      assertEquals(memberships(group), 1, group);
      server.kill(signal);
      assertEquals(await server.exits(), 0, server.describe());
      assertEquals(memberships(group), 0, `${group} after ${signal}`);
    }
  },
});

/** The options of the UDP socket on a port from `ss` of Linux, or "". */
function socketOptions(port: number): string {
  try {
    const args = ["-uanH", "--inet-sockopt", `sport = :${port}`];
    return new TextDecoder().decode(new Deno.Command("ss", { args }).outputSync().stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function showsOptions(): boolean {
  using peer = new Peer();
  return socketOptions(peer.addr.port).includes("inet-sockopt: (");
}

// On the loopback interface datagrams are looped back even with IP_MULTICAST_LOOP off, and the tests use no
// other interface. So the test checks the option, not its effect.
const hasOptions = showsOptions();
Deno.test({
  name: `${ANNOUNCER} --loopback sets IP_MULTICAST_LOOP${hasOptions ? "" : " (no ss)"}`,
  ignore: !hasOptions,
  async fn() {
    for (const [option, isOn] of [["", true], ["--loopback=on", true], ["--loopback=off", false]]) {
      const { server, port } = await startServer(MEMBER, GROUP, { 7030: "0" });
      await using _server = server;
      await using client = announce(port, ...option ? [`${option}`] : []);
      await client.type("hello\n");
      const [, own] = await server.prints(/^Message from 127\.0\.0\.1:(\d+): hello\n/);
      const options = socketOptions(Number(own));
      assert(options.includes("sockopt"), `${option}: ${options}`);
      assertEquals(options.includes("mc_loop"), isOn, `${option}: ${options}`);
    }
  },
});

// If the test failed, it would join a group of interface scope (ff01), which is not reported to routers.
const LOCAL_GROUP = "ff01::1:7";

/** Wrong command lines, the exit status, and the error. */
const refused: [path: string, args: string[], code: number, stderr: RegExp][] = [
  [MEMBER, ["127.0.0.1", "0"], 2, /^group: "127\.0\.0\.1" is not .*\nUsage: /],
  [MEMBER, [GROUP, "0", "--interface=x"], 2, /^--interface: "x" is not .*\nUsage: /],
  [
    MEMBER,
    [GROUP, "0", "--interface=192.0.2.99"],
    1,
    /^setsockopt 239\.0\.0\.1: No such device\n$/,
  ],
  [MEMBER, [LOCAL_GROUP, "0", "--interface=x"], 2, /^--interface: "x" is not .*\nUsage: /],
  [MEMBER, [LOCAL_GROUP, "0", "--interface=127.0.0.1"], 2, /^--interface: "127\.0\.0\.1" is not /],
  [ANNOUNCER, [GROUP, "7030", "--ttl=256"], 2, /^--ttl: "256" is not .*\nUsage: /],
  [ANNOUNCER, ["127.0.0.1", "7030"], 2, /^group: "127\.0\.0\.1" is not .*\nUsage: /],
];

for (const [path, args, code, stderr] of refused) {
  Deno.test(`${path} rejects ${args.join(" ")}`, async () => {
    await using process = startSample(path, args, { "0.0.0.0:7030": "0.0.0.0:0,[::]:0" });
    await assertEnds(process, code, "", stderr);
  });
}

testWith(
  ["IPv6"],
  `${MEMBER} joins on an IPv6 interface by its index, and reports a missing one`,
  async () => {
    const grants = { "0.0.0.0:7030": "[::]:0" };
    const { server } = await startServer(MEMBER, "ff02::1:7", grants); // on interface 1, loopback
    await using _server = server;
    await stop(server);
    const args = ["ff02::1:7", "0", "--interface=999999999"];
    await using other = startSample(MEMBER, args, grants);
    await assertEnds(other, 1, "", "setsockopt ff02::1:7: No such device\n");
  },
);

/** Sends to an IPv6 group on loopback, interface 1. */
const SEND_V6 = [
  "s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, 1)",
  's.bind(("::1", 0))',
];

/** Whether the loopback interface has a route for IPv6 multicast. */
function carriesIpv6Multicast(): boolean {
  const code = `import socket
r, s = (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2))
r.settimeout(1)
r.bind(("::", 0))
group = socket.inet_pton(socket.AF_INET6, "ff02::1:7")
r.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + (1).to_bytes(4, sys.byteorder))
${SEND_V6.join("\n")}
s.sendto(b"hello", ("ff02::1:7", r.getsockname()[1], 0, 1))
r.recv(9)`;
  if (!isHere("python3")) return false;
  return new Deno.Command("python3", { args: ["-c", `import sys\n${code}`] }).outputSync().success;
}

const canSendV6 = carriesIpv6Multicast();
Deno.test({
  name: `${MEMBER} prints what Python sends to an IPv6 group` +
    (canSendV6 ? "" : " (no IPv6 multicast on loopback)"),
  ignore: !canSendV6,
  async fn() {
    const { server, port } = await startServer(MEMBER, "ff02::1:7", { "0.0.0.0:7030": "[::]:0" });
    await using _server = server;
    await using peer = new PythonSocket("AF_INET6");
    for (const call of SEND_V6) await peer.eval(call);
    const own = await peer.eval("s.getsockname()[1]");
    await peer.eval(`s.sendto(b"hello", ("ff02::1:7", ${port}, 0, 1))`);
    await server.prints(/\n$/);
    await stop(server);
    await server.assertPrints(`Message from ::1:${own}: hello\n`);
  },
});
