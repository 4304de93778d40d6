import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { formatAddress } from "../../lib/address/format.ts";
import { accept } from "../../lib/server/accept.ts";
import type { ServerConnection } from "../../lib/server/server_connection.ts";
import { openListener } from "../../lib/socket/tcp.ts";
import { withTimeout } from "../../lib/io/timeout.ts";

/** A server's connection, its client, and the errors of its service. */
interface Accepted extends AsyncDisposable {
  conn: ServerConnection<Deno.NetAddr>;
  client: Deno.TcpConn;
  errors: Error[];
  peer: string;
}

async function acceptOne(): Promise<Accepted> {
  const listener = await openListener(0);
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const errors: Error[] = [];
  const onError = (error: Error) => errors.push(error);
  const clients = accept(listener, { onError });
  const { value: conn } = await clients.next();
  if (conn === undefined) throw new Error("no connection");
  return {
    conn,
    client,
    errors,
    peer: formatAddress(client.localAddr),
    [Symbol.asyncDispose]: async () => {
      client.close();
      conn.close();
      listener.close();
      await clients.next();
    },
  };
}

const reasons: Error[] = [
  new Deno.errors.TimedOut("the client sends too many requests"),
  new RangeError("the message is too long"),
  new Error("enough"),
];

Deno.test("ServerConnection.abort() rejects a pending read with its reason", async () => {
  for (const reason of reasons) {
    await using accepted = await acceptOne();
    const { conn, client, peer } = accepted;
    const reading = assertRejects(() => conn.read(new Uint8Array(8)), Error);
    conn.abort(reason);
    const error = await reading;
    assertEquals(error.message, `read ${peer}: ${reason.message}`);
    assertStrictEquals(error.constructor, reason.constructor);
    assertStrictEquals(error.cause, reason);
    assertEquals(await client.read(new Uint8Array(8)), null, "the client sees EOF");
  }
});

Deno.test("ServerConnection.abort() rejects a pending write with its reason", async () => {
  await using accepted = await acceptOne();
  const { conn, peer } = accepted;
  const fill = async () => {
    for (;;) await conn.write(new Uint8Array(1 << 20));
  };
  const filling = assertRejects(fill, Deno.errors.TimedOut, `write ${peer}: too slow`);
  const { activity } = conn;
  for (let before = -1; before !== activity.bytes;) { // until no more is taken
    before = activity.bytes;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  conn.abort(new Deno.errors.TimedOut("too slow"));
  await filling;
});

Deno.test("ServerConnection.abort() rejects later calls with the same reason", async () => {
  await using accepted = await acceptOne();
  const { conn, peer } = accepted;
  conn.abort(new Deno.errors.TimedOut("too slow"));
  const { TimedOut } = Deno.errors;
  await assertRejects(() => conn.read(new Uint8Array(8)), TimedOut, `read ${peer}: too slow`);
  await assertRejects(() => conn.write(new Uint8Array(8)), TimedOut, `write ${peer}: too slow`);
  conn.close(); // a second close does nothing
});

Deno.test("ServerConnection.abort() is reported once, by serve()", async () => {
  await using accepted = await acceptOne();
  const { conn, errors, peer } = accepted;
  const serving = conn.serve(async (conn) => {
    await conn.read(new Uint8Array(8));
  });
  conn.abort(new RangeError("enough"));
  await withTimeout(serving, 30_000, "the service does not end");
  assertEquals(errors.map(String), [`RangeError: read ${peer}: enough`]);
});

Deno.test("ServerConnection.close() rejects a pending read", async () => {
  await using accepted = await acceptOne();
  const { conn, peer } = accepted;
  const reading = assertRejects(() => conn.read(new Uint8Array(8)), Error, `read ${peer}: `);
  conn.close();
  await reading;
});
