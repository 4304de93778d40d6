import { assert, assertEquals, assertMatch } from "@std/assert";
import { writeN } from "../../lib/robust_io.ts";
import {
  bytes,
  concurrent,
  exchange,
  flood,
  iterative,
  LINE,
  lines,
  many,
  prefork,
  readAll,
  receive,
  receiveFlood,
  Server,
  stopwatch,
  unix,
} from "../hostile.ts";
import { givers, keeps } from "./promises.ts";

const reliable = [concurrent, prefork, unix];

keeps("drain", "SIGTERM loses nothing that was sent", async (subject) => {
  // The iterative ones print all that comes, which takes its time of a grace period that is fixed.
  const [grace, count, limit, ...options] = subject.isIterative
    ? [5000, 1, 4000 * LINE]
    : [30_000, 8, Infinity, "--grace=30"];
  await using server = await Server.start(subject, [...subject.quiet, ...options]);
  const clients = await Promise.all(Array.from({ length: count }, () => server.connect()));
  for (const client of clients) await exchange(client, "hello\n"); // it is accepted
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
}, [...reliable, iterative, lines]);

keeps("drain", "clients that wait in the backlog at SIGTERM are served", async (subject) => {
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
}, givers("drain").filter(({ kind }) => kind === "stream"));

/** How many descriptors this process may have open. */
const [descriptors = 0] = new TextDecoder()
  .decode(new Deno.Command("sh", { args: ["-c", "ulimit -n"] }).outputSync().stdout)
  .split("\n").map((limit) => limit === "unlimited" ? Infinity : Number(limit));

for (const count of [3900, 8000]) {
  for (const subject of reliable) {
    Deno.test({
      name:
        `${subject.name}: SIGTERM with ${count} connections, of which 50 have just sent a byte, loses none` +
        (descriptors > count + 100 ? "" : ` (no ${count} descriptors)`),
      ignore: descriptors <= count + 100,
      async fn() {
        const options = ["--quiet", `--max-connections=${count}`, "--grace=30"];
        await using server = await Server.start(subject, options);
        const clients: Deno.Conn[] = [];
        await many(count, 64, async () => {
          const conn = await server.connect();
          await exchange(conn, "hello\n"); // it is accepted
          clients.push(conn);
        });
        const some = clients.filter((_, index) => index % (count / 50) === 0);
        for (const conn of some) await writeN(conn, bytes("x"));
        server.process.kill("SIGTERM");
        for (const conn of some) await receive(conn, "x");
        assertEquals(await server.process.exits(), 0, server.process.describe());
        for (const conn of clients) conn.close();
      },
    });
  }
}
