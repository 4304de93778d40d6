import { assert, assertEquals } from "@std/assert";
import { connectAndReset, flood } from "../support/peers.ts";
import { exchange, isCutOff } from "../support/streams.ts";
import { type Launch, Server } from "../support/server.ts";
import { message, oneShots, prefork, reliable } from "../support/servers.ts";
import { stopwatch } from "../support/time.ts";
import { startInShell } from "../support/program.ts";
import { givers, keeps } from "./promises.ts";

/** The time limit for the end of a server, in ms: its grace period, and a margin for a busy machine. */
const LONGEST = 15_000;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  keeps("exit", `${signal} ends the server while a client is connected`, async (subject) => {
    await using server = await Server.start(subject, subject.quiet);
    using silent = subject.kind === "stream" ? await server.connect() : undefined;
    const elapsed = stopwatch();
    server.process.kill(signal);
    // It fails because it has not received its message.
    const status = subject === message ? 1 : 0;
    assertEquals(await server.process.exits(), status, server.process.describe());
    assert(elapsed() < LONGEST, `${subject.name} ends after ${elapsed()} ms`);
    if (silent !== undefined) await isCutOff(silent);
    const { stderr } = server.process;
    assertEquals(/^ +at |^error: /m.exec(stderr), null, stderr);
  });
}

keeps("exit", "a signal during start-up ends the server", async (subject) => {
  for (let delay = 0; delay < 200; delay += 20) {
    await using server = await Server.launch(subject);
    await new Promise((resolve) => setTimeout(resolve, delay)); // another moment each time
    server.process.kill("SIGTERM");
    const code = await server.process.exits();
    // Until the program runs, SIGTERM has its default action.
    assert([0, 128 + 15].includes(code), `after ${delay} ms: ${server.process.describe()}`);
  }
});

Deno.test(`${prefork.name}: a signal during the start of its workers ends it`, async () => {
  for (let delay = 0; delay < 400; delay += 40) {
    await using server = await Server.launch(prefork, ["--workers=8"]);
    await new Promise((resolve) => setTimeout(resolve, delay));
    server.process.kill("SIGTERM");
    const code = await server.process.exits();
    assert([0, 128 + 15].includes(code), `after ${delay} ms: ${server.process.describe()}`);
  }
});

keeps("exit", "SIGTERM ends the server while clients connect and reset", async (subject) => {
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

keeps(
  "exit",
  "the server disconnects active clients when its grace period ends",
  async (subject) => {
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
  },
  reliable,
);

keeps("exit", "a second SIGTERM ends the server immediately", async (subject) => {
  await using server = await Server.start(subject, [...subject.quiet, "--grace=3600"]);
  using deaf = await server.connect();
  await flood(deaf, Infinity);
  using idle = await server.connect();
  await exchange(idle, "hello\n");
  server.process.kill("SIGTERM");
  await isCutOff(idle); // the signal has arrived
  server.process.kill("SIGTERM");
  assertEquals(await server.process.exits(), 128 + 15, `${subject.name} is killed by the signal`);
  server.assertAddressIsFree();
}, reliable);

for (const subject of oneShots) {
  Deno.test(`${subject.name}: SIGTERM ends it although its output is not read`, async () => {
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
