#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7016
/**
 * A protocol deadlock: client and server each wait for the other to send first. A timeout on the
 * client's read ends it.
 *
 * Usage: clients/tcp_deadlock.ts [port] [OPTION...]
 *   --deadline SECONDS  timeout of the client's reads (1)
 *
 * From HSE 13, protocol deadlock. One program runs both the server and the client. A read that
 * times out loses no data: the next read returns what arrives later.
 *
 * ```console
 * $ clients/tcp_deadlock.ts 7016 --deadline=0.5
 * ! listening on 127.0.0.1:7016
 * server: waits for a request
 * client: waits for a greeting
 * client: read: timed out after 0.5 s
 * client: a deadlock; sends its request without a greeting
 * server: received "hello", answers
 * client: received "hello to you"
 * ```
 *
 * @module
 */

import { logListening, main, port, seconds } from "../cli.ts";
import { openClient, openListener, printable, TimeoutReader, writeText } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_deadlock.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;

await main(header, {
  operands: { port: port(7016) },
  options: { deadline: seconds(1) },
}, async ({ port, deadline }) => {
  // socket, bind, listen
  using listener = await openListener(port);
  logListening(listener.addr);
  await Promise.all([serve(listener), talk(listener.addr, deadline)]);
  // close, at the end of using
});

/** The server, which expects the client to send first. */
async function serve(listener: Deno.TcpListener): Promise<void> {
  // accept
  using conn = await listener.accept();

  // recv
  console.log("server: waits for a request");
  const request = new Uint8Array(MESSAGE_SIZE);
  const count = await conn.read(request) ?? 0;
  console.log(`server: received "${printable(request.subarray(0, count))}", answers`);
  // send
  await writeText(conn, "hello to you");
}

/** The client, which expects the server to send first. */
async function talk(address: Deno.NetAddr, deadline: number): Promise<void> {
  // socket, connect, setsockopt: SO_RCVTIMEO
  using conn = await openClient(address.hostname, address.port);
  const reader = new TimeoutReader(conn, deadline);

  // recv
  const received = new Uint8Array(MESSAGE_SIZE);
  console.log("client: waits for a greeting");
  try {
    await reader.read(received);
  } catch (error) {
    if (!(error instanceof Deno.errors.TimedOut)) throw error;
    console.log(`client: ${error.message}`);
    console.log("client: a deadlock; sends its request without a greeting");
  }

  // send
  await writeText(conn, "hello");
  // recv
  const count = await reader.read(received) ?? 0;
  console.log(`client: received "${printable(received.subarray(0, count))}"`);
}
