import { assert, assertEquals, assertMatch } from "@std/assert";
import { FD_SETSIZE } from "../../posix.ts";
import { connectAndReset, flood, receiveFlood } from "../support/peers.ts";
import { descriptorLimit, processorTimeDuring } from "../support/proc.ts";
import { randomBytes } from "../support/bytes.ts";
import { exchange, readAll } from "../support/streams.ts";
import { needsOf, polling, selecting, type Subject } from "../support/servers.ts";
import { Server } from "../support/server.ts";
import { waitFor } from "../support/time.ts";
import { testWith } from "../support/test_with.ts";

/** Waits until a server waits, too: it may still process what it has received. */
async function assertWaits({ process, subject }: Server): Promise<void> {
  const isIdle = async () => await processorTimeDuring(process.pid, 500) < 0.1;
  await waitFor(isIdle, `${subject.name} uses processor time without an event`);
}

/** The number of clients that a server has printed as accepted. */
function accepted({ process }: Server): number {
  return process.stdout.match(/^Connection from /gm)?.length ?? 0;
}

for (const subject of [selecting, polling]) {
  const needs = needsOf(subject);

  testWith(needs, `${subject.name} serves clients in any order`, async () => {
    await using server = await Server.start(subject);
    using first = await server.connect();
    using second = await server.connect();
    await exchange(second, "I need not wait\n");
    await exchange(first, "I was here first\n");
    await exchange(second, "again\n");
    await server.assertEnds();
    const { stdout } = server.process;
    const client = "Connection from 127\\.0\\.0\\.1:\\d+\n";
    assertMatch(stdout, RegExp(`^${client}(${client})?\tMessage: I need not wait\n`));
    const messages = stdout.replace(RegExp(client, "g"), "");
    const sent = ["I need not wait", "I was here first", "again"];
    assertEquals(messages, sent.map((text) => `\tMessage: ${text}\n`).join(""));
  });

  testWith(
    needs,
    `${subject.name} waits for a client that does not read, and loses none of its data`,
    async () => {
      await using server = await Server.start(subject);
      using deaf = await server.connect();
      const sent = await flood(deaf, Infinity);
      await assertWaits(server);
      using other = await server.connect();
      await exchange(other, "hello\n");
      await assertWaits(server);
      const [received] = await Promise.all([receiveFlood(deaf), server.assertEnds()]);
      assert(received >= sent, `${received} bytes of ${sent} are sent back`);
      assertMatch(server.process.stderr, /^listening on .*\n$/);
    },
  );

  testWith(
    needs,
    `${subject.name} reports a client that resets, and serves the others`,
    async () => {
      await using server = await Server.start(subject);
      using other = await server.connect();
      await exchange(other, "hello\n");
      // The reset arrives while the server waits to send.
      await connectAndReset(server.address, randomBytes(10e6, 1));
      await server.process.prints(
        /^127\.0\.0\.1:\d+: (recv|send): (Connection reset by peer|Broken pipe)$/m,
      );
      await assertWaits(server);
      await exchange(other, "still here\n");
      await server.assertEnds();
    },
  );

  testWith(needs, `${subject.name} exits although a client never reads`, async () => {
    await using server = await Server.start(subject);
    using deaf = await server.connect();
    await flood(deaf, Infinity);
    await server.assertEnds();
    server.assertAddressIsFree();
  });
}

/** More clients than an fd_set has bits. */
const CROWD = FD_SETSIZE + 100;

/** Connects clients one after another, so that the server accepts them in this order. */
async function connectCrowd(server: Server): Promise<Deno.Conn[]> {
  const clients: Deno.Conn[] = [];
  while (clients.length < CROWD) clients.push(await server.connect());
  return clients;
}

/** Tests a server with many clients, where this process may have as many descriptors. */
function testWithCrowd(
  subject: Subject,
  does: string,
  check: (server: Server) => Promise<void>,
): void {
  const name = `${subject.name} ${does}`;
  if (descriptorLimit < CROWD + 100) {
    Deno.test.ignore(`${name} (no ${CROWD} descriptors)`, () => {});
    return;
  }
  testWith(needsOf(subject), name, async () => {
    await using server = await Server.start(subject);
    await check(server);
  });
}

testWithCrowd(
  selecting,
  "leaves clients in the backlog whose descriptor would be FD_SETSIZE or more",
  async (server) => {
    const clients = await connectCrowd(server);
    await server.process.prints(/^accept: Too many open files$/m);
    await assertWaits(server); // and its output has been read
    const served = accepted(server);
    assert(served > FD_SETSIZE / 2 && served < FD_SETSIZE, `${served} clients are served`);
    for (const [i, client] of clients.slice(0, served).entries()) await exchange(client, `${i}\n`);
    // When some disconnect, the others are served.
    for (const client of clients.splice(0, CROWD / 2)) client.close();
    for (const [i, client] of clients.entries()) await exchange(client, `still here, ${i}\n`);
    for (const client of clients) client.close();
    await server.assertEnds();
    const complaints = new Set(server.process.stderr.split("\n").slice(1));
    assertEquals([...complaints], ["accept: Too many open files", ""]);
  },
);

testWithCrowd(polling, "serves more clients than FD_SETSIZE at once", async (server) => {
  const clients = await connectCrowd(server);
  for (const [i, client] of clients.entries()) await exchange(client, `${i}\n`);
  await Promise.all([server.assertEnds(), ...clients.map(readAll)]);
  assertEquals(accepted(server), CROWD);
  assertMatch(server.process.stderr, /^listening on .*\n$/);
});
