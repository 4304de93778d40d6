#!/usr/bin/env -S deno run --allow-net=127.0.0.1:5678
/**
 * A server for one request and one response per connection.
 *
 * Usage: servers/tcp_request.ts [host] [port]
 *
 * From CS:APP, the Python server. Departs from it: the lecture does not define the server's
 * response; this server echoes the request. As in the lecture, a client that sends nothing delays
 * all others, but for at most five minutes.
 *
 * ```console
 * $ servers/tcp_request.ts 127.0.0.1 5678
 * ! listening on 127.0.0.1:5678
 * ^C
 * $ clients/tcp_request.ts 127.0.0.1 5678
 * b'This is a message'
 * ```
 *
 * @module
 */

import { host, logListening, main, port } from "../cli.ts";
import { accept, type Connection, openListener, terminationSignal, writeN } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_request.ts" with { type: "text" };

/** The maximum size of a request, in bytes. */
const REQUEST_SIZE = 1024;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(5678) },
}, async ({ host, port }) => {
  // socket, bind, listen
  using listener = await openListener(port, { hostname: host });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal });
  for await (const conn of clients) {
    // recv, sendall, close
    await conn.serve(respond);
  }
});

/** The service: responds to one request. */
async function respond(conn: Connection<Deno.NetAddr>): Promise<void> {
  const request = new Uint8Array(REQUEST_SIZE);
  const count = await conn.read(request);
  if (count !== null) await writeN(conn, request.subarray(0, count));
}
