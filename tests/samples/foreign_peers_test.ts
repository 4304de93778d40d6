import { assertEquals, assertMatch } from "@std/assert";
import { testWith } from "../support/test_with.ts";
import { Process, startSample } from "../../contract/process.ts";

// The samples against programs that are not ours. Two ends that stand on one library may agree and
// be wrong; what python3, netcat and socat see is what is on the wire.

const ITERATIVE = "servers/tcp_echo_iterative.ts";
const CONCURRENT = "servers/tcp_echo_concurrent.ts";
const UDP_SERVER = "servers/udp_echo.ts";
const UNIX_SERVER = "unix/stream_echo_server.ts";
const TCP_CLIENT = "clients/tcp_echo.ts";
const UDP_CLIENT = "clients/udp_echo.ts";
const UNIX_CLIENT = "unix/stream_echo_client.ts";

/**
 * What our Python programs begin with. An address is `host:port` or a path, as the samples print
 * them; the timeout is only a safety net.
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

/** Runs a Python client to its end; returns the names of its sockets, in the order of connecting. */
async function runPython(address: string, program: string): Promise<string[]> {
  await using client = startPython(address, program);
  assertEquals(await client.exits(), 0, client.describe());
  return client.stdout.trimEnd().split("\n");
}

/** One of our servers, and where it listens. */
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

// Our stream servers, and clients in Python.

for (const sample of [ITERATIVE, CONCURRENT, UNIX_SERVER]) {
  testWith(["python3"], `${sample} prints a message in pieces of 80 bytes`, async (folder) => {
    await using running = await start(sample, folder);
    const { server, address } = running;
    const [client] = await runPython(address, 'talk(connect(), b"x" * 200)');
    const pieces = [80, 80, 40].map((length) => `\tMessage: ${"x".repeat(length)}\n`);
    assertEquals(await stop(server), `Connection from ${client}\n${pieces.join("")}`);
    assertEquals(server.stderr, `listening on ${address}\n`);
  });

  testWith(["python3"], `${sample} echoes any byte, also after a half-close`, async (folder) => {
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
    assertEquals(control, undefined, "a control character on somebody's terminal");
    assertEquals(server.stderr, `listening on ${address}\n`);
  });

  testWith(["python3"], `${sample} serves on after a client has reset`, async (folder) => {
    await using running = await start(sample, folder);
    const { server, address } = running;
    // It closes with the answer untaken: on a Unix socket too, that is a reset.
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

testWith(["python3"], `${ITERATIVE} serves one client after the other`, async (folder) => {
  await using running = await start(ITERATIVE, folder);
  const { server, address } = running;
  // While the first client is served, the second could be many times over, and the third gives up.
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

// Our clients, and servers in Python.

/** What a Python server does, and what our client makes of it. */
interface Encounter {
  /** The server's program; `c` or, of a datagram server, `s` is its socket. */
  program: string;
  /** What the client is given on its command line after the address. */
  options?: string[];
  /** What is typed on the client's stdin before that ends. */
  typed: string;
  /** All that the client then prints on stdout. */
  prints: string;
  /** The line on stderr with which it fails, if it does: a pattern with ADDRESS for the server's. */
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
  "is never spoken to": {
    program: 'assert receive_all(c) == b""',
    typed: "",
    prints: "",
  },
  "closes without an answer": {
    program: "receive(c, 6); c.close()",
    typed: "hello\n",
    prints: "",
    fails: "read ADDRESS: the server closed the connection",
  },
  "closes after its first answer": {
    program: "c.sendall(receive(c, 6)); c.close()",
    typed: "hello\nagain\n",
    prints: "hello\n",
    // What the second line meets depends on how far the close has come.
    fails:
      "(read|write) ADDRESS: (the server closed the connection|Connection reset.*|Broken pipe)",
  },
  "resets": {
    program: "c.recv(1, socket.MSG_PEEK); reset(c)",
    typed: "hello\n",
    prints: "",
    fails: "read ADDRESS: Connection reset by peer",
  },
  "answers with garbage and no newline": {
    program: `receive(c, 6); c.sendall(bytes([${garbage}])); c.close()`,
    typed: "hello\n",
    prints: new TextDecoder().decode(new Uint8Array(garbage)),
  },
  "answers without end": {
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
  "answers": {
    program: `
for _ in range(3):
    message, client = s.recvfrom(65536)
    s.sendto(b"<" + message + b">", client)
`,
    typed: "hello\n\nthe end",
    prints: "<hello>\n<>\n<the end>\n",
  },
  "answers with nothing": {
    program: 's.sendto(b"", s.recvfrom(65536)[1])',
    typed: "hello\n",
    prints: "\n",
  },
  "answers with as much as a datagram holds": {
    program: 's.sendto(b"x" * 65507, s.recvfrom(65536)[1])',
    typed: "hello\n",
    prints: `${"x".repeat(65507)}\n`,
  },
  "is sent as much as a datagram holds": {
    program: `
message, client = s.recvfrom(65536)
s.sendto(b"%d" % len(message), client)
`,
    typed: `${"x".repeat(65507)}\n`,
    prints: "65507\n",
  },
  "would be sent more than a datagram holds": {
    program: "",
    typed: `${"x".repeat(65508)}\n`,
    prints: "",
    fails: "sendto ADDRESS: a message of 65508 bytes is too long, the limit is 65507 bytes",
  },
  "does not answer": {
    program: "s.recvfrom(65536)",
    options: ["--timeout=0.2"],
    typed: "hello\n",
    prints: "",
    fails: "recv ADDRESS: timed out after 0\\.2 s",
  },
  "does not answer, when somebody else does": {
    program: `
message, client = s.recvfrom(65536)
socket.socket(socket.AF_INET, DATAGRAM).sendto(b"believe me", client)
`,
    options: ["--timeout=0.2"],
    typed: "hello\n",
    prints: "",
    fails: "recv ADDRESS: timed out after 0\\.2 s",
  },
  "answers after somebody else": {
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
    // Nobody's answer is that late, but on a busy machine it may well be later than the default.
    const options = encounter.options ?? ["--timeout=30"];
    await assertGoes(UDP_CLIENT, "127.0.0.1:0", { ...encounter, program, options });
  });
}

// Our datagram server, and clients in Python.

/** What is sent, and what comes back. */
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

testWith(["python3"], `${UDP_SERVER} cuts messages at 80 bytes, and says so`, async (folder) => {
  await using running = await start(UDP_SERVER, folder);
  const { server, address } = running;
  const [client, other] = await runPython(address, sendDatagrams);
  assertEquals(
    await stop(server),
    datagrams.map(([, back]) => `Message from ${client}: ${back}\n`).join("") +
      `Message from ${other}: I will not wait for the answer\nMessage from ${client}: the end\n`,
  );
  const cut = `${client}: message cut at 80 bytes\n`;
  assertEquals(server.stderr, `listening on ${address}\n${cut}${cut}`);
});

testWith(["python3"], `${UDP_SERVER} --quiet does the same without a word`, async (folder) => {
  await using running = await start(UDP_SERVER, folder, "--quiet");
  const { server, address } = running;
  await runPython(address, sendDatagrams);
  assertEquals(await stop(server), "");
  assertEquals(server.stderr, `listening on ${address}\n`);
});

// netcat and socat, as a person uses them.

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

/** The arguments of netcat and socat as servers, and the line with which they say that they are. */
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
