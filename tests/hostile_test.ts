import { assert, assertEquals, assertMatch } from "@std/assert";
import type net from "node:net";
import { type framings, MAXFRAME } from "../lib/framing.ts";
import { writeN } from "../lib/robust_io.ts";
import {
  bytes,
  concurrent,
  connectAndReset,
  exchange,
  flood,
  garbage,
  hasProc,
  HostileServer,
  isCutOff,
  iterative,
  LINE,
  lines,
  listeners,
  many,
  memoryOf,
  message,
  others,
  prefork,
  processorTimeOf,
  randomBytes,
  receiveFlood,
  Server,
  stopwatch,
  type Subject,
  unix,
  withDescriptors,
} from "./hostile.ts";
import { Process, startSample, temporaryFolder } from "./process.ts";
import { root } from "./transcript.ts";

// What DESIGN.md promises under "Reliability", each promise against the peers that would break a server,
// or a client, that did not keep it.

/** The servers that promise everything. */
const reliable = [concurrent, prefork, unix];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A test of each of some subjects. */
function each(
  subjects: Subject[],
  name: string,
  check: (subject: Subject) => Promise<void>,
  ignore: boolean = false,
): void {
  for (const subject of subjects) {
    Deno.test({ name: `${subject.name}: ${name}`, ignore, fn: () => check(subject) });
  }
}

// Clients that go

each(
  [...reliable, iterative, lines, ...others, message, ...listeners],
  "clients that reset before they are accepted do no harm",
  async (subject) => {
    await using server = await Server.start(subject);
    server.process.kill("SIGSTOP"); // so that none is accepted in time
    await many(Math.min(500, subject.backlog), 50, () => connectAndReset(server.address));
    server.process.kill("SIGCONT");
    await server.assertServes();
  },
);

const resets: Record<string, Uint8Array> = {
  "after they are accepted": bytes("hello\n"),
  "in the middle of a reply": randomBytes(300_000, 1),
};
for (const [when, message] of Object.entries(resets)) {
  each(
    [...reliable, iterative, lines, ...others],
    `500 clients that reset ${when} do no harm`,
    async (subject) => {
      await using server = await Server.start(subject);
      const atOnce = subject.isIterative ? 1 : 50;
      await many(500, atOnce, () => connectAndReset(server.address, message));
      await server.assertServes();
    },
  );
}

each(
  [...reliable, iterative, lines, ...others, ...listeners],
  "clients that send half a line or frame and go do no harm",
  async (subject) => {
    await using server = await Server.start(subject);
    for (const part of [0, 0.5, 0.9]) {
      using conn = await server.connect();
      await writeN(conn, subject.greeting.subarray(0, part * subject.greeting.length));
    }
    await server.assertServes();
  },
);

each(
  [...reliable, iterative, lines, ...others, ...listeners],
  "random bytes do no harm, to the server or to the terminal",
  async (subject) => {
    await using server = await Server.start(subject);
    for (let seed = 0; seed < 20; seed++) {
      using conn = await server.connect();
      const sending = writeN(conn, randomBytes(20_000, seed)).then(() => conn.closeWrite());
      await Promise.all([sending.catch(() => {}), isCutOff(conn)]);
    }
    await server.assertServes();
    await server.assertEnds();
    const { stdout, stderr } = server.process;
    assertEquals(/[^\P{Cc}\t\n]/u.exec(stdout + stderr), null, `${subject.name} prints a control`);
  },
);

// Frames that are none

const tooLong = new Uint8Array(MAXFRAME + 2).fill(0x78);
const badFrames: Record<keyof typeof framings, [what: string, Uint8Array, says: string][]> = {
  length: [
    [
      "half a length",
      new Uint8Array([0, 0]),
      "the stream ended within the length of a frame with 2",
    ],
    ["half a frame", bytes("\0\0\0\x06abc"), "the stream ended within a frame with 3 of 6 bytes"],
    ["a length over the limit", bytes("\0\x20\0\0"), "2097152 bytes are over the limit"],
    ["garbage", bytes("GET / HTTP/1.0\r\n\r\n"), "1195725856 bytes are over the limit"],
  ],
  line: [
    ["half a line", bytes("hel"), "the stream ended within a frame, its delimiter, with 1"],
    ["a line without end", tooLong, `no end of it within the limit of ${MAXFRAME} bytes`],
  ],
  json: [
    ["half a line", bytes('"hel'), "the stream ended within a frame, its delimiter, with 1"],
    ["a line without end", tooLong, `no end of it within the limit of ${MAXFRAME} bytes`],
    ["garbage", garbage, "not a line of JSON: "],
    ["no text", bytes("[1]\n"), "the line of JSON is not a text"],
  ],
};
for (const framing of ["length", "line", "json"] as const) {
  each(
    listeners.filter(({ name }) => name.endsWith(framing)),
    "what is wrong with a frame is said in a line",
    async (subject) => {
      await using server = await Server.start(subject);
      for (const [what, frame, says] of badFrames[framing]) {
        const before = server.process.stderr.length;
        using conn = await server.connect();
        await writeN(conn, frame).catch(() => {}); // the server may close before its end
        await conn.closeWrite().catch(() => {});
        await isCutOff(conn);
        await server.process.prints(RegExp(`^.*: frame: ${RegExp.escape(says)}.*\n`, "m"));
        const said = server.process.stderr.slice(before);
        assertMatch(said, /^127\.0\.0\.1:\d+: frame: .*\n$/, `${what} to ${subject.name}`);
      }
      await server.assertServes();
    },
  );
}

// Bounds

/** Asserts that a process has not grown by more than 64 MB when `act` has ended. */
async function assertStaysFlat(process: Process, act: () => Promise<unknown>): Promise<void> {
  const before = hasProc ? memoryOf(process.pid) : 0;
  await act();
  const grown = hasProc ? memoryOf(process.pid) - before : 0;
  assert(grown < 64, `it has grown by ${grown} MB`);
}

each(
  [...reliable, lines, ...listeners.filter(({ greeting }) => greeting.at(-1) === 0x0a)],
  "a line of 128 MB does not fill its memory",
  async (subject) => {
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
  },
  !hasProc,
);

each(
  [...reliable, iterative, lines],
  "a client that sends 400 MB and never reads is not read from",
  async (subject) => {
    await using server = await Server.start(subject, subject.quiet);
    using deaf = await server.connect();
    await exchange(deaf, "hello\n");
    const limit = 400e6;
    await assertStaysFlat(server.process, async () => {
      const sent = await flood(deaf, limit);
      assert(sent < limit, `${subject.name} has taken ${sent} bytes`);
    });
    if (!subject.isIterative) await server.assertServes();
  },
  !hasProc,
);

each(reliable, "who is idle for too long is cut off, who is slow is not", async (subject) => {
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
      const next = pause(timeout * 2).then(() => exchange(conn, "."));
      assertEquals(await Promise.allSettled([next]).then(([{ status }]) => status), "rejected");
    },
  };
  const cut = Object.entries(clients).map(async ([who, act]) => {
    using conn = await server.connect();
    await act(conn);
    const after = elapsed();
    assert(after >= timeout, `${subject.name} cuts off the ${who} one after ${after} ms`);
  });
  const slow = async () => {
    using conn = await server.connect();
    while (elapsed() < timeout * 4) {
      await exchange(conn, ".");
      await pause(timeout / 10);
    }
  };
  await Promise.all([...cut, slow()]);
});

each(reliable, "the client after --max-connections waits until one leaves", async (subject) => {
  // The limit is a worker's own.
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
  // It ends as it should when it is full, too.
  using late = await server.connect();
  await Promise.all([server.assertEnds(), isCutOff(late)]);
  for (const client of clients) client.close();
});

each(reliable, "150 clients are served, some later, with 64 descriptors", async (subject) => {
  await using server = await Server.start(subject, subject.quiet, withDescriptors(64));
  const served: Deno.Conn[] = [];
  const some = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const clients = Array.from({ length: 150 }, async (_, i) => {
    using conn = await server.connect();
    await exchange(conn, `client ${i}\n`);
    if (served.push(conn) === 10) some.resolve();
    await leave.promise;
  });
  const watch = async () => {
    await server.process.prints(/^.*accept: Too many open files$/m);
    await some.promise;
    // They are served, and the server uses up no processor to find out that there are no descriptors.
    const seconds = 2;
    const before = hasProc ? processorTimeOf(server.process.pid) : 0;
    const elapsed = stopwatch();
    for (let i = 0; elapsed() < seconds * 1000; i++) {
      for (const conn of served) await exchange(conn, `still here, ${i}\n`);
      await pause(100);
    }
    const used = hasProc ? processorTimeOf(server.process.pid) - before : 0;
    assert(used < seconds / 4, `${subject.name} uses ${used} s of ${seconds}`);
    assert(served.length < 64, `${subject.name} serves ${served.length} clients`);
    const complaints = server.process.stderr.split("\n").length;
    assert(complaints < 40, `${subject.name} complains ${complaints} times`);
    // As they leave, the others are served.
    leave.resolve();
  };
  await Promise.all([watch(), ...clients]);
  await server.assertServes();
  await server.assertEnds();
});

// The end

each([...reliable, iterative, lines], "SIGTERM loses nothing that was sent", async (subject) => {
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
});

each(reliable, "SIGTERM cuts who will not end when the grace period does", async (subject) => {
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
});

each(reliable, "a second SIGTERM cuts at once", async (subject) => {
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
});

// Workers

/** Connects clients until each worker has greeted one of them. */
async function meetBoth(server: Server): Promise<Deno.Conn[]> {
  const clients = await Promise.all(Array.from({ length: 64 }, () => server.connect()));
  for (const client of clients) await exchange(client, "hello\n");
  for (const worker of [1, 2]) {
    await server.process.prints(RegExp(`^\\[worker ${worker}\\] Connection from 127`, "m"));
  }
  return clients;
}

each([prefork], "all workers get connections, and SIGTERM drains them all", async (subject) => {
  await using server = await Server.start(subject);
  const clients = await meetBoth(server);
  const sent = await Promise.all(clients.map((client) => flood(client, 10_000)));
  const [, ...received] = await Promise.all([
    server.assertEnds(),
    ...clients.map(receiveFlood),
  ]);
  assertEquals(received, sent);
});

each([prefork], "a worker that dies is replaced", async (subject) => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/workers`);
  // A copy of the server, but for a bug: it throws where nobody catches it.
  const worker = "workers/tcp_echo.ts";
  const bug =
    `if (printable(message) === "die") queueMicrotask(() => { throw new Error("died"); });`;
  for (const path of ["tcp_echo_prefork.ts", worker]) {
    const source = await Deno.readTextFile(`${root}servers/${path}`);
    const copy = source.replace(/(?:\.\.\/)+mod\.ts/, `file://${root}mod.ts`)
      .replace(/\(message\) => (stdout.print\(.*\))\);$/m, `(message) => { ${bug} return $1; });`);
    assertEquals(copy.includes(bug), path === worker, `the bug is in ${path}`);
    await Deno.writeTextFile(`${folder.path}/${path}`, copy);
  }
  const flags = ["--allow-all", `--config=${root}deno.json`];
  const copy = `${folder.path}/tcp_echo_prefork.ts`;
  const launch = (_: string, args: string[]) =>
    new Process(["run", ...flags, copy, ...args], false);
  await using server = await Server.start(subject, [], launch);
  for (const client of await meetBoth(server)) client.close();

  using killer = await server.connect();
  await writeN(killer, bytes("die"));
  const [, died] = await server.process.prints(
    /^worker (\d) died, another takes its place: Uncaught Error: died$/m,
  );
  // Until the dead one's socket is closed, a client may still get to it, and is reset.
  const before = server.process.stdout.length;
  const isBack = () => server.process.stdout.slice(before).includes(`[worker ${died}] Connection`);
  while (!isBack()) {
    using client = await server.connect();
    await exchange(client, "hello\n").catch(() => {});
  }
  for (const client of await meetBoth(server)) client.close();
  await server.assertEnds();
});

// Clients

/** What servers do that no client expects. */
const behaviours: Record<string, (socket: net.Socket) => void> = {
  "closes at once": (socket) => socket.destroy(),
  "closes without an answer": (socket) => socket.once("data", () => socket.end()),
  "resets": (socket) => socket.once("data", () => socket.resetAndDestroy()),
  "answers with garbage": (socket) => socket.once("data", () => socket.end(garbage)),
  "sends without end": (socket) => {
    const part = new Uint8Array(65536).fill(0x78);
    const send = () => {
      while (socket.write(part));
    };
    socket.on("drain", send);
    send();
  },
  "never answers": (socket) => socket.resume(),
};

/**
 * The clients, with the address in their header, and how they end for each of the behaviours, in order:
 * with a status, or not before they are interrupted. It is a matter of time whether `?` sees the end
 * of the stream, and prints what came, or a reset, and fails; and Unix sockets know none (`-`).
 */
const clients: [path: string, written: string, ends: string][] = [
  ["clients/tcp_echo.ts", "127.0.0.1:7007", "1 1 1 0 0 ^C"],
  ["clients/tcp_request.ts", "127.0.0.1:5678", "? 0 1 0 0 ^C"],
  ["clients/tcp_count.ts", "127.0.0.1:7014", "1 1 1 0 ^C ^C"],
  ["clients/tcp_echo_word.ts", "127.0.0.1:7007", "1 1 1 0 0 ^C"],
  ["clients/telnet.ts", "127.0.0.1:7007", "? 0 1 0 ^C ^C"],
  ["clients/tcp_talk.ts", "127.0.0.1:1213", "0 0 0 0 0 ^C"],
  ["clients/tcp_message.ts", "127.0.0.1:51717", "1 1 1 0 0 ^C"],
  ["unix/stream_echo_client.ts", "/tmp/stream_echo.sock", "1 1 - 0 0 ^C"],
];

for (const [path, written, ends] of clients) {
  for (const [index, [what, meet]] of Object.entries(behaviours).entries()) {
    const end = ends.split(" ")[index];
    if (end === "-") continue;
    Deno.test(`${path}: exit ${end} for a server that ${what}`, async () => {
      await using folder = await temporaryFolder();
      await using server = new HostileServer(meet);
      const isUnix = path.startsWith("unix/");
      const address = await server.listen(isUnix ? `${folder.path}/socket` : undefined);
      const args = address.split(":");
      if (path.includes("word")) args.splice(1, 0, "hello");
      await using client = startSample(path, args, { [written]: address }, true);
      await client.type("hello\n");
      await client.endInput();

      if (end === "^C") {
        await Promise.race([server.met, client.exits()]);
        if (what === "sends without end") {
          await client.prints(/x/);
          const deadline = AbortSignal.timeout(30_000);
          const much = () => client.until(() => client.stdout.length > 100e6, deadline);
          await assertStaysFlat(client, async () => assert(await much(), "it prints no more"));
        }
        client.kill("SIGINT");
      }
      const code = await client.exits();
      const right = end === "?" ? [0, 1] : [end === "^C" ? 128 + 2 : Number(end)];
      assert(right.includes(code), `${path} ${client.describe()}`);
      // One line of words if it failed, and none otherwise.
      const complaint = code === 1 ? /^(?!.*(?:os error|\bE(?!RROR)[A-Z]{4,}\b)).+\n$/ : /^$/;
      assertMatch(client.stderr, complaint, path);
    });
  }
}
