import { assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../../contract/ports.ts";
import { Process, startSample } from "../../contract/process.ts";
import { writeN } from "../../lib/io/read_write.ts";
import { bytes } from "../support/bytes.ts";
import { assertEnds } from "../support/end.ts";
import { connectAndReset, HostileServer } from "../support/peers.ts";
import { startPython } from "../support/program.ts";
import { startServer } from "../support/start.ts";
import { readAll, receive } from "../support/streams.ts";
import { testWith } from "../support/test_with.ts";

// posix/out_of_band_receive.ts and posix/out_of_band_send.ts.

const LIBC = "Linux C library";
const RECEIVE = "posix/out_of_band_receive.ts";
const SEND = "posix/out_of_band_send.ts";

/** Waits for the receiver to exit; asserts what it printed after the client's address. */
async function assertReceives(receiver: Process, printed: string): Promise<void> {
  assertEquals(await receiver.exits(), 0, receiver.describe());
  assertMatch(receiver.stderr, /^listening on 127\.0\.0\.1:\d+\n$/);
  assertEquals(receiver.stdout.replace(/^Connection from 127\.0\.0\.1:\d+\n/, ""), printed);
}

/** A client in Python, which waits until the receiver is ready. It uses `c`, the socket. */
const CLIENT = `
import socket, sys
c = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
OOB = socket.MSG_OOB
def ready():
    assert c.recv(80) == b"ready\\n"
`;

/** Asserts what the receiver prints with a client in Python. If it is stopped, all data arrives before accept. */
async function assertReceivesFrom(
  program: string,
  printed: string,
  stopped = false,
): Promise<void> {
  const { server, port } = await startServer(RECEIVE, "127.0.0.1", {});
  await using receiver = server;
  if (stopped) receiver.kill("SIGSTOP");
  await using client = startPython(CLIENT + program, `${port}`);
  assertEquals(await client.exits(), 0, client.describe());
  receiver.kill("SIGCONT");
  await assertReceives(receiver, printed);
}

const URGENT = "SIGURG, urgent data at the mark:";
const clients: Record<string, [program: string, printed: string]> = {
  "between ordinary data": [
    `ready(); c.send(b"first"); c.send(b"!", OOB); c.send(b"second"); c.close()`,
    `Message: first\n${URGENT} !\nMessage: second\n`,
  ],
  "before ordinary data": [
    `ready(); c.send(b"!", OOB); c.send(b"second"); c.close()`,
    `${URGENT} !\nMessage: second\n`,
  ],
  "at the end": [
    `ready(); c.send(b"first"); c.send(b"!", OOB); c.close()`,
    `Message: first\n${URGENT} !\n`,
  ],
  "in the last byte of a message": [
    `ready(); c.send(b"first!", OOB); c.close()`,
    `Message: first\n${URGENT} !\n`,
  ],
  "that is a control character": [
    `ready(); c.send(b"\\x07", OOB); c.close()`,
    `${URGENT} \ufffd\n`,
  ],
};
for (const [where, [program, printed]] of Object.entries(clients)) {
  testWith([LIBC, "python3"], `${RECEIVE} receives urgent data ${where}`, async () => {
    await assertReceivesFrom(program, printed);
  });
}

testWith(
  [LIBC, "python3"],
  `${RECEIVE} prints "no SIGURG" if urgent data arrives before F_SETOWN`,
  async () => {
    const program = `c.send(b"first"); c.send(b"!", OOB); c.send(b"second"); c.close()`;
    await assertReceivesFrom(program, `Message: first\nno ${URGENT} !\nMessage: second\n`, true);
  },
);

testWith(
  [LIBC, "python3"],
  `${RECEIVE} receives the second of two urgent bytes that arrive together`,
  async () => {
    const program = `c.send(b"1"); c.send(b"2", OOB); c.send(b"3"); c.send(b"4", OOB); c.close()`;
    await assertReceivesFrom(program, `Message: 123\nno ${URGENT} 4\n`, true);
  },
);

testWith([LIBC], `${RECEIVE} receives from a sender without urgent data`, async () => {
  const { server, port } = await startServer(RECEIVE, "127.0.0.1", {});
  await using receiver = server;
  using client = await Deno.connect({ port });
  await receive(client, "ready\n");
  await writeN(client, bytes("hello\n"));
  await receiver.prints(/^Message: hello$/m);
  await writeN(client, bytes("x".repeat(81))); // longer than the buffer
  await client.closeWrite();
  assertEquals(await readAll(client), new Uint8Array());
  await assertReceives(receiver, `Message: hello\nMessage: ${"x".repeat(80)}\nMessage: x\n`);
});

testWith([LIBC, "nc"], `${RECEIVE} receives from nc`, async () => {
  const { server, port } = await startServer(RECEIVE, "127.0.0.1", {});
  await using receiver = server;
  await using nc = new Process(["-N", "127.0.0.1", `${port}`], true, undefined, "nc");
  await nc.type("hello\n");
  await nc.endInput();
  await assertEnds(nc, 0, "ready\n", "");
  await assertReceives(receiver, "Message: hello\n");
});

testWith([LIBC], `${RECEIVE} fails in one line if its client resets`, async () => {
  const { server, port } = await startServer(RECEIVE, "127.0.0.1", {});
  await using receiver = server;
  await connectAndReset({ hostname: "127.0.0.1", port }, bytes("hello\n")); // after "ready"
  await receiver.exits();
  const stderr = /^listening on \S+\nrecv: Connection reset by peer\n$/;
  await assertEnds(receiver, 1, receiver.stdout, stderr);
});

/** A server in Python, which runs code with `c`, the connection of the sender. */
const SERVER = `
import socket
l = socket.create_server(("127.0.0.1", 0))
print("listening on 127.0.0.1:%d" % l.getsockname()[1], flush=True)
c, _ = l.accept()
c.settimeout(10)
def receive_all():
    return b"".join(iter(lambda: c.recv(80), b""))
`;
const servers: Record<string, [program: string, printed: string]> = {
  "a server that is ready": [
    `c.send(b"ready"); first = c.recv(5); mark = c.recv(1, socket.MSG_OOB)
print(first, mark, receive_all())`,
    "b'first' b'!' b'second'\n",
  ],
  "a server that sends nothing": ["print(receive_all())", "b'firstsecond'\n"],
  "a server that receives urgent data inline": [
    `c.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1); print(receive_all())`,
    "b'first!second'\n",
  ],
  "a server that sends back what it receives": [
    `c.send(b"ready"); data = b""
while piece := c.recv(80): data += piece; c.send(piece)
print(data)`,
    "b'firstsecond'\n",
  ],
};
for (const [who, [program, printed]] of Object.entries(servers)) {
  testWith([LIBC, "python3"], `${SEND} sends to ${who}`, async () => {
    await using server = startPython(SERVER + program);
    const [listening, port = ""] = await server.prints(/^listening on \S+:(\d+)\n/);
    await using sender = startSample(SEND, ["127.0.0.1", port]);
    await assertEnds(sender, 0, "", "");
    await assertEnds(server, 0, listening + printed, "");
  });
}

testWith([LIBC], `${SEND} fails in one line if no server listens`, async () => {
  const port = freePort();
  await using sender = startSample(SEND, ["127.0.0.1", `${port}`]);
  await assertEnds(sender, 1, "", `connect 127.0.0.1:${port}: Connection refused\n`);
});

testWith([LIBC], `${SEND} fails in one line if the server resets`, async () => {
  await using server = new HostileServer((socket) => socket.resetAndDestroy());
  const [, port = ""] = (await server.listen()).split(":");
  await using sender = startSample(SEND, ["127.0.0.1", port]);
  await assertEnds(
    sender,
    1,
    "",
    /^(?:recv|send|connect \S+): (?:Connection reset by peer|Broken pipe)\n$/,
  );
});
