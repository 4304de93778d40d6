import { assert, assertEquals } from "@std/assert";
import { writeN } from "../../lib/io/read_write.ts";
import { bytes, randomBytes } from "../support/bytes.ts";
import { isCutOff } from "../support/streams.ts";
import { Server } from "../support/server.ts";
import { testWith } from "../support/test_with.ts";
import { startPython } from "../support/program.ts";
import { givers, keeps } from "./promises.ts";

/** Control sequences and forged log lines from a peer. */
const FORGED = "Connection from 192.0.2.1:1";
const nasty =
  `\x1b[2J\x1b]0;title\x07\x9b1m\n${FORGED}\r${FORGED}\u2028${FORGED}\u202e\u200f\n\tMessage: ${FORGED}\n`;

/** Asserts that a server printed no control characters and no forged line. */
function assertSafe({ process, subject }: Server): void {
  const { stdout, stderr } = process;
  const control = /[^\P{Cc}\t\n]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;
  assertEquals(control.exec(stdout + stderr), null, `${subject.name} ${process.describe()}`);
  for (const line of `${stdout}${stderr}`.split("\n")) {
    assert(!line.startsWith(FORGED), `${subject.name} ${process.describe()}`);
    assert(!line.startsWith(`\tMessage: ${FORGED}`), `${subject.name} ${process.describe()}`);
  }
}

/** Ends a server; asserts that it served until then, unless it serves one client. */
async function end(server: Server): Promise<void> {
  if (server.subject.clients > 1) {
    await server.assertServes();
    await server.assertEnds();
  } else {
    await server.process.exits();
  }
}

keeps(
  "terminal",
  "a peer can neither print control characters nor forge a line",
  async (subject) => {
    await using server = await Server.start(subject);
    const sent = bytes(nasty);
    if (subject.kind === "datagram") {
      await server.tell(sent);
    } else {
      using conn = await server.connect();
      await writeN(conn, sent).catch(() => {});
      await conn.closeWrite().catch(() => {});
      await isCutOff(conn);
    }
    await end(server);
    assertSafe(server);
  },
  givers("terminal").filter(({ name }) => !echoesLines(name)),
);

/** Whether the server prints each line of a client as a line, as its protocol requires. */
function echoesLines(name: string): boolean {
  return name.endsWith("--framing=line");
}

keeps("terminal", "a line of a peer is printed as one line", async (subject) => {
  await using server = await Server.start(subject);
  using conn = await server.connect();
  await writeN(conn, bytes(`${nasty.replaceAll("\n", " ")}\n`));
  await conn.closeWrite();
  await isCutOff(conn);
  await server.assertEnds();
  assertSafe(server);
}, givers("terminal").filter(({ name }) => echoesLines(name)));

keeps("terminal", "random bytes are printed without control characters", async (subject) => {
  await using server = await Server.start(subject);
  for (let seed = 0; seed < 20; seed++) {
    using conn = await server.connect();
    const sending = writeN(conn, randomBytes(20_000, seed)).then(() => conn.closeWrite());
    await Promise.all([sending.catch(() => {}), isCutOff(conn)]);
  }
  await server.assertServes();
  await server.assertEnds();
  const { stdout, stderr } = server.process;
  assertEquals(
    /[^\P{Cc}\t\n]/u.exec(stdout + stderr),
    null,
    `${subject.name} prints a control character`,
  );
}, givers("terminal").filter(({ kind, clients }) => kind === "stream" && clients > 1));

/** A client whose path contains control sequences and a forged line. */
const STRANGE_CLIENT = `
import os, socket, sys
folder, server, kind = sys.argv[1:]
client = socket.socket(socket.AF_UNIX, getattr(socket, kind))
client.bind(folder + "/\x1b[2J\\nConnection from 192.0.2.1:1")
client.connect(server)
client.send(b"hello")
if kind == "SOCK_STREAM":
    client.shutdown(socket.SHUT_WR)
    client.recv(80)
`;
for (const subject of givers("terminal").filter(({ path }) => path.startsWith("unix/"))) {
  testWith(
    ["python3"],
    `${subject.name}: a peer's path is printed without control characters`,
    async (folder) => {
      await using server = await Server.start(subject);
      assert("path" in server.address);
      const kind = subject.kind === "stream" ? "SOCK_STREAM" : "SOCK_DGRAM";
      await using client = startPython(STRANGE_CLIENT, folder, server.address.path, kind);
      assertEquals(await client.exits(), 0, client.describe());
      await end(server);
      assertSafe(server);
    },
  );
}
