import { assert, assertEquals } from "@std/assert";
import { sendTo } from "../../lib/socket/datagram.ts";
import { openUnixDatagram } from "../../lib/socket/unix.ts";
import { withTimeout } from "../../lib/io/timeout.ts";
import { processorTimeDuring } from "../support/proc.ts";
import type { Need } from "../../contract/requirements.ts";
import { type Step, testSteps, testWith } from "../support/test_with.ts";
import { Process, startSample } from "../../contract/process.ts";
import { PythonSocket } from "../support/python_socket.ts";
import { toBytes, toText } from "../support/bytes.ts";
import { assertEndsInTime, assertEndsWithoutFile } from "../support/end.ts";
import { makeDeaf, QUEUE } from "../support/deaf_socket.ts";
import { modeOf } from "../support/files.ts";
import { stopwatch, waitFor } from "../support/time.ts";
import { covers } from "./promises.ts";

// The promise: a peer that does not receive does not delay others.

/** The servers to which the promise applies. */
const servers = ["unix/dgram_echo_server.ts"];

covers("datagram_peers", servers);

/** The time limit for a datagram, in ms. */
const LONG = 10_000;

/** A client of a server: a bound socket of Deno's. */
class Client implements Disposable {
  readonly #socket: Deno.DatagramConn;
  readonly #server: Deno.UnixAddr;
  readonly path: string;

  constructor(path: string, server: string) {
    this.path = path;
    this.#server = { transport: "unixpacket", path: server };
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
  }

  /** Sends messages; while the server's queue is full, Deno retries. */
  async send(...messages: string[]): Promise<void> {
    for (const message of messages) {
      const sending = this.#socket.send(toBytes(message), this.#server);
      await withTimeout(sending, LONG, `the server has no room for ${JSON.stringify(message)}`);
    }
  }

  async receive(): Promise<string> {
    const [message] = await withTimeout(this.#socket.receive(), LONG, "no reply comes");
    return toText(message);
  }

  async assertServed(message: string): Promise<void> {
    await this.send(message);
    assertEquals(await this.receive(), message);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
    if (modeOf(this.path) !== null) Deno.removeSync(this.path);
  }
}

/** Starts a server that may reply to `clients` clients, at `FOLDER/0` and so on. */
async function start(sample: string, folder: string, clients: number): Promise<Process> {
  const paths = Array.from({ length: clients }, (_, index) => `${folder}/${index}`);
  const server = startSample(sample, [`${folder}/server`], {
    "unix:/tmp/dgram_echo_client.sock": paths.map((path) => `unix:${path}`).join(),
    "/tmp/dgram_echo_client.sock": paths.join(),
    "/tmp/dgram_echo.sock": `${folder}/server`,
  });
  await server.prints(/^listening on /m);
  return server;
}

/** Terminates a server; asserts that it exits at once, and removes its file. */
async function assertEnds(server: Process, folder: string): Promise<void> {
  server.kill("SIGTERM");
  const elapsed = stopwatch();
  await assertEndsWithoutFile(server, `${folder}/server`);
  assert(elapsed() < 4000, `exited after ${elapsed()} ms`);
}

/** The number of messages that a server has received. */
function received(server: Process): number {
  return server.stdout.split("\n").length - 1;
}

/** The number of replies that a server could not send. */
function refused(server: Process): number {
  return server.stderr.split("Resource temporarily unavailable").length - 1;
}

/** Messages by their index. */
const messages: Record<string, (index: number) => string> = {
  "short messages": (index) => `${index}`,
  "messages of 80 bytes": (index) => `${index}`.padEnd(80, "x"),
  "empty messages": () => "",
};

for (const sample of servers) {
  const scenarios: Step[] = [];
  const promise = (needs: Need[], name: string, fn: (folder: string) => Promise<void>) =>
    scenarios.push({ needs, name, fn });

  for (const [what, messageAt] of Object.entries(messages)) {
    const many = Array.from({ length: 13 }, (_, index) => messageAt(index));

    promise([], `a client that never reads does not delay the next, ${what}`, async (folder) => {
      await using server = await start(sample, folder, 2);
      using deaf = new Client(`${folder}/0`, `${folder}/server`);
      await deaf.send(...many);
      using honest = new Client(`${folder}/1`, `${folder}/server`);
      for (const text of ["hello", "", "again"]) await honest.assertServed(text);
      await server.prints(/^sendto .*\/0: Resource temporarily unavailable, the peer does not/m);
      await assertEnds(server, folder);
    });

    promise([], `20 clients that never read do not delay the next, ${what}`, async (folder) => {
      await using server = await start(sample, folder, 21);
      using clients = new DisposableStack();
      for (let index = 0; index < 20; index++) {
        const deaf = clients.use(new Client(`${folder}/${index}`, `${folder}/server`));
        await deaf.send(...many);
      }
      using honest = new Client(`${folder}/20`, `${folder}/server`);
      for (const text of ["hello", "", "again"]) await honest.assertServed(text);
      await assertEnds(server, folder);
    });

    promise(
      [],
      `a client that reads late receives its replies, and is served, ${what}`,
      async (folder) => {
        await using server = await start(sample, folder, 1);
        using late = new Client(`${folder}/0`, `${folder}/server`);
        await late.send(...many);
        await waitFor(() => received(server) === 13, "the server does not receive");
        const unsent = many.length - QUEUE;
        await waitFor(() => refused(server) === unsent, "the server does not say what is unsent");
        for (const message of many.slice(0, QUEUE)) assertEquals(await late.receive(), message);
        if (what === "empty messages") assertEquals(await late.receive(), ""); // the reply that waited
        for (const text of ["hello", "", "again"]) await late.assertServed(text);
        await assertEnds(server, folder);
      },
    );

    promise(
      [],
      `a client that exits with a full queue does not disturb others, ${what}`,
      async (folder) => {
        await using server = await start(sample, folder, 2);
        for (let round = 0; round < 40; round++) {
          using deaf = new Client(`${folder}/0`, `${folder}/server`);
          await deaf.send(...many);
          await waitFor(() => received(server) === 13 * (round + 1), "the server does not receive");
        }
        using honest = new Client(`${folder}/1`, `${folder}/server`);
        for (const text of ["hello", "", "again"]) await honest.assertServed(text);
        await assertEnds(server, folder);
      },
    );
  }

  promise([], "a client that never reads uses no processor time", async (folder) => {
    await using server = await start(sample, folder, 1);
    using deaf = new Client(`${folder}/0`, `${folder}/server`);
    await deaf.send(...Array(13).fill("hello"));
    await waitFor(() => refused(server) === 2, "the server does not say what it cannot send");
    const used = await processorTimeDuring(server.pid, 1000);
    assert(used < 0.3, `${used} s of processor time in a second`);
  });

  promise([], "more silent clients than spare sockets do not stop the server", async (folder) => {
    await using server = await start(sample, folder, 41);
    {
      using clients = new DisposableStack();
      for (let index = 0; index < 40; index++) {
        const deaf = clients.use(new Client(`${folder}/${index}`, `${folder}/server`));
        await deaf.send(...Array(13).fill(""));
      }
      await waitFor(() => received(server) === 40 * 13, "the server does not receive");
    }
    using honest = new Client(`${folder}/40`, `${folder}/server`);
    // The waiting replies have failed, and released their sockets.
    await waitFor(() => refused(server) >= 40 * 2, "the server does not say what it cannot send");
    await honest.assertServed("hello");
    await assertEnds(server, folder);
  });

  promise(
    [],
    "the server ends although more clients than spare sockets do not read",
    async (folder) => {
      await using server = await start(sample, folder, 40);
      using clients = new DisposableStack();
      for (let index = 0; index < 40; index++) {
        const deaf = clients.use(new Client(`${folder}/${index}`, `${folder}/server`));
        await deaf.send(...Array(13).fill(""));
      }
      await waitFor(() => received(server) === 40 * 13, "the server does not receive");
      await assertEnds(server, folder);
    },
  );

  promise(["python3"], "a connected client that reads late is served", async (folder) => {
    await using server = await start(sample, folder, 2);
    await using connected = new PythonSocket("AF_UNIX");
    await connected.eval(`s.bind("${folder}/0") or s.connect("${folder}/server")`);
    await connected.eval(`[s.send(b"%d" % n) for n in range(50)]`);
    await waitFor(() => received(server) === 50, "the server does not receive");
    using honest = new Client(`${folder}/1`, `${folder}/server`);
    for (const text of ["hello", "", "again"]) await honest.assertServed(text);
    assertEquals(
      await connected.eval(`[int(s.recv(9)) for n in range(50)] == [*range(50)]`),
      "True",
    );
    await assertEnds(server, folder);
  });

  promise(
    ["python3"],
    "the server ends although a connected client does not read",
    async (folder) => {
      await using server = await start(sample, folder, 1);
      await using connected = new PythonSocket("AF_UNIX");
      await connected.eval(`s.bind("${folder}/0") or s.connect("${folder}/server")`);
      await connected.eval(`s.settimeout(0.5)`);
      const flood = `sum(s.send(b"hello") for n in range(10000))`;
      await connected.type(`${flood}\n`); // it times out when the server receives no more
      await server.prints(/^sendto .*\/0: Resource temporarily unavailable/m);
      await assertEnds(server, folder);
    },
  );

  promise(["nc"], "nc -uU is served", async (folder) => {
    await using server = await start(sample, folder, 1);
    const args = ["-uU", "-s", `${folder}/0`, `${folder}/server`];
    await using nc = new Process(args, true, undefined, "nc");
    await nc.type("hello");
    await nc.prints(/hello/);
    await assertEnds(server, folder);
  });

  testSteps(`${sample} does not wait for a peer that does not receive`, scenarios);
}

// The senders

const senders: Step[] = [];

senders.push({
  name: "unix/dgram_send.ts",
  fn: async (folder) => {
    const path = `${folder}/deaf`;
    const deaf = await makeDeaf(path);
    await using sender = startSample("unix/dgram_send.ts", [path, "hello"], {
      "/tmp/dgram.sock": path,
    });
    await assertEndsInTime(sender, 1, 15_000);
    const cause = "Resource temporarily unavailable, the peer does not receive";
    assertEquals([sender.stdout, sender.stderr], ["", `sendto ${path}: ${cause}\n`]);
    deaf.close();
  },
});

for (const message of ["hello", ""]) {
  senders.push({
    name: `unix/dgram_echo_client.ts, ${JSON.stringify(message)}`,
    fn: async (folder) => {
      const path = `${folder}/deaf`;
      const deaf = await makeDeaf(path);
      const grants = {
        "/tmp/dgram_echo.sock": path,
        "/tmp/dgram_echo_client.sock": `${folder}/own`,
      };
      const args = [path, `${folder}/own`, "--timeout=0.2"];
      await using client = startSample("unix/dgram_echo_client.ts", args, grants, true);
      await client.type(`${message}\n`);
      await assertEndsInTime(client, 1, 4000);
      const cause = "Resource temporarily unavailable, the peer does not receive";
      assertEquals([client.stdout, client.stderr], ["", `sendto ${path}: ${cause}\n`]);
      assertEquals(modeOf(`${folder}/own`), null, "its file is still there");
      deaf.close();
    },
  });
}

testSteps("a sender gives up when its peer does not receive", senders);

// More peers than there are spare sockets.
testWith([], "concurrent calls of sendTo() send to 40 peers that have room", async (folder) => {
  using sender = await openUnixDatagram(`${folder}/sender`);
  const peers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => openUnixDatagram(`${folder}/${i}`)),
  );
  // On a busy machine a send may take longer than one turn of the event loop, and is repeated.
  await Promise.all(peers.map(({ addr }) => sendTo(sender, toBytes("hello"), addr, 1000)));
  for (const peer of peers) peer.close();
});
