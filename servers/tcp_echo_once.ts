#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7009
/**
 * A server for one message per connection: it receives once and echoes the result. It shows that a
 * receive need not return a whole message, and how to close without a reset.
 *
 * Usage: servers/tcp_echo_once.ts [ip] [port]
 *
 * From HSE 13, the TCP server, with its backlog of 3. Departs from it: the server shuts down its
 * sending side and waits up to a second for the client to close, because closing a connection with
 * unread bytes resets it, and the client may lose the reply; an error is reported on stderr, with
 * exit status 1. As in the lecture, a client that sends nothing delays all others, but for at most
 * five minutes.
 *
 * ```console
 * $ servers/tcp_echo_once.ts 127.0.0.1 7009
 * ! listening on 127.0.0.1:7009
 * Received 6 bytes from 127.0.0.1, port *
 * Received 32 bytes from 127.0.0.1, port *
 * ^C
 * $ deno run --allow-net=127.0.0.1:7009 clients/tcp_talk.ts 127.0.0.1 7009
 * > hello
 * hello
 *
 * $ deno run --allow-net=127.0.0.1:7009 clients/telnet.ts 127.0.0.1 7009
 * > this is longer than what one receive of 32 bytes takes
 * this is longer than what one rec\
 * ```
 *
 * @module
 */

import { host, logListening, main, port, stdout } from "../cli.ts";
import {
  accept,
  type Connection,
  copy,
  openListener,
  terminationSignal,
  withTimeout,
  writeN,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo_once.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 32;
/** How long to wait for a client to close, in ms. */
const CLOSE_TIME = 1000;

await main(header, {
  operands: { ip: host("127.0.0.1"), port: port(7009) },
}, async ({ ip, port }) => {
  // socket, bind, listen
  using listener = await openListener(port, { hostname: ip, backlog: 3 });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal });
  for await (const conn of clients) {
    // recv, send, shutdown, close
    await conn.serve(echoOnce);
  }
});

/** The service: receives once and echoes the result. */
async function echoOnce(conn: Connection<Deno.NetAddr>): Promise<void> {
  const buffer = new Uint8Array(MESSAGE_SIZE);
  const count = await conn.read(buffer) ?? 0;
  const { hostname, port } = conn.remoteAddr;
  await stdout.print(`Received ${count} bytes from ${hostname}, port ${port}`);
  await writeN(conn, buffer.subarray(0, count));

  // shutdown, and discard the remaining input
  await conn.closeWrite();
  const discard = { write: (p: Uint8Array) => Promise.resolve(p.length) };
  await withTimeout(copy(conn, discard), CLOSE_TIME, "read: timed out").catch(() => {});
}
