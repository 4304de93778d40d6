import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "node:path";
import type { framings } from "../../protocols/framings.ts";
import { MAXFRAME } from "../../lib/io/framing.ts";
import { writeN } from "../../lib/io/read_write.ts";
import { bytes, randomBytes } from "../support/bytes.ts";
import {
  iterative,
  lines,
  listeners,
  oneShots,
  others,
  polling,
  prefork,
  receivers,
  reliable,
  repliers,
  selecting,
  servers,
} from "../support/servers.ts";
import { connectAndReset, flood, garbage, receiveFlood } from "../support/peers.ts";
import { many } from "../support/many.ts";
import { exchange, isCutOff } from "../support/streams.ts";
import { Server } from "../support/server.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { root } from "../../contract/header.ts";
import { keeps } from "./promises.ts";

const echoes = [...reliable, iterative, lines, selecting, polling];
const accepting = servers.filter(({ kind }) => kind === "stream");

keeps(
  "hostile_clients",
  "clients that reset before accept do not disturb others",
  async (subject) => {
    await using server = await Server.start(subject);
    server.process.kill("SIGSTOP"); // so that none is accepted before its reset
    const clients = Array(Math.min(500, subject.backlog)).keys();
    await many(clients, 50, () => connectAndReset(server.address));
    server.process.kill("SIGCONT");
    await server.assertServes();
  },
  accepting,
);

const resets: Record<string, Uint8Array> = {
  "after accept": bytes("hello\n"),
  "during a reply": randomBytes(300_000, 1),
};
for (const [when, sent] of Object.entries(resets)) {
  keeps(
    "hostile_clients",
    `500 clients that reset ${when} do not disturb others`,
    async (subject) => {
      await using server = await Server.start(subject);
      const atOnce = subject.isIterative ? 1 : 50;
      await many(Array(500).keys(), atOnce, () => connectAndReset(server.address, sent));
      await server.assertServes();
    },
    [...echoes, ...others],
  );
}

keeps(
  "hostile_clients",
  "clients that close within a line or a frame do not disturb others",
  async (subject) => {
    await using server = await Server.start(subject);
    for (const part of [0, 0.5, 0.9]) {
      using conn = await server.connect();
      await writeN(conn, subject.greeting.subarray(0, part * subject.greeting.length));
    }
    await server.assertServes();
  },
  accepting.filter(({ clients }) => clients > 1),
);

keeps(
  "hostile_clients",
  "datagrams of any bytes and sizes do not disturb others",
  async (subject) => {
    await using server = await Server.start(subject, subject.quiet);
    const longest = "path" in server.address ? 100_000 : 65_507;
    for (const [seed, size] of [0, 1, 2, 79, 80, 81, 257, 258, 2500, 2501, longest].entries()) {
      await server.tell(randomBytes(size, seed));
    }
    await server.assertServes();
  },
  [...repliers, ...receivers],
);

keeps(
  "hostile_clients",
  "a datagram of any bytes is received, and the server exits with 0",
  async (subject) => {
    for (const [seed, size] of [0, 1, 16, 17, 2501].entries()) {
      await using server = await Server.start(subject);
      await server.tell(randomBytes(size, seed));
      assertEquals(await server.process.exits(), 0, server.process.describe());
    }
  },
  oneShots,
);

// Workers

/** Connects clients to both workers. */
async function meetBoth(server: Server): Promise<Deno.Conn[]> {
  const clients = await Promise.all(Array.from({ length: 64 }, () => server.connect()));
  for (const client of clients) await exchange(client, "hello\n");
  for (const worker of [1, 2]) {
    await server.process.prints(RegExp(`^\\[worker ${worker}\\] Connection from 127`, "m"));
  }
  return clients;
}

keeps(
  "hostile_clients",
  "all workers accept connections, and SIGTERM drains them",
  async (subject) => {
    await using server = await Server.start(subject);
    const clients = await meetBoth(server);
    const sent = await Promise.all(clients.map((client) => flood(client, 10_000)));
    const [, ...received] = await Promise.all([
      server.assertEnds(),
      ...clients.map(receiveFlood),
    ]);
    assertEquals(received, sent);
  },
  [prefork],
);

keeps("hostile_clients", "a worker that dies is replaced", async (subject) => {
  await using folder = await temporaryFolder();
  // A copy of the server with a bug: an error that no code catches.
  const service = "protocols/echo.ts";
  const bug =
    `if (printable(message) === "die") queueMicrotask(() => { throw new Error("died"); });`;
  for (const path of ["servers/tcp_echo_prefork.ts", "servers/workers/tcp_echo.ts", service]) {
    const source = await Deno.readTextFile(`${root}${path}`);
    const copy = source.replace(/(?:\.\.\/)+(mod|cli)\.ts/g, `file://${root}$1.ts`)
      .replace(/\(message\) => (stdout.print\(.*\))\);$/m, `(message) => { ${bug} return $1; });`);
    assertEquals(copy.includes(bug), path === service, `the bug is in ${path}`);
    await Deno.mkdir(dirname(`${folder.path}/${path}`), { recursive: true });
    await Deno.writeTextFile(`${folder.path}/${path}`, copy);
  }
  const flags = ["--allow-all", `--config=${root}deno.json`];
  const copy = `${folder.path}/servers/tcp_echo_prefork.ts`;
  const launch = (_: string, args: string[]) =>
    new Process(["run", ...flags, copy, ...args], false);
  await using server = await Server.start(subject, [], launch);
  for (const client of await meetBoth(server)) client.close();

  using killer = await server.connect();
  await writeN(killer, bytes("die"));
  const [, died] = await server.process.prints(
    /^worker (\d) died, starting another: Uncaught Error: died$/m,
  );
  // Until the socket of the dead worker is closed, a client may connect to it, and is reset.
  const before = server.process.stdout.length;
  const isBack = () => server.process.stdout.slice(before).includes(`[worker ${died}] Connection`);
  while (!isBack()) {
    using client = await server.connect();
    await exchange(client, "hello\n").catch(() => {});
  }
  for (const client of await meetBoth(server)) client.close();
  await server.assertEnds();
}, [prefork]);

// Invalid frames

const tooLong = new Uint8Array(MAXFRAME + 2).fill(0x78);
const badFrames: Record<keyof typeof framings, [what: string, Uint8Array, says: string][]> = {
  length: [
    [
      "half a length",
      new Uint8Array([0, 0]),
      "the stream ended within the length of a frame with 2",
    ],
    ["half a frame", bytes("\0\0\0\x06abc"), "the stream ended within a frame with 3 of 6 bytes"],
    ["a length over the limit", bytes("\0\x20\0\0"), "2097152 bytes exceed the limit"],
    ["garbage", bytes("GET / HTTP/1.0\r\n\r\n"), "1195725856 bytes exceed the limit"],
  ],
  line: [
    ["half a line", bytes("hel"), "the stream ended after 3 bytes without a delimiter"],
    ["a line without end", tooLong, `exceeds the limit of ${MAXFRAME} bytes`],
  ],
  json: [
    ["half a line", bytes('"hel'), "the stream ended after 4 bytes without a delimiter"],
    ["a line without end", tooLong, `exceeds the limit of ${MAXFRAME} bytes`],
    ["garbage", garbage, "not a line of JSON: "],
  ],
};
for (const framing of ["length", "line", "json"] as const) {
  keeps(
    "hostile_clients",
    "the error of an invalid frame is one line",
    async (subject) => {
      await using server = await Server.start(subject);
      for (const [what, frame, says] of badFrames[framing]) {
        const before = server.process.stderr.length;
        using conn = await server.connect();
        await writeN(conn, frame).catch(() => {}); // the server may close before all is sent
        await conn.closeWrite().catch(() => {});
        await isCutOff(conn);
        await server.process.prints(RegExp(`^.*: frame: ${RegExp.escape(says)}.*\n`, "m"));
        const said = server.process.stderr.slice(before);
        assertMatch(said, /^127\.0\.0\.1:\d+: frame: .*\n$/, `${what} to ${subject.name}`);
      }
      await server.assertServes();
    },
    listeners.filter(({ name }) => name.endsWith(framing)),
  );
}
