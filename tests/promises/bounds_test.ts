import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { writeN } from "../../lib/io/read_write.ts";
import { assertStaysFlat } from "../support/proc.ts";
import { exchange, isCutOff } from "../support/streams.ts";
import { lines, listeners, prefork, reliable } from "../support/servers.ts";
import { Server, withFastClock } from "../support/server.ts";
import { stopwatch } from "../support/time.ts";
import { givers, keeps } from "./promises.ts";

const echoes = [...reliable, lines];

keeps("bounds", "a silent client is disconnected", async (subject) => {
  await using server = await Server.start(subject, [], withFastClock);
  using silent = await server.connect();
  if (subject.path === "servers/tcp_counter.ts") await server.assertServes(); // it sends and closes
  else await server.process.prints(/^(?:read |recv |ERROR reading.*read )?\S+: idle for 300 s$/m);
  await isCutOff(silent);
}, givers("bounds").filter((subject) => subject !== prefork)); // a worker does not load the fast clock

keeps("bounds", "a line of 128 MB is processed in bounded memory", async (subject) => {
  await using server = await Server.start(subject, subject.quiet);
  using conn = await server.connect();
  const part = new Uint8Array(1 << 20).fill(0x78);
  const send = async () => {
    for (let i = 0; i < 128; i++) await writeN(conn, part);
    await conn.closeWrite();
  };
  await assertStaysFlat(
    server.process,
    () => Promise.all([send().catch(() => {}), isCutOff(conn)]),
  );
}, echoes.concat(listeners.filter(({ greeting }) => greeting.at(-1) === 0x0a)));

keeps(
  "bounds",
  "an idle client is disconnected, a slow one is not",
  async (subject) => {
    const timeout = 500;
    await using server = await Server.start(subject, [
      ...subject.quiet,
      `--idle-timeout=${timeout / 1000}`,
    ]);
    const elapsed = stopwatch();
    const clients: Record<string, (conn: Deno.Conn) => Promise<void>> = {
      "silent": isCutOff,
      "deaf": async (conn) => {
        while (await writeN(conn, new Uint8Array(65536)).then(() => true, () => false));
      },
      "too slow": async (conn) => {
        await exchange(conn, ".");
        const next = delay(timeout * 2).then(() => exchange(conn, "."));
        assertEquals(await Promise.allSettled([next]).then(([{ status }]) => status), "rejected");
      },
    };
    const cut = Object.entries(clients).map(async ([who, act]) => {
      using conn = await server.connect();
      await act(conn);
      const after = elapsed();
      assert(after >= timeout, `${subject.name} disconnects the ${who} client after ${after} ms`);
    });
    const slow = async () => {
      using conn = await server.connect();
      while (elapsed() < timeout * 4) {
        await exchange(conn, ".");
        await delay(timeout / 10);
      }
    };
    await Promise.all([...cut, slow()]);
  },
  reliable,
  1,
);

keeps("bounds", "a client over --max-connections waits until another leaves", async (subject) => {
  // The limit applies to each worker.
  const options = subject === prefork ? ["--workers=1"] : [];
  await using server = await Server.start(subject, [...options, "--max-connections=3"]);
  const clients = await Promise.all([1, 2, 3].map(() => server.connect()));
  for (const client of clients) await exchange(client, "hello\n");
  using next = await server.connect();
  const served = exchange(next, "next\n").then(() => "the fourth is served");
  const others = async () => {
    for (let i = 0; i < 100; i++) {
      for (const client of clients) await exchange(client, `${i}\n`);
    }
    return "the others are served";
  };
  assertEquals(await Promise.race([served, others()]), "the others are served", subject.name);
  clients.pop()?.close();
  await served;
  // It also ends correctly when it is full.
  using late = await server.connect();
  await Promise.all([server.assertEnds(), isCutOff(late)]);
  for (const client of clients) client.close();
}, reliable);
