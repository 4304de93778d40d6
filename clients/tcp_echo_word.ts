#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7,127.0.0.1:7007
/**
 * A client that sends one word and receives until every byte is echoed. The reply may arrive in
 * several pieces.
 *
 * Usage: clients/tcp_echo_word.ts address word [port]
 *
 * From Stallings, TCPEchoClient4 of Donahoo and Calvert. The address must be a numeric IPv4
 * address. The default port is 7, the echo service, which few hosts still run. The word may be
 * empty; a word that begins with a dash must follow `--`. On a terminal, control characters from
 * the server are printed as U+FFFD; a file or a pipe receives the exact bytes.
 *
 * ```console
 * $ servers/tcp_echo_iterative.ts 127.0.0.1 7007
 * ! listening on 127.0.0.1:7007
 * Connection from 127.0.0.1:*
 * 	Message: hello
 * ^C
 * $ clients/tcp_echo_word.ts 127.0.0.1 hello 7007
 * Received: hello
 * $ clients/tcp_echo_word.ts 127.0.0.1 hello
 * ! connect() failed: connect 127.0.0.1:7: Connection refused
 * [exit 1]
 * ```
 *
 * @module
 */

import {
  dieWithSystemMessage,
  dieWithUserMessage,
  main,
  port,
  required,
  terminalOutput,
  text,
} from "../cli.ts";
import { inetPton, openClient, writeN, writeText } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo_word.ts" with { type: "text" };

/** The maximum number of bytes per receive. */
const BUFFER_SIZE = 512;

await main(header, {
  operands: { address: required(text), word: required(text), port: port(7) },
  // argc
  checkCount: (count) => {
    if (count >= 2 && count <= 3) return;
    dieWithUserMessage("Parameter(s)", "<Server Address> <Echo Word> [<Server Port>]");
  },
}, async ({ address, word, port }) => {
  // inet_pton
  if (inetPton(4, address) === null) {
    dieWithUserMessage("inet_pton() failed", "invalid address string");
  }

  // socket, connect
  using conn = await openClient(address, port)
    .catch((error) => dieWithSystemMessage("connect() failed", error));

  // send: the length is in bytes, not in characters
  const message = new TextEncoder().encode(word);
  await writeN(conn, message)
    .catch((error) => dieWithSystemMessage("send() failed", error));

  // recv
  const stdout = terminalOutput();
  await writeText(stdout, "Received: ");
  const buffer = new Uint8Array(BUFFER_SIZE);
  for (let received = 0; received < message.length;) {
    const count = await conn.read(buffer)
      .catch((error) => dieWithSystemMessage("recv() failed", error));
    if (count === null) dieWithUserMessage("recv()", "connection closed prematurely");
    await writeN(stdout, buffer.subarray(0, count));
    received += count;
  }
  await writeText(stdout, "\n");
  // close, at the end of using
});
