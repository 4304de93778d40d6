import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { Process } from "../../contract/process.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import type { AcceptOptions } from "../../lib/server/accept_loop.ts";
import * as posix from "../../posix.ts";
import { bytes } from "../support/bytes.ts";
import { connectAndReset } from "../support/peers.ts";
import { runProgram } from "../support/program.ts";
import { exchange, readAll, receive } from "../support/streams.ts";
import { type Step, testSteps, testWith } from "../support/test_with.ts";
import { stopwatch, waitFor } from "../support/time.ts";

// acceptEvents(), tested as accept() is in tests/lib/accept_test.ts, and its event loop.

const { acceptEvents, EPOLLIN, EPOLLOUT, Poller } = posix;

/** Serves one connection. */
type Service = (conn: posix.EventConnection) => void;

const buffer = new Uint8Array(65536);

/** Echoes; waits for room before it receives more. */
const echo: Service = (conn) => {
  let unsent = new Uint8Array();
  conn.serve(() => {
    if (unsent.length === 0) {
      const size = conn.recv(buffer);
      if (size === -posix.EAGAIN) return;
      if (size === 0) return conn.close();
      unsent = buffer.slice(0, size);
    }
    unsent = unsent.subarray(conn.send(unsent));
    conn.waitFor(unsent.length > 0 ? EPOLLOUT : EPOLLIN);
  });
};

/** A server in this process; records its events and errors. */
class Server implements AsyncDisposable {
  readonly listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  readonly port: number;
  readonly poller = new Poller();
  readonly stop = new AbortController();
  readonly events: string[] = [];
  readonly errors: Error[] = [];
  readonly done: Promise<void>;

  constructor(options: AcceptOptions = {}, service: Service = echo) {
    posix.setsockopt(this.listener, posix.SOL_SOCKET, posix.SO_REUSEADDR, 1);
    posix.bind(this.listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
    posix.listen(this.listener, 4096);
    this.port = (posix.getsockname(this.listener) as Deno.NetAddr).port;
    const onError = (error: Error) => this.errors.push(error);
    this.done = this.#run({ signal: this.stop.signal, onError, ...options }, service);
  }

  async #run(options: AcceptOptions, service: Service): Promise<void> {
    for await (const conn of acceptEvents(this.listener, this.poller, options)) {
      this.events.push("accepted");
      service(conn);
    }
    this.events.push("ended");
  }

  async connect(): Promise<Deno.TcpConn> {
    return await Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    await this.done;
    this.poller.close();
  }
}

testWith(
  ["Linux C library"],
  "acceptEvents() leaves clients over the limit in the backlog",
  async () => {
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
    assertEquals(server.events, ["accepted", "accepted", "accepted"]);
    second.close();
  },
);

testWith(
  ["Linux C library"],
  "acceptEvents() continues after clients reset in the backlog",
  async () => {
    const reports: Error[] = [];
    await using server = new Server({ onError: (error) => reports.push(error) });
    for (let i = 0; i < 100; i++) {
      await connectAndReset({ hostname: "127.0.0.1", port: server.port });
    }
    using client = await server.connect();
    await exchange(client, "after");
    for (const error of reports) assertInstanceOf(error, Deno.errors.ConnectionReset);
  },
);

/** Serves a connection after a while, in which the loop waits for the promise. */
const slowly: Service = (conn) => {
  conn.serve(async () => {
    if (conn.recv(buffer) === 0) return conn.close();
    await new Promise((resolve) => setTimeout(resolve, 250));
    conn.send(bytes("done"));
  });
};

testSteps(
  "acceptEvents() aborts idle and slow clients",
  [
    {
      name: "a silent client is aborted after the idle timeout",
      fn: async () => {
        await using server = new Server({ idleTimeout: 50 });
        using silent = await server.connect();
        assertEquals(await silent.read(new Uint8Array(8)), null);
        const [error] = server.errors;
        assertInstanceOf(error, Deno.errors.TimedOut);
        assertMatch(error.message, /^recv 127\.0\.0\.1:\d+: idle for 0\.05 s$/);
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
        const [error] = server.errors;
        assertInstanceOf(error, Deno.errors.TimedOut);
        assertMatch(error.message, /^send 127\.0\.0\.1:\d+: idle for 0\.1 s$/);
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
      name: "a client that waits for a slow function is not idle",
      fn: async () => {
        await using server = new Server({ idleTimeout: 50 }, slowly);
        using client = await server.connect();
        await client.write(bytes("go"));
        assertEquals(await readN(client, new Uint8Array(4)), 4);
      },
    },
    {
      name: "clients whose data has arrived during the slow function of another are not idle",
      fn: async () => {
        await using server = new Server({ idleTimeout: 50 }, slowly);
        const clients = await Promise.all(Array.from({ length: 3 }, () => server.connect()));
        for (const client of clients) await client.write(bytes("go"));
        const replies = clients.map((client) => readN(client, new Uint8Array(4)));
        assertEquals(await Promise.all(replies), [4, 4, 4]);
        for (const client of clients) client.close();
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
  ].map((step): Step => ({ ...step, needs: ["Linux C library"] })),
);

testWith(
  ["Linux C library"],
  "acceptEvents() drains: data in flight is echoed, the port is released",
  async () => {
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
    assertEquals(server.listener.fd, -1);
    Deno.listen({ hostname: "127.0.0.1", port: server.port }).close();
    for (const error of server.errors) assertInstanceOf(error, Deno.errors.Interrupted);
    client.close();
    server.poller.close();
  },
);

testWith(
  ["Linux C library"],
  "acceptEvents() aborts busy connections when the grace period ends",
  async () => {
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
    server.poller.close();
  },
);

testWith(
  ["Linux C library"],
  "acceptEvents() accepts the clients in the backlog when the signal aborts",
  async () => {
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
    server.poller.close();
  },
);

testWith(
  ["Linux C library"],
  "acceptEvents() drains and ends when the listener is closed",
  async () => {
    // While it waits for a client, and before.
    for (const isIdle of [true, false]) {
      const server = new Server();
      using idle = await server.connect();
      if (isIdle) await exchange(idle, "idle");
      server.listener.close();
      await Promise.race([
        server.done,
        new Promise((_, reject) => setTimeout(reject, 10_000, new Error("it does not end"))),
      ]);
      await idle.read(new Uint8Array(8)).then((size) => assertEquals(size, null), (error) => {
        assertInstanceOf(error, Deno.errors.ConnectionReset); // it was in the backlog
      });
      server.poller.close();
    }
  },
);

testWith(
  ["Linux C library"],
  "acceptEvents() ends immediately if its signal has aborted or its listener is closed",
  async () => {
    using poller = new Poller();
    const listener = () => {
      const listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
      posix.listen(listener, 5);
      return listener;
    };
    const aborted = listener();
    for await (const _ of acceptEvents(aborted, poller, { signal: AbortSignal.abort() })) {
      assert(
        false,
      );
    }
    assertEquals(aborted.fd, -1);
    const closed = listener();
    closed.close();
    for await (const _ of acceptEvents(closed, poller)) assert(false);
    for (
      const options of [{ maxConnections: 0 }, { idleTimeout: NaN }, { grace: -1 }, { minRate: -1 }]
    ) {
      using valid = listener();
      const loop = acceptEvents(valid, poller, options);
      await assertRejects(() => loop.next(), RangeError, "accept: ");
    }
  },
);

testWith(
  ["Linux C library"],
  "an error of a function ends its connection, and is reported with the client",
  async () => {
    const cases: Record<string, Service> = {
      "thrown": (conn) => {
        conn.serve(() => {
          throw new Error("a bug");
        });
      },
      "rejected": (conn) => {
        conn.serve(async () => {
          await undefined;
          throw new Error("a bug");
        });
      },
    };
    for (const [name, service] of Object.entries(cases)) {
      await using server = new Server({}, service);
      using client = await server.connect();
      await client.write(bytes("x"));
      await client.read(buffer).catch(() => {}); // EOF, or a reset: its byte was not received
      const { port } = client.localAddr;
      assertEquals(server.errors.map(({ message }) => message), [`127.0.0.1:${port}: a bug`], name);
    }
    // A reset is an error of recv.
    await using server = new Server();
    await connectAndReset(
      { hostname: "127.0.0.1", port: server.port },
      bytes("x"),
    );
    await waitFor(() => server.errors.length > 0, "the reset is reported");
    assertMatch(
      `${server.errors[0]}`,
      /^ConnectionReset: recv 127\.0\.0\.1:\d+: Connection reset by peer$/,
    );
    // For one connection only.
    const own: Error[] = [];
    await using other = new Server({}, (conn) => {
      conn.serve(() => {
        throw new Error("a bug");
      }, (error) => own.push(error));
    });
    using client = await other.connect();
    await client.write(bytes("x"));
    await waitFor(() => own.length === 1, "the error is reported");
    assertEquals(other.errors, []);
  },
);

testWith(
  ["Linux C library"],
  "acceptEvents() reports to stderr by default, and when onError throws",
  async () => {
    const program = (options: string) => `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
    posix.bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
    posix.listen(listener, 5);
    const client = await Deno.connect(posix.getsockname(listener));
    const poller = new posix.Poller();
    const stop = new AbortController();
    const options = { signal: stop.signal, ...${options} };
    await client.write(new Uint8Array(1));
    for await (const conn of posix.acceptEvents(listener, poller, options)) {
      conn.serve(() => {
        stop.abort();
        throw new Error("a bug in the service");
      });
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
      const process = await runProgram(program(options), "--allow-all");
      assertEquals(process.code, 0, process.describe());
      assertMatch(process.stderr, says);
    }));
  },
);

testWith(
  ["Linux C library", "prlimit"],
  "acceptEvents() backs off without descriptors, and continues",
  async () => {
    const program = `
    import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
    const listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
    posix.bind(listener, { transport: "tcp", hostname: "127.0.0.1", port: 0 });
    posix.listen(listener, 4096);
    const { port } = posix.getsockname(listener);
    const poller = new posix.Poller();
    const stop = new AbortController();
    const errors = [];
    const buffer = new Uint8Array(80);
    const clients = await Promise.all(Array.from({ length: 3 }, () => Deno.connect({ port })));
    // Children need descriptors, so the limit is set before they are gone.
    const args = ["--pid", \`\${Deno.pid}\`, "--nofile=100:"];
    await new Deno.Command("prlimit", { args }).output();
    const rest = [];
    for (;;) {
      try {
        rest.push(posix.socket(posix.AF_INET, posix.SOCK_STREAM));
      } catch {
        break;
      }
    }
    let ticks = 0;
    setInterval(() => ticks++, 1);
    const onError = (error) => {
      errors.push(error.message);
      if (errors.length === 4) for (const each of rest) each.close();
    };
    let served = 0;
    for await (const conn of posix.acceptEvents(listener, poller, { signal: stop.signal, onError })) {
      conn.serve(() => {
        if (conn.recv(buffer) === 0) conn.close();
      });
      if (++served === 3) {
        console.log(new Set(errors), errors.length, ticks < 5000);
        for (const client of clients) client.close();
        stop.abort();
      }
    }
    console.log("ended");
    Deno.exit();`;
    const process = await runProgram(program, "--allow-all");
    assertEquals(
      [process.code, process.stdout],
      [0, 'Set(1) { "accept: Too many open files" } 4 true\nended\n'],
      process.describe(),
    );
  },
);

testWith(
  ["Linux C library"],
  "timers and another connection are served during a flood of connections",
  async () => {
    await using server = new Server();
    using honest = await server.connect();
    await exchange(honest, "first");
    const program = `
    for (let n = 0; ; n++) {
      const conns = await Promise.all(Array.from({ length: 50 }, () => {
        return Deno.connect({ port: ${server.port} });
      }));
      for (const conn of conns) conn.close();
      if (n === 10) console.log("a flood");
    }`;
    await using flood = new Process(["eval", program], false);
    await flood.prints(/a flood/);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    const before = server.events.length;
    for (let i = 0; i < 200; i++) await exchange(honest, `message ${i}`);
    await waitFor(() => ticks >= 20, "the timer fires");
    clearInterval(timer);
    assert(server.events.length > before, "the flood continues");
  },
);

testWith(
  ["Linux C library"],
  "a client that sends without a pause does not block the others",
  async () => {
    await using server = new Server();
    using greedy = await server.connect();
    let isOver = false;
    const flooding = (async () => {
      const much = new Uint8Array(1 << 20);
      while (!isOver) await writeN(greedy, much);
    })();
    const draining = (async () => {
      const nowhere = new Uint8Array(1 << 20);
      while (!isOver) await greedy.read(nowhere);
    })();
    using honest = await server.connect();
    for (let i = 0; i < 100; i++) await exchange(honest, `message ${i}`);
    isOver = true;
    greedy.close();
    await Promise.allSettled([flooding, draining]);
  },
);

testWith(
  ["Linux C library"],
  "an EventConnection can be closed twice, and cannot be used afterwards",
  async () => {
    const conns: posix.EventConnection[] = [];
    await using server = new Server({}, (conn) => conns.push(conn));
    using client = await server.connect();
    await waitFor(() => conns.length === 1, "it is accepted");
    const [conn] = conns;
    assert(conn !== undefined);
    assertEquals(conn.remoteAddr, client.localAddr);
    assertEquals(conn.recv(buffer), -posix.EAGAIN);
    conn.close();
    conn.close();
    conn.abort(new Error("again"));
    conn.serve(() => {}); // does nothing: the server may have aborted it
    assertEquals(await client.read(buffer), null);
    for (
      const call of [
        () => conn.recv(buffer),
        () => conn.waitFor(EPOLLIN),
      ]
    ) {
      await assertRejects(() => Promise.try(call), Deno.errors.BadResource);
    }
    assertEquals(server.errors, []);
  },
);

testWith(
  ["Linux C library"],
  "a drain loses no data and no client although no thread of the pool is free",
  async () => {
    await using server = new Server();
    using talker = await server.connect();
    await exchange(talker, "hello");
    // More waits than the pool has threads: the poller's own wait does not return.
    const waits = Array.from({ length: 40 }, () => posix.poll([], 1500));
    await posix.poll([], 0);
    await writeN(talker, bytes("again"));
    using late = await server.connect();
    await writeN(late, bytes("late"));
    server.stop.abort();
    await receive(talker, "again");
    await receive(late, "late");
    await Promise.all([server.done, ...waits]);
    assertEquals(server.errors.map(({ message }) => message.replace(/.*: /, "")), [
      "the server is shutting down",
      "the server is shutting down",
    ]);
  },
);

testWith(
  ["Linux C library"],
  "EventConnection.send() sends a part of the bytes, and rejects other lengths",
  async () => {
    const results: unknown[] = [];
    await using server = new Server({}, (conn) => {
      const text = bytes("hello");
      results.push(conn.send(text, 2), conn.send(text, 0), conn.send(text.subarray(2), 3));
      // Otherwise the system would send the memory after the bytes.
      for (const length of [6, -1, NaN, 2 ** 32, Infinity]) {
        assertThrows(
          () => conn.send(text, length),
          RangeError,
          `send: ${length} is not a length from 0 to 5`,
        );
      }
      conn.close();
    });
    using client = await server.connect();
    assertEquals(new TextDecoder().decode(await readAll(client)), "hello");
    assertEquals(results, [2, 0, 3]);
  },
);

testWith(
  ["Linux C library"],
  "idle clients are aborted although the function of a busy client waits",
  async () => {
    await using server = new Server({ idleTimeout: 800 }, (conn) => {
      conn.serve(async () => {
        const size = conn.recv(buffer);
        if (size === 0) return conn.close();
        await new Promise((resolve) => setTimeout(resolve, 2)); // as if it printed
        if (size > 0) conn.send(buffer.slice(0, size));
      });
    });
    using silent = await server.connect();
    const aborted = silent.read(new Uint8Array(8));
    let isOver = false;
    aborted.then(() => isOver = true);
    const elapsed = stopwatch();
    const busy = Array.from({ length: 4 }, async () => {
      using conn = await server.connect();
      while (!isOver) {
        await exchange(conn, "x");
        assert(elapsed() < 20_000, "the silent client is not aborted");
      }
    });
    await Promise.all(busy);
    assertEquals(await aborted, null);
  },
);

testWith(
  ["Linux C library"],
  "acceptEvents() does not wait for a connection that was released",
  async () => {
    const released: posix.Descriptor[] = [];
    const server = new Server({ maxConnections: 1 }, (conn) => {
      released.push(new posix.Descriptor(conn.release()));
      conn.close();
    });
    using first = await server.connect();
    using _second = await server.connect();
    await waitFor(() => released.length === 2, "the first occupies no slot");
    posix.send(released[0] ?? server.listener, bytes("still open"));
    assertEquals(await first.read(buffer), 10);
    server.stop.abort();
    const elapsed = stopwatch();
    await server.done;
    assert(elapsed() < 4000, "it does not wait for the grace period");
    server.poller.close();
    for (const each of released) each.close();
  },
);

testWith(["Linux C library"], "acceptEvents() rejects a socket that does not listen", async () => {
  using poller = new Poller();
  using socket = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
  assertThrows(() => acceptEvents(socket, poller), Error, "accept: Invalid argument");
  using datagram = posix.socket(posix.AF_INET, posix.SOCK_DGRAM);
  assertThrows(() => acceptEvents(datagram, poller), Error, "accept: Invalid argument");
  await using server = new Server();
  posix.shutdown(server.listener, posix.SHUT_RDWR); // C's way to end a loop in another thread
  await server.done;
  assertEquals(server.errors, []);
});

testWith(
  ["Linux C library"],
  "acceptEvents() rejects a second loop, and leaves the listener to the next",
  async () => {
    await using server = new Server();
    using client = await server.connect();
    await exchange(client, "hello");
    const second = acceptEvents(server.listener, server.poller);
    await assertRejects(() => second.next(), Deno.errors.Busy, "accept: another loop");
    await exchange(client, "again");

    using poller = new Poller();
    using listener = posix.socket(posix.AF_INET, posix.SOCK_STREAM);
    posix.listen(listener, 5);
    const { port } = posix.getsockname(listener) as Deno.NetAddr;
    for (let i = 0; i < 2; i++) { // the second time after a break
      using client = await Deno.connect({ hostname: "127.0.0.1", port });
      for await (const conn of acceptEvents(listener, poller)) {
        conn.close();
        break;
      }
      assertEquals(await client.read(buffer), null);
    }
    poller.add(listener, EPOLLIN, () => {}); // no loop has left it registered
  },
);

testWith(["Linux C library"], "a connection that was aborted can be served", async () => {
  const conns: posix.EventConnection[] = [];
  await using server = new Server({}, (conn) => conns.push(conn));
  using client = await server.connect();
  await waitFor(() => conns.length === 1, "it is accepted");
  conns[0]?.abort(new Deno.errors.Interrupted("over"));
  conns[0]?.serve(() => {});
  assertEquals(await client.read(buffer), null);
  assertEquals(server.errors.length, 1);
});

testWith(["Linux C library"], "a connection can be served once", async () => {
  const conns: posix.EventConnection[] = [];
  await using server = new Server({}, (conn) => {
    echo(conn);
    conns.push(conn);
  });
  using client = await server.connect();
  await exchange(client, "hello");
  assertThrows(
    () => conns[0]?.serve(() => {}),
    Deno.errors.AlreadyExists,
    "epoll_ctl: File exists",
  );
  await exchange(client, "again");
});
