import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import type net from "node:net";
import { openDatagram } from "../../lib/socket/datagram.ts";
import { TerminalWriter } from "../../lib/cli/terminal.ts";
import { hexChars } from "../../lib/cli/dump.ts";
import { writeN, type Writer } from "../../lib/io/read_write.ts";
import { HostileServer } from "../support/peers.ts";
import { testWith } from "../support/test_with.ts";
import { freePort } from "../../contract/process.ts";
import { startInShell } from "../support/program.ts";
import { readSample } from "../../contract/header.ts";

// What a peer sends is shown on a terminal without a character that the terminal obeys, and is exact
// in a file or a pipe.

/** What is written, as characters that stand for bytes, and what is shown. */
const texts: Record<string, [written: string, shown: string]> = {
  "text": ["hello, world\n\ttab\n", "hello, world\n\ttab\n"],
  "CRLF": ["one\r\ntwo\r\n\r\n", "one\r\ntwo\r\n\r\n"],
  "a lone CR": ["safe\rfake\r\r\n\rx", "safe\ufffdfake\ufffd\r\n\ufffdx"],
  "UTF-8": ["\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80.", "\u00e4\u20ac\u{1f600}."],
  "a byte order mark": ["\xef\xbb\xbfhello\xef\xbb\xbf.", "\ufeffhello\ufeff."],
  "escape sequences": ["\x1b[2J\x07\b\0\x7f.", "\ufffd[2J\ufffd\ufffd\ufffd\ufffd."],
  "C1 controls": ["\xc2\x9b2J\xc2\x85\xc2\x80.", "\ufffd2J\ufffd\ufffd."],
  "bytes that are not UTF-8": ["\xff\x9b2J\xc0\xaf\xed.", "\ufffd\ufffd2J\ufffd\ufffd\ufffd."],
  "half a character before another": ["\xe2\x82a\xf0\x9f\x98\n", "\ufffda\ufffd\n"],
};

/** The characters that are shown as U+FFFD, and those next to them that are not. */
const bidi = [
  ...[0x061c, 0x200e, 0x200f, 0x2028, 0x2029],
  ...[0x202a, 0x202b, 0x202c, 0x202d, 0x202e],
  ...[0x2066, 0x2067, 0x2068, 0x2069],
];
const safe = [0x20, 0x7e, 0xa0, 0x061b, 0x061d, 0x200d, 0x2010, 0x2027, 0x202f, 0x2065, 0x206a];
for (const code of bidi) texts[`U+${code.toString(16)}`] = [`${utf8(code)}.`, "\ufffd."];
for (const code of safe) {
  texts[`U+${code.toString(16)}`] = [`${utf8(code)}.`, `${String.fromCodePoint(code)}.`];
}

function utf8(code: number): string {
  return String.fromCharCode(...new TextEncoder().encode(String.fromCodePoint(code)));
}

const toBytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** A terminal that takes at most so many bytes at once. */
class Screen implements Writer {
  readonly #amount: number;
  readonly #bytes: number[] = [];

  constructor(amount: number) {
    this.#amount = amount;
  }

  write(p: Uint8Array): Promise<number> {
    const taken = p.subarray(0, this.#amount);
    this.#bytes.push(...taken);
    return Promise.resolve(taken.length);
  }

  get text(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(this.#bytes));
  }
}

for (const [what, [written, shown]] of Object.entries(texts)) {
  Deno.test(`TerminalWriter shows ${what} alike, wherever it is cut`, async () => {
    const bytes = toBytes(written);
    const cuts = [...Array(bytes.length + 1).keys()];
    const pairs = cuts.flatMap((first) =>
      cuts.filter((cut) => cut >= first).map((cut) => [first, cut])
    );
    for (const amount of [1, 1000]) {
      for (const [first, second] of pairs) {
        const screen = new Screen(amount);
        const writer = new TerminalWriter(screen);
        const pieces = [
          bytes.subarray(0, first),
          bytes.subarray(first, second),
          bytes.subarray(second),
        ];
        for (const piece of pieces) assertEquals(await writer.write(piece), piece.length);
        assertEquals(screen.text, shown, `cut at ${first} and ${second}, ${amount} at once`);
      }
      const screen = new Screen(amount);
      const writer = new TerminalWriter(screen);
      for (const byte of bytes) await writer.write(new Uint8Array([byte]));
      assertEquals(screen.text, shown, "byte by byte");
    }
  });
}

Deno.test("TerminalWriter lets no other control character through", async () => {
  const screen = new Screen(1000);
  const writer = new TerminalWriter(screen);
  const all = String.fromCodePoint(...Array(0xa0).keys());
  await writeN(writer, new TextEncoder().encode(`${all}.`));
  assertEquals(/[^\P{Cc}\t\n]/u.exec(screen.text), null);
  assertEquals(screen.text.length, all.length + 1);
});

// The clients

/** What the hostile server sends, and what a terminal gets of it. */
const hostile =
  "\x1b[2J\xc2\x9b2J\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8\xff\x07a\rb\xc3\xa4\t\r\n";
const seen = "\ufffd[2J\ufffd2J\ufffd\ufffd\ufffd\ufffd\ufffd\ufffda\ufffdb\u00e4\t\r\n";

/** The clients with the address in their headers, and what they print around what the server sends. */
const clients: [path: string, written: string, before: string, after: string][] = [
  ["clients/tcp_echo.ts", "127.0.0.1:7007", "", ""],
  ["clients/tcp_talk.ts", "127.0.0.1:1213", "", "\n"],
  ["clients/tcp_count.ts", "127.0.0.1:7014", "", ""],
  ["clients/tcp_echo_word.ts", "127.0.0.1:7007", "Received: ", "\n"],
  ["clients/telnet.ts", "127.0.0.1:7007", "", ""],
  ["clients/tcp_message.ts", "127.0.0.1:51717", "Please enter the message: ", "\n"],
  ["unix/stream_echo_client.ts", "/tmp/stream_echo.sock", "", ""],
];

/** Runs a program with a terminal as its stdout, and prints the bytes that the terminal gets. */
const TERMINAL = `
import os, pty, subprocess, sys, termios
terminal, stdout = pty.openpty()
attributes = termios.tcgetattr(stdout)
attributes[1] &= ~termios.OPOST  # as they are
termios.tcsetattr(stdout, termios.TCSANOW, attributes)
process = subprocess.Popen(sys.argv[1:], stdout=stdout)
os.close(stdout)
try:
    while piece := os.read(terminal, 65536):
        os.write(1, piece)
except OSError:
    pass  # it has ended
sys.exit(process.wait())
`;

/** Sends the hostile bytes when the client has spoken, cut within a character if it receives twice. */
function answer(path: string): (socket: net.Socket) => void {
  const bytes = toBytes(hostile);
  const pieces = /talk|message/.test(path) ? [bytes] : [bytes.subarray(0, 5), bytes.subarray(5)];
  return (socket) => {
    socket.setNoDelay(true);
    socket.once("data", () => {
      for (const piece of pieces) socket.write(piece);
      socket.end();
    });
  };
}

/** Where what a client prints is, and what it is there. */
const outputs: Record<string, Uint8Array> = {
  "a terminal": new TextEncoder().encode(seen),
  "a file": toBytes(hostile),
};

/** Runs a client that is typed a line at, and returns all that it printed on the terminal or to the file. */
async function outputOf(
  where: string,
  path: string,
  flags: string[],
  args: string[],
  folder: string,
): Promise<Uint8Array> {
  const output = `${folder}/output`;
  const program = `${folder}/terminal.py`;
  await Deno.writeTextFile(program, TERMINAL);
  const terminal = where === "a file" ? "" : `python3 ${program}`;
  await using client = startInShell(`${terminal} "$@" > ${output}`, path, args, flags);
  await client.type("hello\n");
  await client.endInput();
  assertEquals(await client.exits(), 0, client.describe());
  return await Deno.readFile(output);
}

for (const [where, expected] of Object.entries(outputs)) {
  for (const [path, written, before, after] of clients) {
    testWith(["python3"], `${path}: what a server sends to ${where}`, async (folder) => {
      await using server = new HostileServer(answer(path));
      const isUnix = path.startsWith("unix/");
      const address = await server.listen(isUnix ? `${folder}/socket` : undefined);
      const flags = readSample(path).flags.map((flag) => flag.replaceAll(written, address));
      const args = address.split(":");
      // As many bytes as come back.
      if (path.includes("word")) args.splice(1, 0, "x".repeat(toBytes(hostile).length));
      const printed = await outputOf(where, path, flags, args, folder);
      const encode = (text: string) => new TextEncoder().encode(text);
      assertEquals(printed, concat([encode(before), expected, encode(after)]));
    });
  }

  for (const path of ["clients/udp_echo.ts", "clients/udp_connected.ts"]) {
    testWith(["python3"], `${path}: what a server sends to ${where}`, async (folder) => {
      using server = await openDatagram(0);
      const { port } = server.addr as Deno.NetAddr;
      const answered = server.receive().then(([, from]) => server.send(toBytes(hostile), from));
      const flags = [`--allow-net=127.0.0.1:0,127.0.0.1:${port}`];
      const args = ["127.0.0.1", `${port}`];
      const printed = await outputOf(where, path, flags, args, folder);
      await answered;
      assertPrinted(path, where, printed, expected);
    });
  }

  const path = "unix/dgram_echo_client.ts";
  testWith(["python3"], `${path}: what a server sends to ${where}`, async (folder) => {
    const [server, own] = [`${folder}/server`, `${folder}/client`];
    const socket = Deno.listenDatagram({ transport: "unixpacket", path: server });
    const answered = socket.receive().then(([, from]) => socket.send(toBytes(hostile), from));
    const flags = readSample(path).flags.map((flag) =>
      flag.replaceAll("/tmp/dgram_echo.sock", server).replaceAll("/tmp/dgram_echo_client.sock", own)
    );
    const printed = await outputOf(where, path, flags, [server, own], folder);
    await answered;
    socket.close();
    assertEquals(printed, concat([expected, toBytes("\n")]));
  });

  testWith(
    ["python3"],
    `servers/udp_receive.ts: what a client sends to ${where}`,
    async (folder) => {
      const path = "servers/udp_receive.ts";
      const port = freePort();
      const printing = outputOf(where, path, [`--allow-net=127.0.0.1:${port}`], [
        "127.0.0.1",
        `${port}`,
      ], folder);
      using client = await openDatagram(0);
      const to: Deno.NetAddr = { transport: "udp", hostname: "127.0.0.1", port };
      let isOver = false;
      const sending = (async () => {
        while (!isOver) { // until it has bound its port
          await client.send(toBytes(hostile), to);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
      const printed = await printing.finally(() => isOver = true);
      await sending;
      assertPrinted(path, where, printed, expected);
    },
  );
}

/** Asserts that a datagram was printed as it should be: as it is, or byte by byte. */
function assertPrinted(
  path: string,
  where: string,
  printed: Uint8Array,
  expected: Uint8Array,
): void {
  if (path === "clients/udp_echo.ts") {
    assertEquals(printed, concat([expected, toBytes("\n")]));
    return;
  }
  const lines = hexChars(toBytes(hostile));
  const text = new TextDecoder().decode(lines);
  const shown = where === "a file" ? lines : new TextEncoder().encode(
    text.replace(/[^\P{Cc}\n\t]|[\u2028-\u202e]/gu, "\ufffd"),
  );
  const head = `received ${toBytes(hostile).length} bytes:\n`;
  assertEquals(printed, concat([toBytes(head), shown, toBytes("\n")]));
}
