import { assert, assertEquals, assertMatch } from "@std/assert";
import net from "node:net";
import { readN, writeN } from "../../lib/io/read_write.ts";
import type { Need } from "../../contract/requirements.ts";
import { testWith } from "../support/test_with.ts";
import { startPython } from "../support/program.ts";
import { freePort } from "../../contract/ports.ts";
import { Process, startSample } from "../../contract/process.ts";
import { randomIntegers, toBytes, toText } from "../support/bytes.ts";
import { readSample, root } from "../../contract/header.ts";

// The TCP samples as processes, each against an independent peer, usually python3. Their output and their
// data are compared byte by byte with those of the lectures' programs.

const ECHO_LINES = "servers/tcp_echo_lines.ts";
const ECHO_ONCE = "servers/tcp_echo_once.ts";
const COUNTER = "servers/tcp_counter.ts";
const MESSAGE_SERVER = "servers/tcp_message.ts";
const REQUEST_SERVER = "servers/tcp_request.ts";
const FRAMES_SERVER = "servers/tcp_frames.ts";
const COUNT_SERVER = "servers/tcp_count.ts";
const TALK = "clients/tcp_talk.ts";
const MESSAGE_CLIENT = "clients/tcp_message.ts";
const ECHO_WORD = "clients/tcp_echo_word.ts";
const REQUEST_CLIENT = "clients/tcp_request.ts";
const FRAMES_CLIENT = "clients/tcp_frames.ts";
const COUNT_CLIENT = "clients/tcp_count.ts";
const TELNET = "clients/telnet.ts";
const DEADLOCK = "clients/tcp_deadlock.ts";

/** Starts a sample with `addresses` in place of those in its first flag. */
function start(path: string, args: string[], addresses: string): Process {
  const [flag = ""] = readSample(path).flags;
  return startSample(path, args, { [flag.replace("--allow-net=", "")]: addresses }, true);
}

/** Starts a server on a free port, from its path and options. */
function serve(command: string): Process {
  const [path = "", ...options] = command.split(" ");
  const host = path === ECHO_LINES || path === MESSAGE_SERVER ? [] : ["127.0.0.1"];
  return start(path, [...host, "0", ...options], path === ECHO_LINES ? "127.0.0.1" : "127.0.0.1:0");
}

/** Starts a client of a port; PORT in its arguments is the port. */
function connect(path: string, port: number, args: string[] = ["127.0.0.1", "PORT"]): Process {
  const withPort = args.map((arg) => arg.replace("PORT", `${port}`));
  return start(path, withPort, `127.0.0.1:${port}`);
}

/** The steps of python3 on a connection. Characters of a text are bytes. */
type Step =
  | ["named"] // before it connects: binds a port with a service name, if one is free
  | ["send", text: string, times?: number]
  | ["drip", text: string] // sends it byte by byte
  | ["receive", count: number]
  | ["rest"] // receives until `EOF` or `reset`, and reports which
  | ["shutdown"]
  | ["reset"];

/** The result of a connection. */
interface Report {
  /** Python's port, and its name by getnameinfo: `localhost, 1234`. */
  port: number;
  name: string;
  /** What it received: one text for `receive`, two for `rest`. */
  received: string[];
}

/** Makes one connection after another: to a port, or, if that is 0, from clients. */
const PEER = `
import json, socket, struct, sys
socket.setdefaulttimeout(30)  # a safety net
HERE = "127.0.0.1"
port, conversations = int(sys.argv[1]), json.loads(sys.argv[2])

def has_name(port):
    try:
        return socket.getservbyport(port, "tcp")
    except OSError:
        return None

def connect(named):
    conn = socket.socket()
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for own in filter(has_name, range(1024, 10000)) if named else []:
        try:
            conn.bind((HERE, own))
            break
        except OSError:
            pass
    conn.connect((HERE, port))
    return conn

def receive(conn, count):
    data = b""
    while len(data) < count and (piece := conn.recv(count - len(data))):
        data += piece
    return data.decode("latin-1")

def receive_rest(conn):
    data = b""
    try:
        while piece := conn.recv(65536):
            data += piece
        return [data.decode("latin-1"), "EOF"]
    except ConnectionResetError:
        return [data.decode("latin-1"), "reset"]

if port == 0:
    listener = socket.create_server((HERE, 0))
    print("listening on %s:%d" % listener.getsockname(), file=sys.stderr, flush=True)

reports = []
for steps in conversations:
    conn = listener.accept()[0] if port == 0 else connect(["named"] in steps)
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    own = conn.getsockname()
    received = []
    for verb, *args in steps:
        if verb == "send":
            conn.sendall(args[0].encode("latin-1") * (args[1] if args[1:] else 1))
        elif verb == "drip":
            for char in args[0]:
                conn.sendall(char.encode("latin-1"))
        elif verb == "receive":
            received.append(receive(conn, args[0]))
        elif verb == "rest":
            received += receive_rest(conn)
        elif verb == "shutdown":
            conn.shutdown(socket.SHUT_WR)
        elif verb == "reset":
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
    reports.append({"port": own[1], "name": "%s, %s" % socket.getnameinfo(own, 0), "received": received})
print(json.dumps(reports))
`;
import { exchange } from "../support/streams.ts";
import { listeningPort } from "../support/start.ts";
import { stop } from "../support/end.ts";

/** Starts python3 with conversations; it listens if the port is 0. */
function startPeer(port: number, conversations: Step[][]): Process {
  return startPython(PEER, `${port}`, JSON.stringify(conversations));
}

/** Waits for python3's results. */
async function reportsOf(peer: Process): Promise<Report[]> {
  assertEquals(await peer.exits(), 0, `python3 ${peer.describe()}`);
  return JSON.parse(peer.stdout);
}

/** Runs conversations of python3 with a server, one after another. */
async function converse(server: Process, conversations: Step[][]): Promise<Report[]> {
  await using peer = startPeer(await listeningPort(server), conversations);
  return await reportsOf(peer);
}

// The servers

/** A conversation with a server, and its expected results. */
interface Conversation {
  steps: Step[];
  received: string[];
  /** What the server prints; PORT and NAME stand for the client's. */
  stdout?: string;
  stderr?: string;
}

const long = "x".repeat(10_000);

/** The conversations with each server. */
const conversations: Record<string, Conversation[]> = {
  [ECHO_LINES]: [
    {
      steps: [["send", "hello\n"], ["receive", 6], ["send", "you\n"], ["shutdown"], ["rest"]],
      received: ["hello\n", "you\n", "EOF"],
      stdout: "Connected to (NAME)\nserver received 6 bytes\nserver received 4 bytes\n",
    },
    {
      steps: [["named"], ["drip", "hello\nyou\n"], ["shutdown"], ["rest"]],
      received: ["hello\nyou\n", "EOF"],
      stdout: "Connected to (NAME)\nserver received 6 bytes\nserver received 4 bytes\n",
    },
    {
      steps: [["send", "one\ntwo\n\nthree\nno newline"], ["shutdown"], ["rest"]],
      received: ["one\ntwo\n\nthree\nno newline", "EOF"],
      stdout: "Connected to (NAME)\n" +
        [4, 4, 1, 6, 10].map((count) => `server received ${count} bytes\n`).join(""),
    },
    {
      steps: [["send", `${long}\n`], ["shutdown"], ["rest"]],
      received: [`${long}\n`, "EOF"],
      stdout: "Connected to (NAME)\nserver received 8191 bytes\nserver received 1810 bytes\n",
    },
    {
      steps: [["send", "\0\xff\x1b[2J\n"], ["shutdown"], ["rest"]],
      received: ["\0\xff\x1b[2J\n", "EOF"],
      stdout: "Connected to (NAME)\nserver received 7 bytes\n",
    },
    {
      steps: [["send", "hello\nhal"], ["receive", 6], ["reset"]],
      received: ["hello\n"],
      stdout: "Connected to (NAME)\nserver received 6 bytes\n",
      stderr: "read 127.0.0.1:PORT: Connection reset by peer\n",
    },
    {
      steps: [["shutdown"], ["rest"]],
      received: ["", "EOF"],
      stdout: "Connected to (NAME)\n",
    },
  ],
  [ECHO_ONCE]: [
    ["hello\n", "hello\n"],
    [long.slice(0, 32), long.slice(0, 32)],
    [long.slice(0, 33), long.slice(0, 32)],
    [long, long.slice(0, 32)],
    ["\0\xff", "\0\xff"],
    ["", ""],
  ].map(([sent = "", echoed = ""]) => ({
    // After a reset, sending more would fail.
    steps: sent ? [["send", sent], ["rest"], ["send", "more"]] : [["shutdown"], ["rest"]],
    received: [echoed, "EOF"],
    stdout: `Received ${echoed.length} bytes from 127.0.0.1, port PORT\n`,
  })),
  [COUNTER]: [
    { steps: [["rest"]], received: ["Connection 1!\n", "EOF"] },
    { steps: [["rest"]], received: ["Connection 2!\n", "EOF"] },
    { steps: [["send", "dddd\n"], ["receive", 14]], received: ["Connection 3!\n"] },
    { steps: [["shutdown"], ["rest"]], received: ["Connection 4!\n", "EOF"] },
  ],
  [REQUEST_SERVER]: [
    { steps: [["send", "This is a message"], ["rest"]], received: ["This is a message", "EOF"] },
    { steps: [["send", "\0\xff"], ["rest"]], received: ["\0\xff", "EOF"] },
    { steps: [["send", long], ["rest"]], received: [long.slice(0, 1024), "EOF"] },
    { steps: [["shutdown"], ["rest"]], received: ["", "EOF"] },
  ],
  [COUNT_SERVER]: [
    {
      steps: [["send", "to be or not to be\nthat is the question\n"], ["shutdown"], ["rest"]],
      received: ["2 10 40\n", "EOF"],
    },
    { steps: [["drip", " a\tb\n\n c"], ["shutdown"], ["rest"]], received: ["2 3 8\n", "EOF"] },
    { steps: [["send", "\0\xff \x80\v"], ["shutdown"], ["rest"]], received: ["0 2 5\n", "EOF"] },
    {
      steps: [["send", "a b\n", 100_000], ["shutdown"], ["rest"]],
      received: ["100000 200000 400000\n", "EOF"],
    },
    { steps: [["shutdown"], ["rest"]], received: ["0 0 0\n", "EOF"] },
  ],
  [`${FRAMES_SERVER} --framing=length`]: [
    ...printing(
      ["\0\0\0\x05hello", "\0\0\0\0", "\0\0\0\x06\xc3\xa4\x1b[2J"],
      "hello\n\n\u00e4\ufffd[2J\n",
    ),
    complaining("4294967295 bytes exceed the limit of 1048576 bytes", "\xff\xff\xff\xff"),
    complaining("1048577 bytes exceed the limit of 1048576 bytes", "\0\x10\0\x01"),
    complaining(
      "the stream ended within the length of a frame with 1 of 4 bytes missing",
      "\0\0\0",
      ["shutdown"],
    ),
    complaining(
      "the stream ended within a frame with 12 of 15 bytes missing",
      "\0\0\0\x0fhel",
      ["shutdown"],
    ),
    ...printing(["\0\0\0\x05still"], "still\n"),
  ],
  [`${FRAMES_SERVER} --framing=line`]: [
    ...printing(["hello\n", "\n", "\xc3\xa4\x1b[2J\n"], "hello\n\n\u00e4\ufffd[2J\n"),
    complaining("exceeds the limit of 1048576 bytes", "", ["send", "x", 1_048_577]),
    complaining(
      "the stream ended after 5 bytes without a delimiter",
      "hello",
      ["shutdown"],
    ),
    ...printing(["still\n"], "still\n"),
  ],
  [`${FRAMES_SERVER} --framing=json`]: [
    ...printing(['"hello"\n', '""\n', '"\xc3\xa4\\u001b[2J"\n'], "hello\n\n\u00e4\ufffd[2J\n"),
    complaining("not a line of JSON: Unexpected end of JSON input", "[1,\n"),
    ...printing(
      ['{"msg": "\xc3\xa4"}\n', " 7 \n", "null\n", "[1, []]\n", "1e400\n", "9007199254740993\n"],
      '{"msg": "\u00e4"}\n7\nnull\n[1, []]\n1e400\n9007199254740993\n',
    ),
    complaining("not a line of JSON: The encoded data is not valid", '"\xff"\n'),
    complaining("exceeds the limit of 1048576 bytes", "", ["send", "x", 1_048_577]),
    complaining(
      "the stream ended after 7 bytes without a delimiter",
      '"hello"',
      ["shutdown"],
    ),
    ...printing(['"still"\n'], "still\n"),
  ],
};

/** Frames that the server prints, sent in one piece, one by one, and byte by byte. */
function printing(frames: string[], stdout: string): Conversation[] {
  const ways: Step[][] = [
    [["send", frames.join("")]],
    frames.map((frame) => ["send", frame]),
    frames.map((frame) => ["drip", frame]),
  ];
  const received = ["", "EOF"];
  return ways.map((steps) => ({ steps: [...steps, ["shutdown"], ["rest"]], received, stdout }));
}

/** An invalid frame, and the error that the server reports before it closes. */
function complaining(why: string, sent: string, ...more: Step[]): Conversation {
  return {
    steps: [["send", sent], ...more, ["rest"]],
    received: ["", "EOF"],
    stderr: `127.0.0.1:PORT: frame: ${why}\n`,
  };
}

for (const [command, expected] of Object.entries(conversations)) {
  testWith(["python3"], `${command} completes its conversations`, async () => {
    await using server = serve(command);
    const port = await listeningPort(server);
    const reports = await converse(server, expected.map(({ steps }) => steps));
    await stop(server);
    let stdout = "";
    let stderr = `listening on 127.0.0.1:${port}\n`;
    for (const [index, { steps, received, ...prints }] of expected.entries()) {
      const { port = 0, name = "", received: came } = reports[index] ?? {};
      assertEquals(came, received, JSON.stringify(steps).slice(0, 200));
      stdout += prints.stdout?.replace("NAME", name).replace("PORT", `${port}`) ?? "";
      stderr += prints.stderr?.replace("PORT", `${port}`) ?? "";
    }
    await server.assertPrints(stdout);
    assertEquals(server.stderr, stderr);
  });

  testWith(["python3"], `${command} serves a client after others reset`, async () => {
    const [good] = expected;
    assert(good !== undefined);
    await using server = serve(command);
    // Not more than the smallest backlog holds.
    const resets: Step[][] = [[["reset"]], [["send", "x"], ["reset"]], [["reset"]]];
    const reports = await converse(server, [...resets, good.steps]);
    // The counter may have counted any number of them.
    const [came, received] = [reports.at(-1)?.received, good.received]
      .map((texts) => texts?.map((text) => text.replace(/Connection \d+/, "Connection N")));
    assertEquals(came, received, server.describe());
    await stop(server);
  });
}

Deno.test(`${ECHO_LINES} serves one client at a time`, async () => {
  await using server = serve(ECHO_LINES);
  const port = await listeningPort(server);
  using first = await Deno.connect({ hostname: "127.0.0.1", port });
  using second = await Deno.connect({ hostname: "127.0.0.1", port });
  const waiting = exchange(second, "second\n");
  // A concurrent server would have served the second by now.
  for (let i = 0; i < 100; i++) await exchange(first, "first\n");
  first.close();
  await waiting;
  second.close();
  await stop(server);
  const [start = "", ...lines] = server.stdout.trimEnd().split("\n");
  const next = lines.findIndex((line) => line.startsWith("Connected to (localhost, "));
  assertMatch(start, /^Connected to \(localhost, .+\)$/);
  assertEquals(next, 100, "lines between the two clients");
  assertEquals(lines.slice(next + 1), ["server received 7 bytes"]);
});

Deno.test(`${ECHO_ONCE} waits a limited time for a client that does not close`, async () => {
  await using server = serve(ECHO_ONCE);
  const port = await listeningPort(server);
  using stays = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeN(stays, toBytes("stays"));
  using next = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeN(next, toBytes("next"));
  assertEquals(await readN(next, new Uint8Array(80)), 4);
});

/** The lectures' backlogs. */
const backlogs = {
  "servers/tcp_echo_iterative.ts": 5,
  [ECHO_LINES]: 1024,
  [ECHO_ONCE]: 3,
  [COUNTER]: 3,
  [MESSAGE_SERVER]: 5,
};

for (const [path, backlog] of Object.entries(backlogs)) {
  testWith(["ss"], `${path} has the lecture's backlog, ${backlog}`, async () => {
    await using server = serve(path);
    const port = await listeningPort(server);
    await using ss = new Process(["-Hltn", `sport = :${port}`], false, undefined, "ss");
    assertEquals(await ss.exits(), 0, ss.describe());
    // Of a listening socket, Send-Q is the backlog: LISTEN, Recv-Q, Send-Q, ...
    assertEquals(ss.stdout.split(/ +/)[2], `${backlog}`, ss.stdout);
  });
}

// The message server, which serves one client

/** Messages, and what the server prints. */
const messages: Record<string, [sent: string, shown: string]> = {
  "a message": ["hello", "hello"],
  "a line": ["hello\n", "hello"],
  "255 bytes": [long.slice(0, 255), long.slice(0, 255)],
  "256 bytes": [long.slice(0, 256), long.slice(0, 255)],
  "bytes that are not text": ["\xff\x1b[2J", "\ufffd\ufffd[2J"],
  "nothing": ["", ""],
};

for (const [what, [sent, shown]] of Object.entries(messages)) {
  testWith(["python3"], `${MESSAGE_SERVER} receives ${what} and exits`, async () => {
    await using server = serve(MESSAGE_SERVER);
    const sending: Step = sent === "" ? ["shutdown"] : ["send", sent];
    const [report] = await converse(server, [[sending, ["receive", 80]]]);
    assertEquals(report?.received, ["I got your message"]);
    assertEquals(await server.exits(), 0, server.describe());
    await server.assertPrints(`Here is the message: ${shown}\n`);
  });
}

Deno.test(`${MESSAGE_SERVER} fails when its client resets the connection`, async () => {
  await using server = serve(MESSAGE_SERVER);
  const port = await listeningPort(server);
  // A client that resets before accept is skipped. A client cannot see the accept, so each waits longer than
  // the previous one.
  for (let ms = 1; server.code === undefined && ms < 10_000; ms *= 2) {
    const socket = net.connect(port, "127.0.0.1").on("error", () => {}); // the server has ended
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await Promise.race([new Promise((resolve) => socket.once("connect", resolve)), closed]);
    await server.until(() => false, AbortSignal.timeout(ms));
    socket.resetAndDestroy();
    await closed;
  }
  assertEquals(server.code, 1, server.describe());
  assertEquals(server.stdout, "");
  const why = "ERROR reading from socket: read 127.0.0.1:CLIENT: Connection reset by peer";
  assertEquals(
    server.stderr.replace(/read 127\.0\.0\.1:\d+/, "read 127.0.0.1:CLIENT"),
    `listening on 127.0.0.1:${port}\n${why}\n`,
  );
});

// The clients

/** A client's conversation, and its expected results. */
interface Call {
  /** Its arguments. Default: the peer's address. PORT is the port. */
  args?: string[];
  /** What it prints before anything is typed. */
  prompt?: string;
  typed?: string;
  /** Whether its stdin stays open after that. */
  isOpen?: true;
  steps: Step[];
  received: string[];
  /** What it prints after its prompt. */
  stdout: string;
  stderr?: string;
  code?: number;
}

const prompt = "Please enter the message: ";
const umlauts = "gr\u00fc\u00df dich \u{1f600}";
const reset = "read 127.0.0.1:PORT: Connection reset by peer\n";

/** A word that python3 echoes by `verb`. */
function echoedWord(word: string, verb: "send" | "drip"): Call {
  const bytes = toText(new TextEncoder().encode(word));
  return {
    args: ["127.0.0.1", word, "PORT"],
    steps: [["receive", bytes.length], [verb, bytes], ["rest"]],
    received: [bytes, "", "EOF"],
    stdout: `Received: ${word}\n`,
  };
}

/** The client's frames on the wire, and the number of writes that it reports. */
function sentFrames(framing: string, frame: (text: string) => string): Call {
  const frames = ["one write", "of three", "messages", "one message of many writes"].map(frame);
  return {
    args: ["127.0.0.1", "PORT", `--framing=${framing}`],
    steps: [["rest"]],
    received: [frames.join(""), "EOF"],
    stdout: `sent 3 messages in 1 write\nsent 1 message in ${frames[3]?.length} writes\n`,
  };
}

const calls: Record<string, Record<string, Call>> = {
  [TALK]: {
    "sends a line, and prints what it receives with a newline": {
      typed: "hello\n",
      steps: [["receive", 6], ["send", "hello, you"], ["rest"]],
      received: ["hello\n", "", "EOF"],
      stdout: "hello, you\n",
    },
    "does not send a bare newline": {
      typed: "\nhello\n",
      steps: [["send", "first"], ["receive", 6], ["send", "second"], ["rest"]],
      received: ["hello\n", "", "EOF"],
      stdout: "first\nsecond\n",
    },
    "sends at most 31 bytes at once, and receives at most 32": {
      typed: `${long.slice(0, 40)}\n\n`,
      // The rest of either is for the next turn.
      steps: [["receive", 31], ["send", "y".repeat(70)], ["receive", 10], ["rest"]],
      received: [long.slice(0, 31), `${long.slice(0, 9)}\n`, "", "EOF"],
      stdout: `${"y".repeat(32)}\n${"y".repeat(32)}\n${"y".repeat(6)}\n`,
    },
    "treats the newline after a full piece as a bare newline, which is not sent": {
      typed: `${long.slice(0, 31)}\n`,
      steps: [["receive", 31], ["send", "one"], ["shutdown"], ["rest"]],
      received: [long.slice(0, 31), "", "EOF"],
      stdout: "one\n",
    },
    "sends a last line without a newline": {
      typed: "hello",
      steps: [["receive", 5], ["send", "\0\n"], ["rest"]],
      received: ["hello", "", "EOF"],
      stdout: "\0\n\n",
    },
    "ends when the server has closed": {
      typed: "\n\n\n",
      isOpen: true,
      steps: [["send", "bye"]],
      received: [],
      stdout: "bye\n",
    },
    "ends when the server has reset the connection": {
      typed: "hello\n",
      isOpen: true,
      steps: [["receive", 6], ["reset"]],
      received: ["hello\n"],
      stdout: "",
    },
  },
  [MESSAGE_CLIENT]: {
    "prompts, sends a line, and prints the reply": {
      prompt,
      typed: "hello\n",
      isOpen: true,
      steps: [["receive", 6], ["send", "I got your message"], ["rest"]],
      received: ["hello\n", "", "EOF"],
      stdout: "I got your message\n",
    },
    "sends at most 254 bytes": {
      prompt,
      typed: `${long.slice(0, 300)}\n`,
      steps: [["receive", 254], ["send", "I got your message"], ["rest"]],
      received: [long.slice(0, 254), "", "EOF"],
      stdout: "I got your message\n",
    },
    "prints a reply as it is, and a newline": {
      prompt,
      typed: "hello\n",
      steps: [["receive", 6], ["send", "\x1b[2J\r\n"], ["rest"]],
      received: ["hello\n", "", "EOF"],
      stdout: "\x1b[2J\r\n\n",
    },
    "fails without a message": {
      prompt,
      typed: "",
      steps: [["rest"]],
      received: ["", "EOF"],
      stdout: "",
      stderr: "ERROR reading from stdin: no message\n",
      code: 1,
    },
    "fails without a reply": {
      prompt,
      typed: "hello\n",
      steps: [["receive", 6]],
      received: ["hello\n"],
      stdout: "",
      stderr: "ERROR reading from socket: the server closed the connection\n",
      code: 1,
    },
    "fails when the server resets the connection": {
      prompt,
      typed: "hello\n",
      steps: [["receive", 6], ["reset"]],
      received: ["hello\n"],
      stdout: "",
      stderr: `ERROR reading from socket: ${reset}`,
      code: 1,
    },
  },
  [ECHO_WORD]: {
    "receives a word": echoedWord("hello", "send"),
    "receives a word byte by byte": echoedWord("hello", "drip"),
    "counts bytes, not characters": echoedWord(umlauts, "send"),
    "joins the bytes of a character that arrive in pieces": echoedWord(umlauts, "drip"),
    "receives a word that is longer than its buffer": echoedWord(long, "send"),
    "sends an empty word": echoedWord("", "send"),
    "sends a word with a dash in front after --": {
      args: ["127.0.0.1", "--", "-x", "PORT"],
      steps: [["receive", 2], ["send", "-x"]],
      received: ["-x"],
      stdout: "Received: -x\n",
    },
    "fails when the server closes before the whole word is echoed": {
      args: ["127.0.0.1", "hello", "PORT"],
      steps: [["receive", 5], ["send", "hel"]],
      received: ["hello"],
      stdout: "Received: hel",
      stderr: "recv(): connection closed prematurely\n",
      code: 1,
    },
    "fails when the server resets the connection": {
      args: ["127.0.0.1", "hello", "PORT"],
      steps: [["receive", 5], ["reset"]],
      received: ["hello"],
      stdout: "Received: ",
      stderr: `recv() failed: ${reset}`,
      code: 1,
    },
  },
  [REQUEST_CLIENT]: {
    "prints the response as Python prints bytes": {
      steps: [["receive", 17], ["send", "it's \0\xff\n"], ["rest"]],
      received: ["This is a message", "", "EOF"],
      stdout: `b"it's \\x00\\xff\\n"\n`,
    },
    "receives at most 1024 bytes": {
      steps: [["receive", 17], ["send", long]],
      received: ["This is a message"],
      stdout: `b'${long.slice(0, 1024)}'\n`,
    },
    "prints an empty response as Python does": {
      steps: [["receive", 17]],
      received: ["This is a message"],
      stdout: "b''\n",
    },
    "fails when the server resets the connection": {
      steps: [["receive", 17], ["reset"]],
      received: ["This is a message"],
      stdout: "",
      stderr: reset,
      code: 1,
    },
  },
  [FRAMES_CLIENT]: {
    "sends the length before each message": sentFrames(
      "length",
      (text) => `\0\0\0${String.fromCharCode(text.length)}${text}`,
    ),
    "sends a newline after each message": sentFrames("line", (text) => `${text}\n`),
    "sends lines of JSON": sentFrames("json", (text) => `"${text}"\n`),
  },
  [COUNT_CLIENT]: {
    "sends stdin until EOF, then receives the reply": {
      typed: "three small words\n",
      steps: [["rest"], ["send", "1 3 18\n"]],
      received: ["three small words\n", "EOF"],
      stdout: "1 3 18\n",
    },
    "sends EOF for an empty stdin": {
      steps: [["rest"], ["drip", "0 0 0\n"]],
      received: ["", "EOF"],
      stdout: "0 0 0\n",
    },
    "fails without a reply": {
      typed: "hello",
      steps: [["rest"]],
      received: ["hello", "EOF"],
      stdout: "",
      stderr: "read 127.0.0.1:PORT: the server closed without a reply\n",
      code: 1,
    },
    "fails when the server resets the connection": {
      typed: "hello",
      steps: [["rest"], ["reset"]],
      received: ["hello", "EOF"],
      stdout: "",
      stderr: reset,
      code: 1,
    },
  },
  [TELNET]: {
    "prints data that arrives before the first line is typed": {
      prompt: "welcome\n",
      typed: "hello\n",
      steps: [["send", "welcome\n"], ["receive", 6], ["drip", "and\ngoodbye"], ["rest"]],
      received: ["hello\n", "", "EOF"],
      stdout: "and\ngoodbye",
    },
    "shuts down its side at EOF of stdin, and prints what arrives after that": {
      typed: "hello",
      steps: [["rest"], ["send", `${long}\n`]],
      received: ["hello", "EOF"],
      stdout: `${long}\n`,
    },
    "ends when the server closes, while stdin is open": {
      prompt: "bye\n",
      typed: "hello\n",
      isOpen: true,
      steps: [["send", "bye\n"], ["receive", 6]],
      received: ["hello\n"],
      stdout: "",
    },
    "fails when the server resets the connection": {
      typed: "hello\n",
      isOpen: true,
      steps: [["receive", 6], ["reset"]],
      received: ["hello\n"],
      stdout: "",
      stderr: reset,
      code: 1,
    },
  },
};

for (const [path, cases] of Object.entries(calls)) {
  for (const [what, call] of Object.entries(cases)) {
    testWith(["python3"], `${path} ${what}`, async () => {
      const { args, prompt = "", typed = "", stderr = "" } = call;
      await using peer = startPeer(0, [call.steps]);
      const port = await listeningPort(peer);
      await using client = connect(path, port, args);
      await client.prints(RegExp(`^${RegExp.escape(prompt)}`));
      await client.type(typed);
      if (!call.isOpen) await client.endInput();
      assertEquals(await client.exits(), call.code ?? 0, client.describe());
      assertEquals(client.stdout, prompt + call.stdout);
      assertEquals(client.stderr.replace(`:${port}`, ":PORT"), stderr);
      const [report] = await reportsOf(peer);
      assertEquals(report?.received, call.received);
    });
  }
}

/** Opens all descriptors, except for a signal's, before the sample is imported. */
const EXHAUST = `
Deno.addSignalListener("SIGINT", () => Deno.exit(1));
try {
  for (;;) Deno.openSync("/dev/null");
} catch {
  // there are no more
}
`;

const outOfSockets: [path: string, args: string[], says: string][] = [
  [MESSAGE_SERVER, ["0"], "ERROR opening socket: socket 127.0.0.1:0: Too many open files\n"],
  [
    MESSAGE_CLIENT,
    ["127.0.0.1", "1"],
    "ERROR opening socket: socket 127.0.0.1:1: Too many open files\n",
  ],
  [TALK, ["127.0.0.1", "1"], "socket 127.0.0.1:1: Too many open files\n"],
  ["servers/udp_echo.ts", ["127.0.0.1", "0"], "socket 127.0.0.1:0: Too many open files\n"],
];

for (const [path, args, says] of outOfSockets) {
  testWith(
    ["prlimit"],
    `${path} names the call that failed without descriptors`,
    async (folder) => {
      await Deno.writeTextFile(`${folder}/exhaust.ts`, EXHAUST);
      const program = `import "./exhaust.ts";\nimport "file://${root}${path}";\n`;
      await Deno.writeTextFile(`${folder}/main.ts`, program);
      const run = [Deno.execPath(), "run", "--quiet", "--allow-all", `--config=${root}deno.json`];
      const command = ["--nofile=256", ...run, `${folder}/main.ts`, ...args];
      await using process = new Process(command, false, undefined, "prlimit");
      assertEquals(await process.exits(), 1, process.describe());
      assertEquals(process.stdout, "");
      assertEquals(process.stderr, says);
    },
  );
}

Deno.test(`${ECHO_WORD} prints each character when it arrives`, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using client = connect(ECHO_WORD, listener.addr.port, ["127.0.0.1", umlauts, "PORT"]);
  using conn = await listener.accept();
  let stdout = "Received: ";
  for (const char of umlauts) {
    for (const byte of new TextEncoder().encode(char)) await conn.write(new Uint8Array([byte]));
    stdout += char;
    await client.prints(RegExp(`^${RegExp.escape(stdout)}`));
  }
  assertEquals(await client.exits(), 0, client.describe());
  assertEquals(client.stdout, `${stdout}\n`);
});

Deno.test(`${TALK} and ${COUNTER} take turns as in the lecture`, async () => {
  await using server = serve(COUNTER);
  const port = await listeningPort(server);
  for (const [typed, stdout] of [["\n", "Connection 1!\n\n"], ["dddd\n", "Connection 2!\n\n"]]) {
    await using client = connect(TALK, port);
    await client.type(typed ?? "");
    await client.endInput();
    assertEquals(await client.exits(), 0, client.describe());
    assertEquals(client.stdout, stdout, client.describe());
  }
});

for (const framing of ["length", "line", "json"]) {
  Deno.test(`${FRAMES_CLIENT} and ${FRAMES_SERVER} preserve message boundaries by ${framing}`, async () => {
    await using server = serve(`${FRAMES_SERVER} --framing=${framing}`);
    const args = ["127.0.0.1", "PORT", `--framing=${framing}`];
    await using client = connect(FRAMES_CLIENT, await listeningPort(server), args);
    assertEquals(await client.exits(), 0, client.describe());
    await server.prints(/many writes\n/);
    await server.assertPrints("one write\nof three\nmessages\none message of many writes\n");
  });
}

// Half-close: both ends, against wc

const random = randomIntegers(1);
const documents: Record<string, string> = {
  "nothing": "",
  "a word": "word",
  "a line": "to be or not to be\n",
  "every kind of space": " \t\n\v\f\rword \t\n\v\f\rword\n\n",
  "a long text": Array.from({ length: 300_000 }, () => "word \n\t"[random(7)]).join(""),
};

for (const [what, text] of Object.entries(documents)) {
  testWith(["wc"], `${COUNT_CLIENT} and ${COUNT_SERVER} count ${what} as wc does`, async () => {
    await using server = serve(COUNT_SERVER);
    const port = await listeningPort(server);
    await using client = connect(COUNT_CLIENT, port);
    await using wc = new Process([], true, undefined, "wc");
    for (const process of [client, wc]) {
      await process.type(text);
      await process.endInput();
      assertEquals(await process.exits(), 0, process.describe());
    }
    assertEquals(client.stdout.trim().split(" "), wc.stdout.trim().split(/ +/));
  });
}

// The client for any server

/** Servers, what is typed to telnet, and what it prints. */
const conversationsByHand: [command: string, typed: string, stdout: string][] = [
  ["servers/tcp_echo_concurrent.ts", "hello\nyou\n", "hello\nyou\n"],
  ["servers/tcp_echo_concurrent.ts --quiet", "x".repeat(1 << 22), "x".repeat(1 << 22)],
  ["servers/tcp_echo_iterative.ts", "hello\nyou", "hello\nyou"],
  [ECHO_LINES, "hello\nyou", "hello\nyou"],
  [ECHO_ONCE, "hello\n", "hello\n"],
  [COUNTER, "", "Connection 1!\n"],
  [MESSAGE_SERVER, "hello\n", "I got your message"],
  [REQUEST_SERVER, "hello\n", "hello\n"],
  [`${FRAMES_SERVER} --framing=line`, "hello\n", ""],
  [COUNT_SERVER, "hello\nyou\n", "2 2 10\n"],
];

for (const [command, typed, stdout] of conversationsByHand) {
  Deno.test(`${TELNET} talks to ${command}`, async () => {
    await using server = serve(command);
    await using client = connect(TELNET, await listeningPort(server));
    const typing = client.type(typed).then(() => client.endInput());
    assertEquals(await client.exits(), 0, client.describe().slice(0, 1000));
    await typing;
    assert(client.stdout === stdout, client.describe().slice(0, 1000));
  });
}

/**
 * Servers of one client that send what is typed to them, and what is typed to them after the client has shut
 * down its side. nc exits then.
 */
const chatters: [program: Need, args: string[], last: string][] = [
  ["nc", ["-lv", "127.0.0.1", "0"], ""],
  ["socat", ["-d", "-d", "-t", "30", "TCP-LISTEN:0,bind=127.0.0.1", "STDIO"], "after that\n"],
];

for (const [program, args, last] of chatters) {
  testWith([program], `${TELNET} talks to ${program}`, async () => {
    await using peer = new Process(args, true, undefined, program);
    const port = await listeningPort(peer);
    await using client = connect(TELNET, port);
    await peer.type(`from ${program}\n`);
    await client.prints(RegExp(`^from ${program}\n$`));
    await client.type("from telnet\n");
    await peer.prints(/^from telnet\n$/);
    await client.endInput();
    await peer.type(last);
    await client.prints(RegExp(`^from ${program}\n${last}$`));
    await peer.endInput();
    assertEquals(await client.exits(), 0, client.describe());
    assertEquals(client.stdout, `from ${program}\n${last}`);
  });
}

/** The key that ends telnet at a terminal, if one is needed. The terminal echoes what is typed. */
const endings = { "servers/tcp_echo_concurrent.ts": "\x04", [ECHO_ONCE]: "" };

for (const [path, key] of Object.entries(endings)) {
  testWith(["python3"], `${TELNET} talks to ${path} at a terminal`, async () => {
    await using server = serve(path);
    const port = await listeningPort(server);
    const script = "import os, pty, sys\n" +
      "sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    const command = [Deno.execPath(), "run", `--allow-net=127.0.0.1:${port}`, TELNET];
    const args = ["-c", script, ...command, "127.0.0.1", `${port}`];
    await using terminal = new Process(args, true, undefined, "python3");
    await terminal.type("hello\n");
    await terminal.prints(/^hello\r\nhello\r\n$/);
    await terminal.type(key);
    assertEquals(await terminal.exits(), 0, terminal.describe());
    assertEquals(terminal.stdout, "hello\r\nhello\r\n");
  });
}

// A deadlock

for (const [options, deadline] of [[[], 1], [["--deadline=0.5"], 0.5]] as const) {
  Deno.test(`${DEADLOCK} ends the deadlock with a deadline of ${deadline} s`, async () => {
    await using process = start(DEADLOCK, ["0", ...options], "127.0.0.1");
    await listeningPort(process);
    const began = performance.now();
    assertEquals(await process.exits(), 0, process.describe());
    assert(performance.now() - began < 10_000, "within seconds");
    assertEquals(
      process.stdout,
      "server: waits for a request\n" +
        "client: waits for a greeting\n" +
        `client: read: timed out after ${deadline} s\n` +
        "client: a deadlock; sends its request without a greeting\n" +
        'server: received "hello", answers\n' +
        'client: received "hello to you"\n',
    );
  });
}

// Errors before the connection

const refused = "connect 127.0.0.1:FREE: Connection refused\n";
const inUse = "bind 127.0.0.1:USED: Address already in use\n";
const parameters = "Parameter(s): <Server Address> <Echo Word> [<Server Port>]\n";
const notNumeric = "inet_pton() failed: invalid address string\n";

/** The samples, valid arguments, and the error if the port is in use or no server listens. */
const commandLines: [path: string, args: string, says: string][] = [
  [ECHO_LINES, "USED", inUse],
  [ECHO_ONCE, "127.0.0.1 USED", inUse],
  [COUNTER, "127.0.0.1 USED", inUse],
  [MESSAGE_SERVER, "USED", `ERROR on binding: ${inUse}`],
  [REQUEST_SERVER, "127.0.0.1 USED", inUse],
  [FRAMES_SERVER, "127.0.0.1 USED", inUse],
  [COUNT_SERVER, "127.0.0.1 USED", inUse],
  [TALK, "127.0.0.1 FREE", refused],
  [MESSAGE_CLIENT, "127.0.0.1 FREE", `ERROR connecting: ${refused}`],
  [ECHO_WORD, "127.0.0.1 hello FREE", `connect() failed: ${refused}`],
  [REQUEST_CLIENT, "127.0.0.1 FREE", refused],
  [FRAMES_CLIENT, "127.0.0.1 FREE", refused],
  [COUNT_CLIENT, "127.0.0.1 FREE", refused],
  [TELNET, "127.0.0.1 FREE", refused],
  [DEADLOCK, "USED", inUse],
];

const dashes = 'to pass it as an operand, write "--" before it';

/** Wrong command lines and failures, with the exit status and the error. */
const failures: [path: string, args: string, code: number, says: string][] = [
  ...commandLines.flatMap(([path, args, says]): typeof failures => [
    [path, args, 1, says],
    path === ECHO_WORD
      ? [path, `${args} extra`, 1, parameters]
      : [path, `${args} extra`, 2, `unexpected argument "extra"\nUsage: ${path} `],
    [path, `${args} --extra`, 2, `unknown option --extra; ${dashes}\nUsage: ${path} `],
    [path, args.replace(/[A-Z]+/, "70000"), 2, "port: port 70000 is not from 0 to 65535\nUsage: "],
    [path, args.replace(/[A-Z]+/, "nosuch"), 2, 'port: unknown service "nosuch"\nUsage: '],
  ]),
  [MESSAGE_SERVER, "", 1, `ERROR, no port provided\nUsage: ${MESSAGE_SERVER} port\n`],
  [MESSAGE_CLIENT, "", 2, `usage ${MESSAGE_CLIENT} hostname port\n`],
  [MESSAGE_CLIENT, "127.0.0.1", 2, `usage ${MESSAGE_CLIENT} hostname port\n`],
  [MESSAGE_CLIENT, "name.invalid FREE", 1, "ERROR, no such host\n"],
  [ECHO_WORD, "", 1, parameters],
  [ECHO_WORD, "127.0.0.1", 1, parameters],
  [ECHO_WORD, "127.0.0.256 hello FREE", 1, notNumeric],
  [ECHO_WORD, "localhost hello FREE", 1, notNumeric],
  [ECHO_WORD, "::1 hello FREE", 1, notNumeric],
  [FRAMES_SERVER, "--framing=xml", 2, '--framing: "xml" is not one of length, line, json\nUsage: '],
  [FRAMES_CLIENT, "--framing=", 2, "--framing: a value is missing\nUsage: "],
  [TELNET, "", 2, `host: a value is missing\nUsage: ${TELNET} host port\n`],
  [TELNET, "127.0.0.1", 2, `port: a value is missing\nUsage: ${TELNET} host port\n`],
  [DEADLOCK, "--deadline=soon", 2, '--deadline: "soon" is not a number of seconds\nUsage: '],
];

for (const [path] of commandLines) {
  Deno.test(`${path} reports its failures`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const ports: Record<string, string> = { USED: `${listener.addr.port}`, FREE: `${freePort()}` };
    const withPorts = (text: string) => text.replace(/USED|FREE/, (name) => ports[name] ?? "");
    const own = failures.filter(([other]) => other === path);
    await Promise.all(own.map(async ([, args, code, says]) => {
      const words = withPorts(args).split(" ").filter((word) => word !== "");
      await using process = start(path, words, "127.0.0.1,name.invalid");
      assertEquals(await process.exits(), code, `${args}: ${process.describe()}`);
      assertEquals(process.stdout, "", `${args}: ${process.describe()}`);
      // The usage follows the error of a wrong command line.
      const { stderr } = process;
      const said = code === 2 ? stderr.slice(0, withPorts(says).length) : stderr;
      assertEquals(said, withPorts(says), args);
    }));
  });
}
