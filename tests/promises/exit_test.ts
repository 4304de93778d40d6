import { assert, assertEquals } from "@std/assert";
import { connectAndReset, flood } from "../support/peers.ts";
import { exchange, isCutOff } from "../support/streams.ts";
import { type Launch, Server } from "../support/server.ts";
import { message, oneShots, prefork, reliable } from "../support/servers.ts";
import { stopwatch } from "../support/time.ts";
import { startInShell } from "../support/program.ts";
import { givers, keeps } from "./promises.ts";

/** How long a server may take to end, in ms: its grace period, and a machine that is busy. */
const LONGEST = 15_000;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  keeps("exit", `${signal} ends it, whatever its client does`, async (subject) => {
    await using server = await Server.start(subject, subject.quiet);
    using silent = subject.kind === "stream" ? await server.connect() : undefined;
    const elapsed = stopwatch();
    server.process.kill(signal);
    // The message that it was to receive did not come: that is a failure.
    const status = subject === message ? 1 : 0;
    assertEquals(await server.process.exits(), status, server.process.describe());
    assert(elapsed() < LONGEST, `${subject.name} ends after ${elapsed()} ms`);
    if (silent !== undefined) await isCutOff(silent);
    const { stderr } = server.process;
    assertEquals(/^ +at |^error: /m.exec(stderr), null, stderr);
  });
}

keeps("exit", "a signal while it starts ends it", async (subject) => {
  for (let delay = 0; delay < 200; delay += 20) {
    await using server = await Server.launch(subject);
    await new Promise((resolve) => setTimeout(resolve, delay)); // a different moment each time
    server.process.kill("SIGTERM");
    const code = await server.process.exits();
    // Deno itself starts first, and to it SIGTERM has its default action.
    assert([0, 128 + 15].includes(code), `after ${delay} ms: ${server.process.describe()}`);
  }
});

Deno.test(`${prefork.name}: a signal while its workers start ends it`, async () => {
  for (let delay = 0; delay < 400; delay += 40) {
    await using server = await Server.launch(prefork, ["--workers=8"]);
    await new Promise((resolve) => setTimeout(resolve, delay));
    server.process.kill("SIGTERM");
    const code = await server.process.exits();
    assert([0, 128 + 15].includes(code), `after ${delay} ms: ${server.process.describe()}`);
  }
});

keeps("exit", "SIGTERM ends it while clients come and go", async (subject) => {
  await using server = await Server.start(subject, subject.quiet);
  let isOver = false;
  const storm = Promise.all([1, 2, 3, 4].map(async () => {
    while (!isOver) await connectAndReset(server.address, subject.greeting);
  }));
  await server.assertServes();
  const elapsed = stopwatch();
  server.process.kill("SIGTERM");
  const code = await server.process.exits();
  isOver = true;
  await storm;
  assertEquals(code, 0, server.process.describe());
  assert(elapsed() < LONGEST, `${subject.name} ends after ${elapsed()} ms`);
}, givers("exit").filter(({ kind, clients }) => kind === "stream" && clients > 1));

keeps("exit", "SIGTERM cuts who will not end when the grace period does", async (subject) => {
  const grace = 500;
  await using server = await Server.start(subject, [...subject.quiet, `--grace=${grace / 1000}`]);
  using deaf = await server.connect();
  await flood(deaf, Infinity);
  using talker = await server.connect();
  await exchange(talker, "hello\n");
  const talk = async () => {
    for (;;) await exchange(talker, "and another thing\n");
  };
  const elapsed = stopwatch();
  await Promise.all([server.assertEnds(), talk().catch(() => {})]);
  const took = elapsed();
  assert(took >= grace, `${subject.name} ends after ${took} ms of ${grace}`);
  server.assertAddressIsFree();
}, reliable);

keeps("exit", "a second SIGTERM cuts at once", async (subject) => {
  await using server = await Server.start(subject, [...subject.quiet, "--grace=3600"]);
  using deaf = await server.connect();
  await flood(deaf, Infinity);
  using idle = await server.connect();
  await exchange(idle, "hello\n");
  server.process.kill("SIGTERM");
  await isCutOff(idle); // the signal has arrived
  server.process.kill("SIGTERM");
  assertEquals(await server.process.exits(), 128 + 15, `${subject.name} dies of the signal`);
  server.assertAddressIsFree();
}, reliable);

for (const subject of oneShots) {
  Deno.test(`${subject.name}: SIGTERM ends it while its output is not read`, async () => {
    const pipe = `pipe=$(mktemp -u) && mkfifo "$pipe" && exec 3<>"$pipe" && rm "$pipe"`;
    const script = `${pipe} && head -c 65536 /dev/zero >&3 && exec "$@" >&3`;
    const launch: Launch = (path, args) => startInShell(script, path, args);
    await using server = await Server.start(subject, [], launch);
    await server.tell(subject.greeting);
    server.process.kill("SIGTERM");
    const code = await server.process.exits();
    assertEquals(code, 1, server.process.describe()); // the message is not printed
  });
}
