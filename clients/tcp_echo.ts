#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007
/**
 * An echo client: it sends each line of stdin and prints the reply.
 *
 * Usage: clients/tcp_echo.ts [host] [port]
 *
 * From CS:APP, the echo client. As there, a line longer than 8191 bytes is sent and received in
 * pieces of that size, so the server must echo a piece without waiting for the newline. Departs
 * from it: a server that closes early is an error, not an endless loop; after a last line without a
 * newline, the client shuts down its sending side, so that a server that reads lines echoes it too;
 * a NUL byte does not end a line; the exit status is 1 after an error and 2 after a usage error,
 * not 0. On a terminal, control characters from the server are printed as U+FFFD; a file or a pipe
 * receives the exact bytes.
 *
 * ```console
 * $ servers/tcp_echo_iterative.ts 127.0.0.1 7007
 * ! listening on 127.0.0.1:7007
 * Connection from 127.0.0.1:*
 * 	Message: hello
 * 	Message: goodbye
 * ^C
 * $ clients/tcp_echo.ts 127.0.0.1 7007
 * > hello
 * hello
 * > goodbye
 * goodbye
 * ```
 *
 * @module
 */

import { host, main, port, terminalOutput } from "../cli.ts";
import { BufferedReader, MAXLINE, openClient, writeN } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo.ts" with { type: "text" };

const NEWLINE = 0x0a;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7007) },
}, async ({ host, port }) => {
  // getaddrinfo, socket, connect
  using conn = await openClient(host, port);
  const server = new BufferedReader(conn);
  const stdin = new BufferedReader(Deno.stdin);
  const stdout = terminalOutput();

  for (;;) {
    // fgets: at most MAXLINE - 1 bytes, because C's buffer also holds a NUL
    const line = await stdin.readLine(MAXLINE - 1);
    if (line === null) break;

    // write
    await writeN(conn, line);
    // shutdown: without a newline, a server that reads lines waits for the end of the stream
    if (line.at(-1) !== NEWLINE && await stdin.atEnd()) await conn.closeWrite();

    // read
    const reply = await server.readLine(MAXLINE - 1);
    if (reply === null) {
      throw new Deno.errors.UnexpectedEof(`read ${host}:${port}: the server closed the connection`);
    }
    await writeN(stdout, reply);
  }
  // close, at the end of using
});
