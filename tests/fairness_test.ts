import { assert, assertEquals } from "@std/assert";
import { Connection } from "../lib/connection.ts";
import { joinTurns, leaveTurns, myTurn } from "../lib/fairness.ts";

/** Runs `body` as if so many connections were open. */
async function withConnections(count: number, body: () => Promise<void>): Promise<void> {
  for (let i = 0; i < count; i++) joinTurns();
  try {
    await body();
  } finally {
    for (let i = 0; i < count; i++) leaveTurns();
  }
}

Deno.test("myTurn() lets everybody read at once as long as there are few connections", async () => {
  await withConnections(64, async () => {
    for (let i = 0; i < 1000; i++) assertEquals(await myTurn(), undefined);
    for (let i = 0; i < 1000; i++) assertEquals(myTurn(), undefined);
  });
});

Deno.test("myTurn() serves first come, first served, 32 a turn", async () => {
  await withConnections(65, async () => {
    const order: number[] = [];
    const turnOf: number[] = [];
    let turn = 0;
    const mark = () => {
      turn++;
      if (order.length < 100) setImmediate(mark);
    };
    setImmediate(mark);
    const reads = Array.from({ length: 100 }, async (_, i) => {
      const mine = myTurn();
      assertEquals(mine === undefined, i < 32, `read ${i}`);
      await mine;
      order.push(i);
      turnOf.push(turn);
    });
    await Promise.all(reads);
    assertEquals(order, Array.from({ length: 100 }, (_, i) => i));
    for (let first = 0; first + 32 < 100; first++) {
      assert((turnOf[first + 32] ?? 0) > (turnOf[first] ?? 0), "33 reads in a turn");
    }
  });
});

Deno.test("myTurn() lets a read that begins in the meantime go behind those that wait", async () => {
  await withConnections(65, async () => {
    const order: string[] = [];
    const early = Array.from({ length: 64 }, async () => {
      await myTurn();
      order.push("early");
    });
    await Promise.all(early.slice(0, 32));
    const late = (async () => {
      await myTurn();
      order.push("late");
    })();
    await Promise.all([...early, late]);
    assertEquals(order.indexOf("late"), 64);
  });
});

Deno.test("a thousand busy connections are served alike", async () => {
  const CONNECTIONS = 1000;
  const READS = 50;
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
  const clients: Deno.TcpConn[] = [];
  const conns: Connection[] = [];
  const message = new Uint8Array(16 * READS);
  for (let i = 0; i < CONNECTIONS; i++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    clients.push(client);
    conns.push(new Connection(await listener.accept()));
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

Deno.test("a connection that is closed while it waits for its turn does not hang", async () => {
  await withConnections(65, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    using conn = new Connection(await listener.accept());
    for (let i = 0; i < 32; i++) myTurn();
    const read = conn.read(new Uint8Array(1)).then(() => null, (error) => error);
    conn.cut(new Deno.errors.Interrupted("the server is shutting down"));
    const { hostname, port } = client.localAddr;
    assertEquals((await read).message, `read ${hostname}:${port}: the server is shutting down`);
  });
});
