import { assert, assertEquals, assertMatch } from "@std/assert";
import { writeN } from "../../lib/io/read_write.ts";
import { exchange, readAll } from "../support/streams.ts";
import { flood, LINE, receiveFlood } from "../support/peers.ts";
import { iterative, lines, needsOf, polling, reliable, selecting } from "../support/servers.ts";
import { Server, withDescriptors } from "../support/server.ts";
import { descriptorLimit } from "../support/proc.ts";
import { stopwatch } from "../support/time.ts";
import { testWith } from "../support/test_with.ts";
import { startPython } from "../support/program.ts";
import { givers, keeps } from "./promises.ts";

keeps(
  "drain",
  "SIGTERM loses nothing that was sent",
  async (subject) => {
    // The servers without options print all data, within a fixed grace period.
    const [grace, count, limit, ...options] = reliable.includes(subject)
      ? [30_000, 8, Infinity, "--grace=30"]
      : subject.isIterative
      ? [5000, 1, 4000 * LINE]
      : [5000, 8, 500 * LINE];
    await using server = await Server.start(subject, [...subject.quiet, ...options]);
    const clients = await Promise.all(Array.from({ length: count }, () => server.connect()));
    for (const client of clients) await exchange(client, "hello\n"); // so that it is accepted
    const sent = await Promise.all(clients.map((client) => flood(client, limit)));
    const elapsed = stopwatch();
    const [, ...received] = await Promise.all([
      server.assertEnds(),
      ...clients.map(receiveFlood),
    ]);
    const took = elapsed();
    server.assertAddressIsFree();
    assert(took < grace, `${subject.name} ends after ${took} ms of ${grace}`);
    for (const [i, count] of received.entries()) {
      assert(count >= (sent[i] ?? NaN), `${subject.name} sends back ${count} bytes of ${sent[i]}`);
    }
  },
  [...reliable, iterative, lines, selecting, polling],
  1,
);

keeps(
  "drain",
  "clients that wait in the backlog at SIGTERM are served",
  async (subject) => {
    await using server = await Server.start(subject, subject.quiet);
    server.process.kill("SIGSTOP");
    const count = subject.isIterative ? Math.min(5, subject.backlog) : 500;
    const clients = await Promise.all(Array.from({ length: count }, async () => {
      const conn = await server.connect();
      await writeN(conn, subject.greeting);
      await conn.closeWrite();
      return conn;
    }));
    server.process.kill("SIGTERM");
    server.process.kill("SIGCONT");
    for (const conn of clients) {
      const reply = new TextDecoder().decode(await readAll(conn));
      assertMatch(reply, subject.reply ?? /^$/, `${subject.name} replies ${reply}`);
    }
    assertEquals(await server.process.exits(), 0, server.process.describe());
    const { prints } = subject;
    if (prints !== undefined) {
      const printed = server.process.stdout.match(RegExp(prints, "gm"))?.length;
      assertEquals(printed, count, server.process.describe());
    }
  },
  givers("drain").filter(({ kind }) => kind === "stream"),
  1,
);

for (const subject of reliable) {
  testWith(
    needsOf(subject),
    `${subject.name}: clients that wait for descriptors at SIGTERM are served`,
    async () => {
      await using server = await Server.start(subject, subject.quiet, withDescriptors(64));
      const clients = await Promise.all(Array.from({ length: 120 }, async () => {
        const conn = await server.connect();
        await writeN(conn, subject.greeting);
        return conn;
      }));
      await server.process.prints(/accept: Too many open files$/m);
      server.process.kill("SIGTERM");
      for (const conn of clients) {
        const reply = new TextDecoder().decode(await readAll(conn));
        assertMatch(reply, subject.reply ?? /^$/);
      }
      assertEquals(await server.process.exits(), 0, server.process.describe());
    },
  );
}

/**
 * Connects many clients as fast as possible, sends a byte from each of the last 50, and SIGTERM immediately
 * after that; prints the number of bytes that return.
 */
const CROWD = `
import json, os, signal, socket, sys
pid, count, address = int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
clients = []
while len(clients) < count:
    unix = isinstance(address, str)
    client = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
    client.settimeout(20)
    try:
        client.connect(address if unix else tuple(address))
    except BlockingIOError: # the backlog of a Unix socket is full
        continue
    clients.append(client)
for client in clients[-50:]:
    client.send(b"x")
os.kill(pid, signal.SIGTERM)
print(sum(client.recv(1) == b"x" for client in clients[-50:]))
`;
for (const count of [3900, 8000]) {
  for (const subject of reliable) {
    const name =
      `${subject.name}: SIGTERM loses no byte that 50 of ${count} clients have just sent`;
    if (descriptorLimit < count + 100) {
      Deno.test.ignore(`${name} (no ${count} descriptors)`, () => {});
      continue;
    }
    testWith(["python3", ...needsOf(subject)], name, async () => {
      const options = ["--quiet", `--max-connections=${count}`, "--grace=30"];
      await using server = await Server.start(subject, options);
      const { address, process } = server;
      const where = "path" in address ? address.path : [address.hostname, address.port];
      const args = [`${process.pid}`, `${count}`, JSON.stringify(where)];
      await using crowd = startPython(CROWD, ...args);
      assertEquals(await crowd.exits(), 0, crowd.describe());
      assertEquals(crowd.stdout, "50\n");
      assertEquals(await process.exits(), 0, process.describe());
    });
  }
}
