#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7016
/**
 * A protocol deadlock: client and server each wait for the other to speak first. A deadline on the read
 * gets them out of it.
 *
 * Usage: clients/tcp_deadlock.ts [port] [OPTION...]
 *   --deadline SECONDS  how long the client waits before it gives up waiting (1)
 *
 * From HSE 13, protocol deadlock. Both ends are here, in one program. The read that was given up loses
 * nothing: what comes later is there for the next one.
 *
 * ```console
 * $ clients/tcp_deadlock.ts 7016 --deadline=0.5
 * ! listening on 127.0.0.1:7016
 * server: waits for a request
 * client: waits for a greeting
 * client: read: nothing came within 0.5 s
 * client: a deadlock; sends its request without a greeting
 * server: received "hello", answers
 * client: received "hello to you"
 * ```
 *
 * @module
 */

import {
  DeadlineReader,
  formatAddress,
  main,
  openClient,
  openListener,
  port,
  printable,
  seconds,
  writeN,
} from "../mod.ts";
import header from "./tcp_deadlock.ts" with { type: "text" };

const encoder = new TextEncoder();

await main(header, {
  operands: { port: port(7016) },
  options: { deadline: seconds(1) },
}, async ({ port, deadline }) => {
  using listener = await openListener(port);
  console.error(`listening on ${formatAddress(listener.addr)}`);
  const server = serve(listener);
  await talk(listener.addr, deadline * 1000);
  await server;
});

/** The server's protocol: the client speaks first. */
async function serve(listener: Deno.TcpListener): Promise<void> {
  using conn = await listener.accept();
  console.log("server: waits for a request");
  const request = new Uint8Array(80);
  const count = await conn.read(request) ?? 0;
  console.log(`server: received "${printable(request.subarray(0, count))}", answers`);
  await writeN(conn, encoder.encode("hello to you"));
}

/** The client's protocol: the server speaks first. */
async function talk(address: Deno.NetAddr, deadline: number): Promise<void> {
  using conn = await openClient(address.hostname, address.port);
  const reader = new DeadlineReader(conn, deadline);
  const greeting = new Uint8Array(80);
  console.log("client: waits for a greeting");
  try {
    await reader.read(greeting);
  } catch (error) {
    if (!(error instanceof Deno.errors.TimedOut)) throw error;
    console.log(`client: ${error.message}`);
    console.log("client: a deadlock; sends its request without a greeting");
  }
  await writeN(conn, encoder.encode("hello"));
  const count = await reader.read(greeting) ?? 0;
  console.log(`client: received "${printable(greeting.subarray(0, count))}"`);
}
