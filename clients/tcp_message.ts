#!/usr/bin/env -S deno run --allow-net=127.0.0.1:51717
/**
 * A client for one message: it prompts for a line, sends it and prints the reply. It shows each
 * call of a client once, with its error handling.
 *
 * Usage: clients/tcp_message.ts hostname port
 *
 * From Stallings, the socket client, which sends at most 254 bytes of a line and receives at most
 * 255 bytes of the reply. Departs from it: an error message names the failed call and the cause; a
 * server that closes without a reply is an error; the exit status is 1 after an error and 2 after a
 * usage error; a NUL byte ends neither the message nor the reply; the host may have an IPv6
 * address. On a terminal, control characters from the server are printed as U+FFFD; a file or a
 * pipe receives the exact bytes.
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

import { main, port, required, terminalOutput, text } from "../cli.ts";
import {
  AddrInfoError,
  BufferedReader,
  openClient,
  withContext,
  writeN,
  writeText,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_message.ts" with { type: "text" };

/** The maximum size of the reply, in bytes. A message is one byte shorter: C's buffer holds a NUL. */
const BUFFER_SIZE = 255;

await main(header, {
  operands: { hostname: required(text), port: required(port()) },
  // argc
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
    throw withContext(isSocket ? "ERROR opening socket" : "ERROR connecting", error);
  });

  const stdout = terminalOutput();
  await writeText(stdout, "Please enter the message: ");
  // fgets
  const message = await new BufferedReader(Deno.stdin).readLine(BUFFER_SIZE - 1);
  if (message === null) throw new Error("ERROR reading from stdin: no message");

  // write
  await writeN(conn, message).catch((error) => {
    throw withContext("ERROR writing to socket", error);
  });

  // read
  const reply = new Uint8Array(BUFFER_SIZE);
  const count = await conn.read(reply).catch((error) => {
    throw withContext("ERROR reading from socket", error);
  });
  if (count === null) {
    throw new Error("ERROR reading from socket: the server closed the connection");
  }
  await writeN(stdout, reply.subarray(0, count));
  await writeText(stdout, "\n");
  // close, at the end of using
});
