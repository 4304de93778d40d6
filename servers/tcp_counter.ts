#!/usr/bin/env -S deno run --allow-net=127.0.0.1:1213
/**
 * A server that sends first: it sends each client its connection number, and receives nothing.
 *
 * Usage: servers/tcp_counter.ts [ip] [port]
 *
 * From HSE 13, the counter, with its backlog of 3. Departs from it: a client that resets its
 * connection does not terminate the server; an error is reported on stderr, with exit status 1.
 *
 * ```console
 * $ servers/tcp_counter.ts 127.0.0.1 1213
 * ! listening on 127.0.0.1:1213
 * ^C
 * $ clients/tcp_talk.ts 127.0.0.1 1213
 * >
 * Connection 1!
 *
 * $ clients/tcp_talk.ts 127.0.0.1 1213
 * > dddd
 * Connection 2!
 *
 * ```
 *
 * @module
 */

import { host, logListening, main, port } from "../cli.ts";
import { accept, type Connection, openListener, terminationSignal, writeText } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_counter.ts" with { type: "text" };

let connections = 0;

await main(header, {
  operands: { ip: host("127.0.0.1"), port: port(1213) },
}, async ({ ip, port }) => {
  // socket, bind, listen
  using listener = await openListener(port, { hostname: ip, backlog: 3 });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal });
  for await (const conn of clients) {
    // send, close
    await conn.serve(sendCount);
  }
});

/** The service: sends the connection number. */
async function sendCount(conn: Connection<Deno.NetAddr>): Promise<void> {
  connections++;
  await writeText(conn, `Connection ${connections}!\n`);
}
