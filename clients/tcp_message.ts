#!/usr/bin/env -S deno run --allow-net=127.0.0.1:51717
/**
 * A client of one message: it asks for it, sends it, and prints the reply.
 *
 * Usage: clients/tcp_message.ts hostname port
 *
 * From Stallings, the socket client: at most 254 bytes of a line are sent, and at most 255 of the reply
 * received. Departs from it: every call that fails is named with its cause; a server that closes without a
 * reply is an error; a failure exits with 1 and wrong usage with 2; a NUL byte ends neither the message
 * nor the reply; the host may have an IPv6 address. To a terminal, control characters that the server
 * sends print as U+FFFD; to a file or a pipe, the bytes are exact.
 *
 * ```console
 * $ servers/tcp_message.ts 51717
 * ! listening on 127.0.0.1:51717
 * Here is the message: good morning
 * $ clients/tcp_message.ts 127.0.0.1 51717
 * Please enter the message: \
 * > good morning
 * I got your message
 * ```
 *
 * @module
 */

import { dieWithSystemMessage, main, port, required, terminalOutput, text } from "../cli.ts";
import { AddrInfoError, BufferedReader, openClient, writeN } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_message.ts" with { type: "text" };

/** The longest reply, in bytes; of a message, C's buffer holds one byte less, and a NUL. */
const BUFFER_SIZE = 255;
const NEWLINE = 0x0a;

await main(header, {
  operands: { hostname: required(text), port: required(port()) },
  // the test of argc
  checkCount: (count) => {
    if (count >= 2) return;
    console.error("usage clients/tcp_message.ts hostname port");
    Deno.exit(2);
  },
}, async ({ hostname, port }) => {
  // gethostbyname, socket, connect
  using conn = await openClient(hostname, port).catch((error) => {
    if (error instanceof AddrInfoError) throw new Error("ERROR, no such host");
    const isSocket = error.syscall === "socket";
    return dieWithSystemMessage(isSocket ? "ERROR opening socket" : "ERROR connecting", error);
  });

  const stdout = terminalOutput();
  await writeN(stdout, new TextEncoder().encode("Please enter the message: "));
  // fgets
  const message = await new BufferedReader(Deno.stdin).readLine(BUFFER_SIZE - 1);
  if (message === null) throw new Error("ERROR reading from stdin: there is no message");

  // write
  await writeN(conn, message)
    .catch((error) => dieWithSystemMessage("ERROR writing to socket", error));

  // read
  const reply = new Uint8Array(BUFFER_SIZE);
  const count = await conn.read(reply)
    .catch((error) => dieWithSystemMessage("ERROR reading from socket", error));
  if (count === null) {
    throw new Error("ERROR reading from socket: the server closed the connection");
  }
  await writeN(stdout, reply.subarray(0, count));
  await writeN(stdout, new Uint8Array([NEWLINE]));
  // close, at the end of using
});
