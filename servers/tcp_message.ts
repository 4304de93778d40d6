#!/usr/bin/env -S deno run --allow-net=127.0.0.1:51717
/**
 * A server for one message: it accepts one connection, prints the message, replies and exits. It
 * shows each call of a server once, with its error handling.
 *
 * Usage: servers/tcp_message.ts port
 *
 * From Stallings, the socket server. Departs from it: it listens on loopback only; an error message
 * names the failed call and the cause; the exit status after an error is 1. The message is printed
 * as text: without its newline (LF or CRLF), and with U+FFFD for control characters and for invalid
 * UTF-8.
 *
 * ```console
 * $ servers/tcp_message.ts 51717
 * ! listening on 127.0.0.1:51717
 * Here is the message: hello
 * $ clients/tcp_message.ts 127.0.0.1 51717
 * Please enter the message: \
 * > hello
 * I got your message
 * ```
 *
 * @module
 */

import { logListening, main, port, required, stdout, UsageError } from "../cli.ts";
import {
  accept,
  type Connection,
  logError,
  openListener,
  printable,
  terminationSignal,
  withContext,
  writeText,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_message.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 255;

await main(header, {
  operands: { port: required(port()) },
  // argc
  checkCount: (count) => {
    if (count < 1) throw new UsageError("ERROR, no port provided", 1);
  },
}, async ({ port }) => {
  // socket, bind, listen
  using listener = await openListener(port, { backlog: 5 }).catch((error) => {
    const isSocket = error.syscall === "socket";
    throw withContext(isSocket ? "ERROR opening socket" : "ERROR on binding", error);
  });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const onError = (error: Error) => logError(withContext("ERROR on accept", error));
  for await (using conn of accept(listener, { signal, onError })) {
    await answer(conn);
    break;
  }
  // close, at the end of using
});

/** The service: prints one message and replies. */
async function answer(conn: Connection<Deno.NetAddr>): Promise<void> {
  // read
  const buffer = new Uint8Array(MESSAGE_SIZE);
  const count = await conn.read(buffer).catch((error) => {
    throw withContext("ERROR reading from socket", error);
  });
  await stdout.print(`Here is the message: ${printable(buffer.subarray(0, count ?? 0))}`);

  // write
  await writeText(conn, "I got your message").catch((error) => {
    throw withContext("ERROR writing to socket", error);
  });
}
