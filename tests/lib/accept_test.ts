import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { accept } from "../../lib/server/accept.ts";
import type { AcceptOptions } from "../../lib/server/accept_loop.ts";
import type { Connection } from "../../lib/socket/connection.ts";
import { echo } from "../../lib/server/echo.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { bytes } from "../support/bytes.ts";
import { connectAndReset } from "../support/peers.ts";
import { exchange, receive } from "../support/streams.ts";
import { stopwatch } from "../support/time.ts";
import { testSteps } from "../support/test_with.ts";
import { runProgram } from "../support/program.ts";

/** A concurrent echo server in this process; records its events and errors. */
class Server implements AsyncDisposable {
  readonly listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
  readonly port = this.listener.addr.port;
  readonly stop = new AbortController();
  readonly events: string[] = [];
  readonly errors: unknown[] = [];
  readonly done: Promise<void>;

  constructor(options: AcceptOptions = {}, service: (conn: Connection) => Promise<void> = echo) {
    this.done = this.#run({ signal: this.stop.signal, ...options }, service);
  }

  async #run(options: AcceptOptions, service: (conn: Connection) => Promise<void>): Promise<void> {
    for await (const conn of accept(this.listener, options)) {
      this.events.push("accepted");
      service(conn).catch((error) => this.errors.push(error)).finally(() => {
        conn.close();
        this.events.push("closed");
      });
    }
  }

  async connect(): Promise<Deno.TcpConn> {
    return await Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await this.done;
  }
}

/** A listener whose accept() rejects with each of the errors in turn, then is closed. */
function failingListener(errors: Error[]): Deno.Listener {
  const left = [...errors];
  return {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
    accept: () => Promise.reject(left.shift() ?? new Deno.errors.BadResource("closed")),
    close: () => {},
    ref: () => {},
    unref: () => {},
    [Symbol.dispose]: () => {},
    [Symbol.asyncIterator]: () => {
      throw new Error("accept() uses no iterator: one error would end it");
    },
  };
}

Deno.test("accept() skips clients that reset before accept, without a report", async () => {
  const reported: Error[] = [];
  const gone = [
    new Deno.errors.NotConnected("Transport endpoint is not connected (os error 107)"),
    new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"),
    new Deno.errors.ConnectionAborted("Software caused connection abort (os error 103)"),
  ];
  const onError = (error: Error) => reported.push(error);
  for await (const _ of accept(failingListener(gone), { onError })) assert(false, "no connection");
  assertEquals(reported, []);
});

Deno.test("accept() reports that it has no descriptors, pauses and continues", async () => {
  const reported: string[] = [];
  const full = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"].map((code) =>
    Object.assign(new Error(`${code} (os error 24)`), { code })
  );
  const onError = (error: Error) => reported.push(error.message);
  const pause = 5 + 10 + 20 + 40;
  const start = performance.now();
  for await (const _ of accept(failingListener(full), { onError })) assert(false, "no connection");
  assert(performance.now() - start >= pause, "it pauses");
  assertEquals(
    reported,
    ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"].map((code) => `accept: ${code}`),
  );
});

Deno.test("accept() does not pause when one client fails", async () => {
  const one = new Error("invalid utf-8: the path of a client");
  const errors = Array(20).fill(one);
  const reported: Error[] = [];
  const onError = (error: Error) => reported.push(error);
  const pauses: unknown[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    pauses.push(args[1]);
    return setTimeout(...args);
  }) as typeof setTimeout;
  try {
    for await (const _ of accept(failingListener(errors), { onError })) assert(false);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assertEquals(reported.length, 20);
  assertEquals(pauses.filter((ms) => ms !== 10), []); // 10: the check for an empty backlog
});

Deno.test("accept() ends its pause when the signal aborts", async () => {
  const stop = new AbortController();
  const full = Object.assign(new Error("full"), { code: "EMFILE" });
  const errors = Array(9).fill(full); // the pauses are 5 ms to 1 s, and 1 s again
  let failures = 0;
  const elapsed = stopwatch();
  let aborted = Infinity;
  const onError = () => {
    if (++failures < 8) return;
    aborted = Math.min(aborted, elapsed());
    stop.abort();
  };
  const clients = accept(failingListener(errors), { onError, signal: stop.signal });
  for await (const _ of clients) assert(false);
  assert(elapsed() - aborted < 500, `it ends ${elapsed() - aborted} ms after the signal`);
});

Deno.test("accept() reports to stderr by default, and when onError throws", async () => {
  const library = import.meta.resolve("../../mod.ts");
  const program = (options: string) => `
    import { accept } from "${library}";
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    for await (const conn of accept(listener, ${options})) {
      await conn.serve(() => Promise.reject(new Error("a bug in the service")));
      listener.close();
    }`;
  const cases = Object.entries({
    "{}": /^127\.0\.0\.1:\d+: a bug in the service\n$/,
    "{ onError() { throw new Error('no log'); } }":
      /^127\.0\.0\.1:\d+: a bug in the service\nonError: no log\n$/,
    "{ async onError() { throw new Error('no log'); } }":
      /^127\.0\.0\.1:\d+: a bug in the service\nonError: no log\n$/,
    "{ onError() {} }": /^$/,
  });
  await Promise.all(cases.map(async ([options, says]) => {
    const process = await runProgram(program(options), "--allow-net");
    assertEquals(process.code, 0, process.describe());
    assertMatch(process.stderr, says);
  }));
});

Deno.test("accept() continues after 100 clients reset in the backlog", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
  for (let i = 0; i < 100; i++) await connectAndReset(listener.addr);
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  for await (using conn of accept(listener)) {
    assertEquals(conn.remoteAddr, client.localAddr);
    break;
  }
  client.close();
  listener.close();
});

Deno.test("accept() leaves clients over the limit in the backlog until another closes", async () => {
  await using server = new Server({ maxConnections: 2 });
  const first = await server.connect();
  const second = await server.connect();
  await exchange(first, "first");
  await exchange(second, "second");
  using third = await server.connect();
  await writeN(third, bytes("third"));
  // Without the limit the third would be accepted by now.
  for (let i = 0; i < 100; i++) await exchange(second, `second ${i}`);
  assertEquals(server.events, ["accepted", "accepted"]);
  first.close();
  assertEquals(await readN(third, new Uint8Array(5)), 5);
  assertEquals(server.events, ["accepted", "accepted", "closed", "accepted"]);
  second.close();
});

testSteps("accept() aborts idle and slow clients", [
  {
    name: "a silent client is aborted after the idle timeout",
    fn: async () => {
      await using server = new Server({ idleTimeout: 50 });
      using silent = await server.connect();
      assertEquals(await silent.read(new Uint8Array(8)), null);
      const [error] = server.errors;
      assertInstanceOf(error, Deno.errors.TimedOut);
      assertMatch(error.message, /^read 127\.0\.0\.1:\d+: idle for 0\.05 s$/);
    },
  },
  {
    name: "a client that does not receive is aborted after the idle timeout",
    fn: async () => {
      await using server = new Server({ idleTimeout: 100 });
      using deaf = await server.connect();
      await assertRejects(async () => {
        for (;;) await writeN(deaf, new Uint8Array(1 << 20));
      }, Error);
      assertInstanceOf(server.errors[0], Deno.errors.TimedOut);
    },
  },
  {
    name: "a client that is slow but not silent is not idle",
    fn: async () => {
      await using server = new Server({ idleTimeout: 500 });
      using slow = await server.connect();
      for (let i = 0; i < 12; i++) {
        await exchange(slow, ".");
        await new Promise((resolve) => setTimeout(resolve, 60)); // 0.72 s in all
      }
      assertEquals(server.errors, []);
    },
  },
  {
    name: "a client that waits for a slow service is not idle",
    fn: async () => {
      await using server = new Server({ idleTimeout: 50 }, async (conn) => {
        await conn.read(new Uint8Array(8));
        await new Promise((resolve) => setTimeout(resolve, 250));
        await writeN(conn, bytes("done"));
      });
      using client = await server.connect();
      await client.write(bytes("go"));
      assertEquals(await readN(client, new Uint8Array(4)), 4);
    },
  },
  {
    name: "a client that is slower than the minimum rate is aborted, another is not",
    fn: async () => {
      await using server = new Server({ idleTimeout: 400, minRate: 250 });
      const talk = async (conn: Deno.Conn, text: string) => {
        const elapsed = stopwatch();
        while (elapsed() < 1200) {
          await exchange(conn, text);
          await new Promise((resolve) => setTimeout(resolve, 40));
        }
      };
      using slow = await server.connect();
      using quick = await server.connect();
      const [slowEnds] = await Promise.allSettled([
        talk(slow, "."), // at most 25 bytes a second in each direction
        talk(quick, "quick enough".repeat(20)),
      ]);
      assertEquals(slowEnds.status, "rejected");
      assertEquals(server.errors.length, 1);
      assertMatch(String(server.errors[0]), /slower than 250 bytes a second$/);
    },
  },
]);

Deno.test("accept() drains: data in flight is echoed, the port is released, the loop ends", async () => {
  const server = new Server({ grace: 30_000 });
  const client = await server.connect();
  using idle = await server.connect();
  await exchange(idle, "I am here, and idle");
  const sent = crypto.getRandomValues(new Uint8Array(65536));
  const rounds = 128; // 8 MB: more than the sockets' buffers
  const sending = (async () => {
    for (let i = 0; i < rounds; i++) await writeN(client, sent);
  })();
  const received = new Uint8Array(sent.length);
  await readN(client, received);
  server.stop.abort();
  for (let i = 1; i < rounds; i++) {
    assertEquals(await readN(client, received), received.length, `round ${i}`);
    assertEquals(received, sent, `round ${i}`);
  }
  await sending;
  assertEquals(await client.read(received), null);
  assertEquals(await idle.read(received), null);
  await server.done;
  Deno.listen({ hostname: "127.0.0.1", port: server.port }).close();
  for (const error of server.errors) assertInstanceOf(error, Deno.errors.Interrupted);
  client.close();
});

Deno.test("accept() aborts busy connections when the grace period ends", async () => {
  const server = new Server({ grace: 100 });
  using deaf = await server.connect();
  const sending = assertRejects(async () => {
    for (;;) await writeN(deaf, new Uint8Array(1 << 20));
  }, Error);
  using next = await server.connect();
  await exchange(next, "the one before is accepted by now");
  server.stop.abort();
  await server.done;
  await sending;
  assert(server.errors.some((error) => String(error).includes("the grace period is over")));
});

Deno.test("accept() ends immediately if its signal has aborted or its listener is closed", async () => {
  const aborted = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for await (const _ of accept(aborted, { signal: AbortSignal.abort() })) assert(false);
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  closed.close();
  for await (const _ of accept(closed)) assert(false);
});

Deno.test("accept() rejects invalid limits", async () => {
  const listener = failingListener([]);
  const wrong: AcceptOptions[] = [
    { maxConnections: 0 },
    { maxConnections: 1.5 },
    { maxConnections: NaN },
    { idleTimeout: -1 },
    { idleTimeout: NaN },
    { idleTimeout: Infinity },
    { grace: -1 },
    { minRate: -1 },
    { minRate: NaN },
  ];
  for (const options of wrong) {
    await assertRejects(() => accept(listener, options).next(), RangeError, "accept: ");
  }
});

Deno.test("accept() accepts the clients in the backlog when the signal aborts", async () => {
  const server = new Server({ maxConnections: 1 });
  const first = await server.connect();
  await exchange(first, "first");
  const waiting = await Promise.all(Array.from({ length: 100 }, () => server.connect()));
  for (const [i, conn] of waiting.entries()) {
    await writeN(conn, bytes(`${i}\n`));
    await conn.closeWrite();
  }
  server.stop.abort();
  for (const [i, conn] of waiting.entries()) await receive(conn, `${i}\n`);
  for (const conn of [first, ...waiting]) conn.close();
  await server.done;
  await assertRejects(() => server.connect(), Deno.errors.ConnectionRefused);
});

Deno.test("accept() drains and ends when the listener is closed", async () => {
  const server = new Server();
  using idle = await server.connect();
  await exchange(idle, "idle");
  server.listener.close();
  await server.done;
  assertEquals(await idle.read(new Uint8Array(8)), null);
});

Deno.test("accept() drains the backlog although the system has no descriptors", async () => {
  // accept fails at first; the pauses after the signal do not count as an empty backlog.
  const full = Object.assign(new Error("full"), { code: "EMFILE" });
  const listener = failingListener([]);
  const real = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let failures = 0;
  const slow: Deno.Listener = {
    ...listener,
    accept: () => ++failures <= 40 ? Promise.reject(full) : real.accept(),
    [Symbol.dispose]: () => real[Symbol.dispose](),
  };
  const client = await Deno.connect({ hostname: "127.0.0.1", port: real.addr.port });
  await writeN(client, bytes("waits\n"));
  const stop = AbortSignal.abort();
  let served = 0;
  for await (const conn of accept(slow, { signal: stop, onError: () => {} })) {
    served++;
    await conn.serve(echo);
  }
  assertEquals(served, 1);
  await receive(client, "waits\n");
  client.close();
});

Deno.test("accept() rejects a listener that another loop uses", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const first = accept(listener, { signal: stop.signal }).next();
  await assertRejects(() => accept(listener).next(), Deno.errors.Busy, "accept: ");
  stop.abort();
  await first;
});

Deno.test("accept() closes the listener when the caller breaks the loop after the signal", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const stop = new AbortController();
  for await (using conn of accept(listener, { signal: stop.signal })) {
    assertEquals(conn.remoteAddr, client.localAddr);
    stop.abort();
    break;
  }
  await assertRejects(
    () => Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    Deno.errors.ConnectionRefused,
  );
});

Deno.test("accept() lets timers run when accept fails repeatedly", async () => {
  let isOver = false;
  setTimeout(() => isOver = true, 20);
  const broken: Deno.Listener = {
    ...failingListener([]),
    accept: () =>
      Promise.reject(isOver ? new Deno.errors.BadResource("closed") : new Error("broken")),
  };
  for await (const _ of accept(broken, { onError: () => {} })) assert(false);
});

Deno.test("accept() keeps the connections open when the caller breaks the loop", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const taken: Connection[] = [];
  for await (const conn of accept(listener)) {
    taken.push(conn);
    break;
  }
  listener.close();
  const [conn] = taken;
  assert(conn !== undefined);
  await writeN(conn, bytes("still here"));
  assertEquals(await client.read(new Uint8Array(80)), 10);
  conn.close();
  conn.close(); // a second time does nothing
});
