import { assertEquals, assertMatch } from "@std/assert";
import { testWith } from "../support/test_with.ts";
import { Process, startSample } from "../../contract/process.ts";

// The samples against independent programs. Two ends that use one library may agree and be wrong: python3,
// netcat and socat show what is on the wire.

const ITERATIVE = "servers/tcp_echo_iterative.ts";
const CONCURRENT = "servers/tcp_echo_concurrent.ts";
const UDP_SERVER = "servers/udp_echo.ts";
const UNIX_SERVER = "unix/stream_echo_server.ts";
const TCP_CLIENT = "clients/tcp_echo.ts";
const UDP_CLIENT = "clients/udp_echo.ts";
const UNIX_CLIENT = "unix/stream_echo_client.ts";

/**
 * The beginning of the Python programs. An address is `host:port` or a path, as the samples print it.
 */
const PRELUDE = `
import contextlib, socket, struct, sys
socket.setdefaulttimeout(10)
STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
address = sys.argv[1]

def make(kind):
    if "/" in address:
        return socket.socket(socket.AF_UNIX, kind), address
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.socket(family, kind), (host.strip("[]"), int(port))

def name(s):
    own = s.getsockname()
    return "%s:%d" % own[:2] if isinstance(own, tuple) else own or "(unnamed)"

def connect(kind=STREAM):
    s, peer = make(kind)
    s.connect(peer)
    print(name(s))
    return s

def bind(kind):
    s, own = make(kind)
    s.bind(own)
    if kind == STREAM:
        s.listen()
    print("listening on", name(s))
    return s

def accept():
    c, _ = bind(STREAM).accept()
    if c.family != socket.AF_UNIX:
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return c

def receive(s, count):
    data = b""
    while len(data) < count:
        piece = s.recv(count - len(data))
        assert piece, "the stream ended after %d bytes of %d" % (len(data), count)
        data += piece
    return data

def receive_all(s):
    return b"".join(iter(lambda: s.recv(65536), b""))

def talk(s, message):
    s.sendall(message)
    reply = receive(s, len(message))
    assert reply == message, reply

def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
`;
import { startServer, startUnixServer } from "../support/start.ts";
import { stop } from "../support/end.ts";

function startPython(address: string, program: string): Process {
  return new Process(["-u", "-c", PRELUDE + program, address], false, undefined, "python3");
}

/** Runs a Python client; returns the addresses of its sockets, in the order of connecting. */
async function runPython(address: string, program: string): Promise<string[]> {
  await using client = startPython(address, program);
  assertEquals(await client.exits(), 0, client.describe());
  return client.stdout.trimEnd().split("\n");
}

/** A server, and its address. */
interface Running extends AsyncDisposable {
  server: Process;
  address: string;
}

async function start(sample: string, folder: string, ...options: string[]): Promise<Running> {
  if (sample === UNIX_SERVER) {
    const address = `${folder}/ours`;
    const server = await startUnixServer(address, ...options);
    return { server, address, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }
  const { server, port } = await startServer(sample, "127.0.0.1", { 7007: "0" }, ...options);
  const address = `127.0.0.1:${port}`;
  return { server, address, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function startClient(sample: string, address: string, ...options: string[]): Process {
  if (sample === UNIX_CLIENT) {
    return startSample(sample, [address], { "/tmp/stream_echo.sock": address }, true);
  }
  const [host = "", port = ""] = address.split(":");
  const written = sample === UDP_CLIENT ? 7017 : 7007;
  return startSample(sample, [host, port, ...options], { [written]: port }, true);
}

// The stream servers, and clients in Python.

for (const sample of [ITERATIVE, CONCURRENT, UNIX_SERVER]) {
  testWith(["python3"], `${sample} prints a message in pieces of 80 bytes`, async (folder) => {
    await using running = await start(sample, folder);
    const { server, address } = running;
    const [client] = await runPython(address, 'talk(connect(), b"x" * 200)');
    const pieces = [80, 80, 40].map((length) => `\tMessage: ${"x".repeat(length)}\n`);
    assertEquals(await stop(server), `Connection from ${client}\n${pieces.join("")}`);
    assertEquals(server.stderr, `listening on ${address}\n`);
  });

  testWith(["python3"], `${sample} echoes every byte, also after a half-close`, async (folder) => {
    await using running = await start(sample, folder);
    const { server, address } = running;
    await runPython(
      address,
      `
c, sent = connect(), bytes(range(256)) * 40
c.sendall(sent)
c.shutdown(socket.SHUT_WR)
assert receive_all(c) == sent
`,
    );
    const [control] = /[^\P{Cc}\t\n]/u.exec(await stop(server)) ?? [];
    assertEquals(control, undefined, "a control character is printed");
    assertEquals(server.stderr, `listening on ${address}\n`);
  });

  testWith(["python3"], `${sample} serves the next client after a reset`, async (folder) => {
    await using running = await start(sample, folder);
    const { server, address } = running;
    // A close with unread data is a reset, on a Unix socket too.
    const [first, next] = await runPython(
      address,
      `
c = connect()
c.sendall(b"hello")
c.recv(1, socket.MSG_PEEK)
reset(c)
talk(connect(), b"next")
`,
    );
    assertEquals(
      await stop(server),
      `Connection from ${first}\n\tMessage: hello\nConnection from ${next}\n\tMessage: next\n`,
    );
    assertEquals(
      server.stderr,
      `listening on ${address}\nread ${first}: Connection reset by peer\n`,
    );
  });
}

testWith(["python3"], `${ITERATIVE} serves one client at a time`, async (folder) => {
  await using running = await start(ITERATIVE, folder);
  const { server, address } = running;
  // While the first client is served, the second waits and the third resets.
  const [first, second, _, fourth] = await runPython(
    address,
    `
first, second, third, fourth = [connect() for _ in range(4)]
second.sendall(b"second")
reset(third)
for n in range(20):
    talk(first, b"first %d" % n)
first.close()
assert receive(second, 6) == b"second"
second.close()
talk(fourth, b"fourth")
`,
  );
  const messages = Array.from({ length: 20 }, (_, n) => `\tMessage: first ${n}\n`).join("");
  assertEquals(
    await stop(server),
    `Connection from ${first}\n${messages}Connection from ${second}\n\tMessage: second\n` +
      `Connection from ${fourth}\n\tMessage: fourth\n`,
  );
  assertEquals(server.stderr, `listening on ${address}\n`);
});

for (const sample of [CONCURRENT, UNIX_SERVER]) {
  testWith(["python3"], `${sample} serves others while a client is idle`, async (folder) => {
    await using running = await start(sample, folder);
    const [idle, busy] = await runPython(
      running.address,
      `
idle, busy = connect(), connect()
talk(busy, b"busy")
busy.close()
talk(idle, b"idle no more")
`,
    );
    assertEquals(
      await stop(running.server),
      `Connection from ${idle}\nConnection from ${busy}\n\tMessage: busy\n\tMessage: idle no more\n`,
    );
  });
}

testWith(["python3", "IPv6"], `${CONCURRENT} on :: serves IPv4 and IPv6 clients`, async () => {
  await using server = startSample(CONCURRENT, ["::", "0"], { "127.0.0.1:7007": "[::]:0" });
  const [, port] = await server.prints(/^listening on \[::\]:(\d+)$/m);
  const [v4 = ""] = await runPython(`127.0.0.1:${port}`, 'talk(connect(), b"four")');
  const [v6 = ""] = await runPython(`[::1]:${port}`, 'talk(connect(), b"six")');
  assertMatch(v4, /^127\.0\.0\.1:\d+$/);
  assertMatch(v6, /^::1:\d+$/);
  assertEquals(
    await stop(server),
    `Connection from ${v4}\n\tMessage: four\nConnection from ${v6}\n\tMessage: six\n`,
  );
});

// The clients, and servers in Python.

/** What a Python server does, and what the client prints. */
interface Encounter {
  /** The server's program; its socket is `c`, of a datagram server `s`. */
  program: string;
  /** The client's options. */
  options?: string[];
  /** The client's stdin. */
  typed: string;
  /** The client's stdout. */
  prints: string;
  /** A pattern of its error, if it fails, with ADDRESS for the server's address. */
  fails?: string;
}

async function assertGoes(
  sample: string,
  address: string,
  { program, options = [], typed, prints, fails }: Encounter,
): Promise<void> {
  await using server = startPython(address, program);
  const [, bound = ""] = await server.prints(/^listening on (\S+)$/m);
  await using client = startClient(sample, bound, ...options);
  await client.type(typed);
  await client.endInput();
  assertEquals(await client.exits(), fails === undefined ? 0 : 1, client.describe());
  assertEquals(client.stdout, prints, client.describe());
  const line = fails?.replace("ADDRESS", RegExp.escape(bound)) ?? "";
  assertMatch(client.stderr, RegExp(line === "" ? "^$" : `^${line}\n$`));
  assertEquals(await server.exits(), 0, `the server ${server.describe()}`);
}

const lines = [0, 1, 8190, 8191, 8192, 8193, 20_000].map((length) => `${"x".repeat(length)}\n`);
const garbage = [...Array(300).keys()].map((n) => n % 128 + 128);

const streamEncounters: Record<string, Encounter> = {
  "echoes byte by byte": {
    program: "while byte := c.recv(1): c.sendall(byte)",
    typed: "hello\nsecond line\n",
    prints: "hello\nsecond line\n",
  },
  "echoes lines of any length, the last without newline": {
    program: "while piece := c.recv(65536): c.sendall(piece)",
    typed: `${lines.join("")}the end`,
    prints: `${lines.join("")}the end`,
  },
  "waits for the end of a last line without newline": {
    program: 'for line in c.makefile("rb"): c.sendall(line)',
    typed: "hello\nthe end",
    prints: "hello\nthe end",
  },
  "waits for the end of a last line of a whole piece without newline": {
    program: 'for line in c.makefile("rb"): c.sendall(line)',
    typed: "x".repeat(8191),
    prints: "x".repeat(8191),
  },
  "receives nothing": {
    program: 'assert receive_all(c) == b""',
    typed: "",
    prints: "",
  },
  "closes without a reply": {
    program: "receive(c, 6); c.close()",
    typed: "hello\n",
    prints: "",
    fails: "read ADDRESS: the server closed the connection",
  },
  "closes after its first reply": {
    program: "c.sendall(receive(c, 6)); c.close()",
    typed: "hello\nagain\n",
    prints: "hello\n",
    // The error depends on how far the close has got.
    fails:
      "(read|write) ADDRESS: (the server closed the connection|Connection reset.*|Broken pipe)",
  },
  "resets": {
    program: "c.recv(1, socket.MSG_PEEK); reset(c)",
    typed: "hello\n",
    prints: "",
    fails: "read ADDRESS: Connection reset by peer",
  },
  "replies with garbage and no newline": {
    program: `receive(c, 6); c.sendall(bytes([${garbage}])); c.close()`,
    typed: "hello\n",
    prints: new TextDecoder().decode(new Uint8Array(garbage)),
  },
  "replies without end": {
    program: `
receive(c, 6)
with contextlib.suppress(ConnectionError):
    while True: c.sendall(b"x" * 65536)
`,
    typed: "hello\n",
    prints: "x".repeat(8191),
  },
};

for (const [does, encounter] of Object.entries(streamEncounters)) {
  const program = `c = accept()\n${encounter.program}`;
  testWith(["python3"], `${TCP_CLIENT} and a server that ${does}`, async () => {
    await assertGoes(TCP_CLIENT, "127.0.0.1:0", { ...encounter, program });
  });
  testWith(["python3"], `${UNIX_CLIENT} and a server that ${does}`, async (folder) => {
    await assertGoes(UNIX_CLIENT, `${folder}/theirs`, { ...encounter, program });
  });
}

const datagramEncounters: Record<string, Encounter> = {
  "replies": {
    program: `
for _ in range(3):
    message, client = s.recvfrom(65536)
    s.sendto(b"<" + message + b">", client)
`,
    typed: "hello\n\nthe end",
    prints: "<hello>\n<>\n<the end>\n",
  },
  "replies with no bytes": {
    program: 's.sendto(b"", s.recvfrom(65536)[1])',
    typed: "hello\n",
    prints: "\n",
  },
  "replies with the longest datagram": {
    program: 's.sendto(b"x" * 65507, s.recvfrom(65536)[1])',
    typed: "hello\n",
    prints: `${"x".repeat(65507)}\n`,
  },
  "receives the longest datagram": {
    program: `
message, client = s.recvfrom(65536)
s.sendto(b"%d" % len(message), client)
`,
    typed: `${"x".repeat(65507)}\n`,
    prints: "65507\n",
  },
  "would receive more than a datagram holds": {
    program: "",
    typed: `${"x".repeat(65508)}\n`,
    prints: "",
    fails: "sendto ADDRESS: a message of 65508 bytes is too long, the limit is 65507 bytes",
  },
  "does not reply": {
    program: "s.recvfrom(65536)",
    options: ["--timeout=0.2"],
    typed: "hello\n",
    prints: "",
    fails: "recv ADDRESS: timed out after 0\\.2 s",
  },
  "does not reply, while another socket does": {
    program: `
message, client = s.recvfrom(65536)
socket.socket(socket.AF_INET, DATAGRAM).sendto(b"believe me", client)
`,
    options: ["--timeout=0.2"],
    typed: "hello\n",
    prints: "",
    fails: "recv ADDRESS: timed out after 0\\.2 s",
  },
  "replies after another socket": {
    program: `
message, client = s.recvfrom(65536)
socket.socket(socket.AF_INET, DATAGRAM).sendto(b"believe me", client)
s.sendto(message, client)
`,
    typed: "hello\n",
    prints: "hello\n",
  },
};

for (const [does, encounter] of Object.entries(datagramEncounters)) {
  testWith(["python3"], `${UDP_CLIENT} and a server that ${does}`, async () => {
    const program = `s = bind(DATAGRAM)\n${encounter.program}`;
    // On a busy machine a reply may take longer than the default.
    const options = encounter.options ?? ["--timeout=30"];
    await assertGoes(UDP_CLIENT, "127.0.0.1:0", { ...encounter, program, options });
  });
}

// The datagram server, and clients in Python.

/** Messages, and their replies. */
const datagrams: [sent: string, back: string][] = [
  ["hello", "hello"],
  ["", ""],
  ["x".repeat(80), "x".repeat(80)],
  ["x".repeat(81), "x".repeat(80)],
  ["x".repeat(65507), "x".repeat(80)],
];

const sendDatagrams = `
s = connect(DATAGRAM)
for sent, back in ${JSON.stringify(datagrams)}:
    s.send(sent.encode())
    reply = s.recv(65536).decode()
    assert reply == back, reply
connect(DATAGRAM).send(b"I will not wait for the answer")
s.send(b"the end")
assert s.recv(65536) == b"the end"
`;

testWith(
  ["python3"],
  `${UDP_SERVER} truncates messages at 80 bytes, and reports it`,
  async (folder) => {
    await using running = await start(UDP_SERVER, folder);
    const { server, address } = running;
    const [client, other] = await runPython(address, sendDatagrams);
    assertEquals(
      await stop(server),
      datagrams.map(([, back]) => `Message from ${client}: ${back}\n`).join("") +
        `Message from ${other}: I will not wait for the answer\nMessage from ${client}: the end\n`,
    );
    const cut = `${client}: message truncated to 80 bytes\n`;
    assertEquals(server.stderr, `listening on ${address}\n${cut}${cut}`);
  },
);

testWith(["python3"], `${UDP_SERVER} --quiet does the same without output`, async (folder) => {
  await using running = await start(UDP_SERVER, folder, "--quiet");
  const { server, address } = running;
  await runPython(address, sendDatagrams);
  assertEquals(await stop(server), "");
  assertEquals(server.stderr, `listening on ${address}\n`);
});

// netcat and socat.

/** The arguments of netcat and socat as clients of an address. */
const theirClients: [
  program: "nc" | "socat",
  sample: string,
  args: (address: string) => string[],
][] = [
  ["nc", ITERATIVE, (address) => address.split(":")],
  ["nc", UDP_SERVER, (address) => ["-u", ...address.split(":")]],
  ["nc", UNIX_SERVER, (address) => ["-U", address]],
  ["socat", ITERATIVE, (address) => ["-", `TCP:${address}`]],
  ["socat", UDP_SERVER, (address) => ["-", `UDP:${address}`]],
  ["socat", UNIX_SERVER, (address) => ["-", `UNIX-CONNECT:${address}`]],
];

for (const [program, sample, args] of theirClients) {
  testWith([program], `${sample} and ${program}`, async (folder) => {
    await using running = await start(sample, folder);
    {
      await using client = new Process(args(running.address), true, undefined, program);
      await client.type("hello\n");
      await client.prints(/^hello\n$/);
    }
    const stdout = (await stop(running.server)).replace(/127\.0\.0\.1:\d+|\(unnamed\)/, "PEER");
    const isUdp = sample === UDP_SERVER;
    assertEquals(
      stdout,
      isUdp ? "Message from PEER: hello\n" : "Connection from PEER\n\tMessage: hello\n",
    );
  });
}

/** The arguments of netcat and socat as servers, and what they print when they listen. */
const theirServers: [
  program: "nc" | "socat",
  sample: string,
  args: (path: string) => string[],
  ready: RegExp,
][] = [
  ["nc", TCP_CLIENT, () => ["-lvn", "127.0.0.1", "0"], /^Listening on \S+ (\d+)$/m],
  ["nc", UDP_CLIENT, () => ["-luvn", "127.0.0.1", "0"], /^Bound on \S+ (\d+)$/m],
  ["nc", UNIX_CLIENT, (path) => ["-lvU", path], /^Listening on /m],
  [
    "socat",
    TCP_CLIENT,
    () => ["-dd", "TCP-LISTEN:0,bind=127.0.0.1", "-"],
    / listening on .*:(\d+)$/m,
  ],
  [
    "socat",
    UDP_CLIENT,
    () => ["-dd", "UDP-LISTEN:0,bind=127.0.0.1", "-"],
    / listening on .*:(\d+)$/m,
  ],
  ["socat", UNIX_CLIENT, (path) => ["-dd", `UNIX-LISTEN:${path}`, "-"], / listening on /m],
];

for (const [program, sample, args, ready] of theirServers) {
  testWith([program], `${sample} and ${program} -l`, async (folder) => {
    const path = `${folder}/theirs`;
    await using server = new Process(args(path), true, undefined, program);
    const [, port] = await server.prints(ready);
    await using client = startClient(sample, port === undefined ? path : `127.0.0.1:${port}`);
    await client.type("hello\n");
    await server.prints(/^hello\n?$/); // a datagram has no newline
    await server.type("hello yourself\n");
    await client.prints(/^hello yourself\n/);
    await client.endInput();
    assertEquals(await client.exits(), 0, client.describe());
  });
}
