import { assertEquals } from "@std/assert";
import { concat } from "@std/bytes/concat";
import type net from "node:net";
import { openDatagram } from "../../lib/socket/datagram.ts";
import { hexChars } from "../../lib/cli/dump.ts";
import { HostileServer } from "../support/peers.ts";
import { testWith } from "../support/test_with.ts";
import { freePort } from "../../contract/ports.ts";
import { toBytes } from "../support/bytes.ts";
import { startInShell } from "../support/program.ts";
import type { Need } from "../../contract/requirements.ts";
import { readSample } from "../../contract/header.ts";

// A peer's data is printed to a terminal without control characters, and to a file or a pipe exactly.

// The clients

/** What the hostile server sends, and what is printed to a terminal. */
const hostile =
  "\x1b[2J\xc2\x9b2J\xe2\x80\xae\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8\xff\x07a\rb\xc3\xa4\t\r\n";
const seen = "\ufffd[2J\ufffd2J\ufffd\ufffd\ufffd\ufffd\ufffd\ufffda\ufffdb\u00e4\t\r\n";

/** The clients, the addresses in their headers, and what they print before and after the data. */
const clients: [path: string, written: string, before: string, after: string][] = [
  ["clients/tcp_echo.ts", "127.0.0.1:7007", "", ""],
  ["clients/tcp_talk.ts", "127.0.0.1:1213", "", "\n"],
  ["clients/tcp_count.ts", "127.0.0.1:7014", "", ""],
  ["clients/tcp_echo_word.ts", "127.0.0.1:7007", "Received: ", "\n"],
  ["clients/telnet.ts", "127.0.0.1:7007", "", ""],
  ["clients/tcp_message.ts", "127.0.0.1:51717", "Please enter the message: ", "\n"],
  ["unix/stream_echo_client.ts", "/tmp/stream_echo.sock", "", ""],
];

/** Runs a program with a terminal as its stdout, and prints the bytes written to it. */
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

/** Sends the hostile bytes after the client has sent, divided within a character if the client receives twice. */
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

/** Outputs, and what must be written to each. */
const outputs: Record<string, Uint8Array> = {
  "a terminal": new TextEncoder().encode(seen),
  "a file": toBytes(hostile),
};

/** Runs a client with a line on its stdin; returns what it printed to the terminal or the file. */
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
      // As many bytes as the server sends.
      if (path.includes("word")) args.splice(1, 0, "x".repeat(toBytes(hostile).length));
      const printed = await outputOf(where, path, flags, args, folder);
      const encode = (text: string) => new TextEncoder().encode(text);
      assertEquals(printed, concat([encode(before), expected, encode(after)]));
    });
  }

  const datagramClients: [path: string, needs: Need[]][] = [
    ["clients/udp_echo.ts", []],
    ["clients/udp_connected.ts", []],
    ["posix/udp_connected.ts", ["Linux C library"]],
  ];
  for (const [path, needs] of datagramClients) {
    testWith(["python3", ...needs], `${path}: what a server sends to ${where}`, async (folder) => {
      using server = await openDatagram(0);
      const { port } = server.addr as Deno.NetAddr;
      const answered = server.receive().then(([, from]) => server.send(toBytes(hostile), from));
      const flags = readSample(path).flags.map((flag) => flag.replace("7017", `${port}`));
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

/** Asserts the output for a datagram: its bytes, or a dump of them. */
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
