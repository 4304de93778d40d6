import { assert, assertEquals } from "@std/assert";
import { ServerConnection } from "../../lib/server/server_connection.ts";
import { ReadScheduler } from "../../lib/server/read_scheduler.ts";

/** A scheduler with so many registered connections. */
function schedulerOf(connections: number): ReadScheduler {
  const scheduler = new ReadScheduler();
  for (let i = 0; i < connections; i++) scheduler.register();
  return scheduler;
}

Deno.test("turn() lets every read begin at once while there are 64 connections", async () => {
  const scheduler = schedulerOf(64);
  for (let i = 0; i < 1000; i++) assertEquals(await scheduler.turn(), undefined);
  for (let i = 0; i < 1000; i++) assertEquals(scheduler.turn(), undefined);
});

/** An event loop that a test turns by hand: no read completes, and no time passes, but when it says so. */
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

  /** Reads with these numbers ask for their turn. */
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

  /** The loop turns once; the numbers of the reads that begin. */
  async turn(): Promise<number[]> {
    for (const callback of this.#immediates.splice(0)) callback();
    await new Promise<void>((resolve) => this.#setImmediate(() => resolve()));
    return this.#begun.splice(0);
  }

  /** The timer runs out. */
  expire(): void {
    for (const callback of this.#timers.splice(0)) callback();
  }

  /** Nothing completes until the timer runs out; the numbers of the reads that begin. */
  async standStill(): Promise<number[]> {
    const begun = await this.turn();
    this.expire();
    return [...begun, ...await this.turn()];
  }

  /** Lets all begin that wait, so that the next test finds an empty queue. */
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

/** Runs `body` as if so many connections were open, in a loop that it turns. */
async function inFakeLoop(count: number, body: (loop: FakeLoop) => Promise<void>): Promise<void> {
  using loop = new FakeLoop(schedulerOf(count));
  try {
    await body(loop);
  } finally {
    await loop.drain();
  }
}

/** The numbers from `first` on. */
function numbers(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

Deno.test("turn() serves first come, first served, 32 a turn, if all reads complete", async () => {
  await inFakeLoop(1000, async (loop) => {
    // A thousand reads come in as many turns as bring no more than the budget is enough for.
    const order: number[] = [];
    for (let first = 0; first < 1000; first += 50) {
      loop.ask(first, 50);
      order.push(...await loop.turn());
    }
    // What began completes, and asks again, behind those that wait.
    for (let turn = 0; turn < 100; turn++) {
      loop.ask(1000 + 32 * turn, 32);
      const begun = await loop.turn();
      assertEquals(begun.length, 32, `turn ${turn}`);
      order.push(...begun);
    }
    assertEquals(order, numbers(0, order.length));
  });
});

Deno.test("turn() lets a lone read begin in the next turn", async () => {
  await inFakeLoop(8000, async (loop) => {
    for (let read = 0; read < 100; read++) {
      loop.ask(read, 1);
      assertEquals(await loop.turn(), [read]);
    }
  });
});

Deno.test("turn() lets twice as many begin after each standstill if no read completes", async () => {
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

Deno.test("turn() lets an honest client's read begin soon, behind thousands of silent ones", async () => {
  await inFakeLoop(4000, async (loop) => {
    loop.ask(0, 4000);
    await loop.turn();
    for (let i = 0; i < 4; i++) await loop.standStill();
    // Now and then one completes: what was learned of the others is not forgotten.
    let turns = 0;
    for (let read = 4000, begun: number[] = []; !begun.includes(4000); read++, turns++) {
      loop.ask(read, 1);
      begun = await loop.turn();
    }
    assert(turns <= Math.ceil((4000 - 32 * 15) / (32 * 16)), `${turns} turns`);
  });
});

Deno.test("turn() takes no late timer for a standstill if reads complete at the same time", async () => {
  await inFakeLoop(8000, async (loop) => {
    loop.ask(0, 6000);
    await loop.turn();
    for (let i = 0; i < 4; i++) await loop.standStill();
    loop.expire();
    loop.ask(6000, 20);
    assertEquals((await loop.turn()).length, 32);
  });
});

Deno.test("turn() lets 32 begin in a turn again as soon as many reads complete", async () => {
  await inFakeLoop(8000, async (loop) => {
    loop.ask(0, 6000);
    await loop.turn();
    for (let i = 0; i < 4; i++) await loop.standStill();
    loop.ask(6000, 16);
    assertEquals((await loop.turn()).length, 32);
  });
});

Deno.test("turn() lets no read begin in a turn that brought more than the budget is enough for", async () => {
  await inFakeLoop(1000, async (loop) => {
    for (let turn = 0; turn < 5; turn++) {
      loop.ask(128 * turn, 128);
      assertEquals(await loop.turn(), []);
    }
    loop.ask(640, 64);
    assertEquals(await loop.turn(), numbers(0, 32));
  });
});

/** A server's connection whose reads a scheduler schedules. */
function connectionOf(conn: Deno.TcpConn, scheduler: ReadScheduler): ServerConnection {
  return new ServerConnection(conn, { scheduler, onClose: () => {}, onError: () => {} });
}

Deno.test("300 busy connections are served alike", async () => {
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
  // Everything that a reader asks for is there, so a reader that is let will read on and on.
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

Deno.test("a connection that is closed while its read waits for a turn does not hang", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using conn = connectionOf(await listener.accept(), schedulerOf(65));
  const read = conn.read(new Uint8Array(1)).then(() => null, (error) => error);
  conn.abort(new Deno.errors.Interrupted("the server is shutting down"));
  const { hostname, port } = client.localAddr;
  assertEquals((await read).message, `read ${hostname}:${port}: the server is shutting down`);
});
