import { assert, assertEquals } from "@std/assert";
import { testWith } from "../support/test_with.ts";
import { type Process, startSample } from "../../contract/process.ts";
import { PythonSocket } from "../support/python_socket.ts";
import { startUnixServer } from "../support/start.ts";
import { assertEnds } from "../support/end.ts";
import { makeStaleSocket, modeOf } from "../support/files.ts";

// The samples on Unix-domain sockets as processes, against sockets of Python.

const RECEIVE = "unix/dgram_receive.ts";
const SEND = "unix/dgram_send.ts";
const ECHO_SERVER = "unix/dgram_echo_server.ts";
const ECHO_CLIENT = "unix/dgram_echo_client.ts";

/** Registers a test with a folder for its sockets. */
function test(name: string, fn: (at: (name: string) => string) => Promise<void>): void {
  testWith([], name, (folder) => fn((name) => `${folder}/${name}`));
}

/** Registers a test that requires python3. */
function testWithPython(name: string, fn: (at: (name: string) => string) => Promise<void>): void {
  testWith(["python3"], name, (folder) => fn((name) => `${folder}/${name}`));
}

/** Starts the receiver on a path. */
async function startReceiver(path: string, ...options: string[]): Promise<Process> {
  const receiver = startSample(RECEIVE, [path, ...options], { "/tmp/dgram.sock": path });
  await receiver.prints(/^listening on /);
  return receiver;
}

/** Starts the sender, which may send to one path. */
function startSender(path: string, ...args: string[]): Process {
  return startSample(SEND, args, { "/tmp/dgram.sock": path });
}

/** What replaces the paths in the flags of both ends of an echo; the client's is `own`. */
function echoGrants(path: string, own: string): Record<string, string> {
  return { "/tmp/dgram_echo.sock": path, "/tmp/dgram_echo_client.sock": own };
}

/** Starts the echo client. */
function startClient(path: string, own: string, ...options: string[]): Process {
  return startSample(ECHO_CLIENT, [path, own, ...options], echoGrants(path, own), true);
}

// X1

/** Messages of Python, and what is printed. */
const messages: [sent: string, printed: string, isCut: boolean][] = [
  ["b'Message'", "4d 65 73 73 61 67 65 \n", false],
  ["b''", "\n", false],
  ["bytes([0, 9, 10, 127, 128, 255])", "00 09 0a 7f 80 ff \n", false],
  ["bytes(range(240, 256))", "f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff \n", false],
  ["bytes(range(240, 256)) + b'!'", "f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff \n", true],
  ["b'x' * 5000", `${"78 ".repeat(16)}\n`, true],
];

for (const [sent, printed, isCut] of messages) {
  testWithPython(`${RECEIVE} prints Python's ${sent} and ends`, async (at) => {
    const path = at("socket");
    await using receiver = await startReceiver(path);
    await using peer = new PythonSocket("AF_UNIX");
    await peer.eval(`s.sendto(${sent}, ${JSON.stringify(path)})`);
    const cut = isCut ? "(unnamed): message truncated to 16 bytes\n" : "";
    await assertEnds(receiver, 0, printed, `listening on ${path}\n${cut}`);
    assert(modeOf(path) === null, "its socket still exists");
  });
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${RECEIVE} removes its socket on ${signal}`, async (at) => {
    const path = at("socket");
    await using receiver = await startReceiver(path);
    assert(modeOf(path) !== null);
    receiver.kill(signal);
    await assertEnds(receiver, 0, "", `listening on ${path}\n`);
    assert(modeOf(path) === null, "its socket still exists");
  });
}

test(`${RECEIVE} takes over the path of a killed one`, async (at) => {
  const path = at("socket");
  {
    await using killed = await startReceiver(path);
    killed.kill("SIGKILL");
    await killed.exits();
  }
  assert(modeOf(path) !== null, "nothing was left behind");
  await using receiver = await startReceiver(path);
  await using sender = startSender(path, path, "hi");
  await assertEnds(sender, 0, "", "");
  await assertEnds(receiver, 0, "68 69 \n", `listening on ${path}\n`);
});

testWithPython(`${RECEIVE} does not disturb a live socket of Python`, async (at) => {
  const path = at("socket");
  await using peer = new PythonSocket("AF_UNIX");
  await peer.eval(`s.bind(${JSON.stringify(path)})`);
  await using receiver = startSample(RECEIVE, [path], { "/tmp/dgram.sock": path });
  await assertEnds(receiver, 1, "", `bind ${path}: Address already in use\n`);
  await using sender = startSender(path, path, "marker");
  await assertEnds(sender, 0, "", "");
  // Anything that the receiver sent would arrive first.
  assertEquals(await peer.eval("s.recvfrom(99)"), "(b'marker', None)");
});

for (const sample of [RECEIVE, ECHO_SERVER]) {
  test(`${sample} never removes a file that is not a socket`, async (at) => {
    const path = at("file");
    Deno.writeTextFileSync(path, "precious");
    const grants = { "/tmp/dgram.sock": path, "/tmp/dgram_echo.sock": path };
    await using process = startSample(sample, [path], grants);
    await assertEnds(process, 1, "", `bind ${path}: the file is not a socket\n`);
    assertEquals(Deno.readTextFileSync(path), "precious");
  });
}

/** The samples that bind a path, and how to start them. */
const servers: Record<string, (path: string, ...options: string[]) => Process | Promise<Process>> =
  {
    [RECEIVE]: startReceiver,
    "unix/stream_echo_server.ts": startUnixServer,
    [ECHO_SERVER]: (path, ...options) => {
      return startSample(ECHO_SERVER, [path, ...options], echoGrants(path, `${path}.client`));
    },
  };

for (const [sample, start] of Object.entries(servers)) {
  test(`${sample} --mode sets the mode of its socket`, async (at) => {
    for (const [option, bits] of [["", "600"], ["--mode=666", "666"], ["--mode=0620", "620"]]) {
      const path = at(`socket${bits}`);
      await using server = await start(path, ...option ? [option] : []);
      await server.prints(/^listening on /);
      assertEquals(modeOf(path), bits, option);
    }
  });
}

// X2

testWithPython(`${SEND} sends Python a string`, async (at) => {
  const path = at("socket");
  await using peer = new PythonSocket("AF_UNIX");
  await peer.eval(`s.bind(${JSON.stringify(path)})`);
  for (
    const string of ["Message", "", " two words ", "\u00e9", "-", "-x", "--", "x".repeat(5000)]
  ) {
    const ended = string.startsWith("-") ? ["--"] : [];
    await using sender = startSender(path, path, ...ended, string);
    await assertEnds(sender, 0, "", "");
    const expected = await peer.eval(`(${JSON.stringify(string)}.encode(), None)`);
    assertEquals(await peer.eval("s.recvfrom(9999)"), expected, string);
  }
});

test(`${SEND} reports why it cannot send`, async (at) => {
  makeStaleSocket(at("stale"), "datagram");
  const cases = [["missing", "No such file or directory"], ["stale", "Connection refused"]];
  for (const [name = "", cause] of cases) {
    await using sender = startSender(at(name), at(name), "hello");
    await assertEnds(sender, 1, "", `sendto ${at(name)}: ${cause}\n`);
  }
});

test(`${SEND} sends a single operand to the default path`, async (at) => {
  // The default path is shared, so the test does not use it: the permission error names it.
  for (const args of [["hello"], [""], ["--", "-x"]]) {
    await using sender = startSender(at("socket"), ...args);
    const path = "/tmp/dgram.sock";
    await sender.exits();
    assertEquals([sender.code, sender.stdout], [1, ""], sender.describe());
    assert(sender.stderr.includes(path), sender.describe());
  }
});

test(`${SEND} requires a string`, async (at) => {
  await using sender = startSender(at("socket"));
  assertEquals(await sender.exits(), 2, sender.describe());
  assert(/^string: a value is missing\nUsage: /.test(sender.stderr), sender.describe());
});

// X4

testWithPython(`${ECHO_SERVER} replies to Python's path`, async (at) => {
  const [path, own] = [at("server"), at("client")];
  await using server = startSample(ECHO_SERVER, [path], echoGrants(path, own));
  await server.prints(/^listening on /);
  await using peer = new PythonSocket("AF_UNIX");
  await peer.eval(`s.bind(${JSON.stringify(own)})`);
  let stdout = "";
  for (const sent of ["hello", "", "x".repeat(80), "y".repeat(81)]) {
    await peer.eval(`s.sendto(b"${sent}", ${JSON.stringify(path)})`);
    const echoed = sent.slice(0, 80);
    assertEquals(await peer.eval("s.recvfrom(99)"), `(b'${echoed}', '${path}')`);
    stdout += `Message from ${own}: ${echoed}\n`;
  }
  server.kill("SIGINT");
  const stderr = `listening on ${path}\n${own}: message truncated to 80 bytes\n`;
  await assertEnds(server, 0, stdout, stderr);
  assert(modeOf(path) === null, "its socket still exists");
});

testWithPython(`${ECHO_SERVER} serves others after a client without a path`, async (at) => {
  const [path, own] = [at("server"), at("client")];
  await using server = startSample(ECHO_SERVER, [path, "--quiet"], echoGrants(path, own));
  await server.prints(/^listening on /);
  await using unnamed = startSample(SEND, [path, "hello"], { "/tmp/dgram.sock": path });
  await assertEnds(unnamed, 0, "", "");
  await server.prints(/^sendto \(unnamed\): .+\n/m);
  await using peer = new PythonSocket("AF_UNIX");
  await peer.eval(`s.bind(${JSON.stringify(own)})`);
  await peer.eval(`s.sendto(b"still there?", ${JSON.stringify(path)})`);
  assertEquals(await peer.eval("s.recv(99)"), "b'still there?'");
  assertEquals(server.stdout, "");
});

testWithPython(`${ECHO_CLIENT} prints Python's replies, and removes its path`, async (at) => {
  const [path, own] = [at("server"), at("client")];
  await using peer = new PythonSocket("AF_UNIX");
  await peer.eval(`s.bind(${JSON.stringify(path)})`);
  await using client = startClient(path, own, "--timeout=30");
  await client.type("hello\n\nlonger\nlast");
  await client.endInput();
  const [longest, longer] = ["z".repeat(80), "y".repeat(81)];
  for (
    const [line, reply] of [["hello", "HELLO"], ["", ""], ["longer", longer], ["last", longest]]
  ) {
    assertEquals(await peer.eval("s.recvfrom(99)"), `(b'${line}', '${own}')`);
    assert(modeOf(own) !== null);
    await peer.eval(`s.sendto(b"${reply}", ${JSON.stringify(own)})`);
  }
  const stdout = `HELLO\n\n${longer.slice(0, 80)}\n${longest}\n`;
  await assertEnds(client, 0, stdout, `${path}: message truncated to 80 bytes\n`);
  assert(modeOf(own) === null, "its socket still exists");
});

test(`${ECHO_CLIENT} fails and removes its path when no reply arrives`, async (at) => {
  makeStaleSocket(at("stale"), "datagram");
  const deaf = Deno.listenDatagram({ transport: "unixpacket", path: at("deaf") });
  const cases = [
    ["missing", "sendto", "No such file or directory"],
    ["stale", "sendto", "Connection refused"],
    ["deaf", "recv", "timed out after 0.1 s"],
  ];
  for (const [name = "", call, cause] of cases) {
    await using client = startClient(at(name), at("own"), "--timeout=0.1");
    await client.type("hello\n");
    await assertEnds(client, 1, "", `${call} ${at(name)}: ${cause}\n`);
    assert(modeOf(at("own")) === null, `${name}: its socket still exists`);
  }
  deaf.close();
});

test(`${ECHO_SERVER} serves two clients concurrently, each at its path`, async (at) => {
  const path = at("server");
  const owns = [at("one"), at("two")];
  await using server = startSample(ECHO_SERVER, [path], {
    "unix:/tmp/dgram_echo_client.sock": owns.map((own) => `unix:${own}`).join(),
    ...echoGrants(path, owns.join()),
  });
  await server.prints(/^listening on /);
  await using one = startClient(path, at("one"), "--timeout=30");
  await using two = startClient(path, at("two"), "--timeout=30");
  for (let round = 1; round <= 3; round++) {
    for (const [client, text] of [[one, `one ${round}`], [two, `two ${round}`]] as const) {
      await client.type(`${text}\n`);
      await client.prints(RegExp(`^${text}\n$`, "m"));
    }
  }
  for (const [client, name] of [[one, "one"], [two, "two"]] as const) {
    await client.endInput();
    await assertEnds(client, 0, `${name} 1\n${name} 2\n${name} 3\n`, "");
    assert(modeOf(at(name)) === null, `${name}: its socket still exists`);
  }
  const lines = [1, 2, 3].flatMap((round) =>
    ["one", "two"].map((name) => `Message from ${at(name)}: ${name} ${round}\n`)
  );
  await server.assertPrints(lines.join(""));
});
