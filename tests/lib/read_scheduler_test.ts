import { assert, assertEquals } from "@std/assert";
import { ServerConnection } from "../../lib/server/server_connection.ts";
import { ReadScheduler } from "../../lib/server/read_scheduler.ts";

/** A scheduler with a number of registered connections. */
function schedulerOf(connections: number): ReadScheduler {
  const scheduler = new ReadScheduler();
  for (let i = 0; i < connections; i++) scheduler.register();
  return scheduler;
}

Deno.test("turn() lets every read begin immediately with up to 64 connections", async () => {
  const scheduler = schedulerOf(64);
  for (let i = 0; i < 1000; i++) assertEquals(await scheduler.turn(), undefined);
  for (let i = 0; i < 1000; i++) assertEquals(scheduler.turn(), undefined);
});

/** An event loop that a test controls: which reads complete, and when timers expire. */
class FakeLoop implements Disposable {
  readonly #setImmediate = globalThis.setImmediate;
  readonly #setTimeout = globalThis.setTimeout;
  #immediates: (() => void)[] = [];
  #timers: (() => void)[] = [];
  #waiting = 0;
  #begun: number[] = [];
  readonly #scheduler: ReadScheduler;

  constructor(scheduler: ReadScheduler) {
    this.#scheduler = scheduler;
    Object.assign(globalThis, {
      setImmediate: (callback: () => void) => void this.#immediates.push(callback),
      setTimeout: (callback: () => void) => void this.#timers.push(callback),
    });
  }

  /** Requests turns for the reads with these numbers. */
  ask(first: number, count: number): void {
    for (let read = first; read < first + count; read++) {
      this.#waiting++;
      const begin = () => {
        this.#waiting--;
        this.#begun.push(read);
      };
      const mine = this.#scheduler.turn();
      if (mine === undefined) begin();
      else mine.then(begin);
    }
  }

  /** Turns the loop once; returns the numbers of the reads that begin. */
  async turn(): Promise<number[]> {
    for (const callback of this.#immediates.splice(0)) callback();
    await new Promise<void>((resolve) => this.#setImmediate(() => resolve()));
    return this.#begun.splice(0);
  }

  /** Lets the timers expire. */
  expire(): void {
    for (const callback of this.#timers.splice(0)) callback();
  }

  /** Lets no read complete until the timer expires; returns the numbers of the reads that begin. */
  async standStill(): Promise<number[]> {
    const begun = await this.turn();
    this.expire();
    return [...begun, ...await this.turn()];
  }

  /** Lets all waiting reads begin, so that the queue is empty afterwards. */
  async drain(): Promise<void> {
    while (this.#waiting > 0 || this.#timers.length > 0) await this.standStill();
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, {
      setImmediate: this.#setImmediate,
      setTimeout: this.#setTimeout,
    });
  }
}

/** Runs `body` with `count` open connections in a fake loop. */
async function inFakeLoop(count: number, body: (loop: FakeLoop) => Promise<void>): Promise<void> {
  using loop = new FakeLoop(schedulerOf(count));
  try {
    await body(loop);
  } finally {
    await loop.drain();
  }
}

/** `count` numbers from `first`. */
function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

Deno.test("turn() lets 32 reads begin per turn, in order, if all reads complete", async () => {
  await inFakeLoop(1000, async (loop) => {
    // A thousand reads arrive in turns that do not exceed the budget.
    const order: number[] = [];
    for (let first = 0; first < 1000; first += 50) {
      loop.ask(first, 50);
      order.push(...await loop.turn());
    }
    // The reads that began complete, and queue again behind those that wait.
    for (let turn = 0; turn < 100; turn++) {
      loop.ask(1000 + 32 * turn, 32);
      const begun = await loop.turn();
      assertEquals(begun.length, 32, `turn ${turn}`);
      order.push(...begun);
    }
    assertEquals(order, numbers(0, order.length));
  });
});

Deno.test("turn() lets a single read begin in the next turn", async () => {
  await inFakeLoop(8000, async (loop) => {
    for (let read = 0; read < 100; read++) {
      loop.ask(read, 1);
      assertEquals(await loop.turn(), [read]);
    }
  });
});

Deno.test("turn() doubles the number of reads per turn after each stall if no read completes", async () => {
  await inFakeLoop(8000, async (loop) => {
    loop.ask(0, 8000);
    assertEquals(await loop.turn(), []);
    const begun: number[] = [];
    for (const turns of [1, 2, 4, 8, 16, 32, 64, 123]) {
      const some = await loop.standStill();
      assertEquals(some.length, 32 * turns);
      begun.push(...some);
    }
    assertEquals(begun, numbers(0, 8000));
  });
});

Deno.test("turn() lets an active client's read begin soon behind thousands of silent clients", async () => {
  await inFakeLoop(4000, async (loop) => {
    loop.ask(0, 4000);
    await loop.turn();
    for (let i = 0; i < 4; i++) await loop.standStill();
    // An occasional completed read does not reset the number of reads per turn.
    let turns = 0;
    for (let read = 4000, begun: number[] = []; !begun.includes(4000); read++, turns++) {
      loop.ask(read, 1);
      begun = await loop.turn();
    }
    assert(turns <= Math.ceil((4000 - 32 * 15) / (32 * 16)), `${turns} turns`);
  });
});

Deno.test("turn() does not count a late timer as a stall if reads complete at the same time", async () => {
  await inFakeLoop(8000, async (loop) => {
    loop.ask(0, 6000);
    await loop.turn();
    for (let i = 0; i < 4; i++) await loop.standStill();
    loop.expire();
    loop.ask(6000, 20);
    assertEquals((await loop.turn()).length, 32);
  });
});

Deno.test("turn() returns to 32 reads per turn as soon as many reads complete", async () => {
  await inFakeLoop(8000, async (loop) => {
    loop.ask(0, 6000);
    await loop.turn();
    for (let i = 0; i < 4; i++) await loop.standStill();
    loop.ask(6000, 16);
    assertEquals((await loop.turn()).length, 32);
  });
});

Deno.test("turn() lets no read begin in a turn that exceeded the budget", async () => {
  await inFakeLoop(1000, async (loop) => {
    for (let turn = 0; turn < 5; turn++) {
      loop.ask(128 * turn, 128);
      assertEquals(await loop.turn(), []);
    }
    loop.ask(640, 64);
    assertEquals(await loop.turn(), numbers(0, 32));
  });
});

/** A server's connection with a scheduler. */
function connectionOf(conn: Deno.TcpConn, scheduler: ReadScheduler): ServerConnection {
  return new ServerConnection(conn, { scheduler, onClose: () => {}, onError: () => {} });
}

Deno.test("300 busy connections are read equally often", async () => {
  const CONNECTIONS = 300;
  const READS = 50;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
  const clients: Deno.TcpConn[] = [];
  const conns: ServerConnection[] = [];
  const message = new Uint8Array(16 * READS);
  const scheduler = new ReadScheduler();
  for (let i = 0; i < CONNECTIONS; i++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    clients.push(client);
    conns.push(connectionOf(await listener.accept(), scheduler));
    await client.write(message);
  }
  // All data is available, so an unscheduled reader would read without a break.
  const reads = conns.map(() => 0);
  let isOver = false;
  await Promise.all(conns.map(async (conn, i) => {
    const buffer = new Uint8Array(16);
    while (!isOver) {
      await conn.read(buffer);
      reads[i] = (reads[i] ?? 0) + 1;
      if (reads[i] === READS) isOver = true;
    }
  }));
  for (const conn of [...conns, ...clients]) conn.close();
  const least = Math.min(...reads);
  assert(least >= READS / 2, `one connection was read ${READS} times, another ${least} times`);
});

Deno.test("a read that waits for its turn ends when the connection is closed", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using conn = connectionOf(await listener.accept(), schedulerOf(65));
  const read = conn.read(new Uint8Array(1)).then(() => null, (error) => error);
  conn.abort(new Deno.errors.Interrupted("the server is shutting down"));
  const { hostname, port } = client.localAddr;
  assertEquals((await read).message, `read ${hostname}:${port}: the server is shutting down`);
});
