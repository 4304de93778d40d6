#!/usr/bin/env -S deno run --allow-net=unix:/tmp/stream_echo.sock --allow-read=/tmp/stream_echo.sock --allow-write=/tmp/stream_echo.sock
/**
 * An echo client on a Unix-domain stream socket: clients/tcp_echo.ts with another address.
 *
 * Usage: unix/stream_echo_client.ts [path]
 *
 * From HSE 13 and CS:APP. Departs from them as clients/tcp_echo.ts departs from its lecture; the
 * output on a terminal is the same too. For a Unix-domain socket Deno requires net, read and write
 * permission, for a client too.
 *
 * ```console
 * $ unix/stream_echo_server.ts /tmp/stream_echo.sock
 * ! listening on /tmp/stream_echo.sock
 * Connection from (unnamed)
 * 	Message: over a file
 * ^C
 * $ unix/stream_echo_client.ts /tmp/stream_echo.sock
 * > over a file
 * over a file
 * ```
 *
 * @module
 */

import { main, terminalOutput } from "../cli.ts";
import { BufferedReader, MAXLINE, openUnixClient, writeN } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./stream_echo_client.ts" with { type: "text" };

const NEWLINE = 0x0a;

await main(header, {
  operands: { path: "/tmp/stream_echo.sock" },
}, async ({ path }) => {
  // socket, connect
  using conn = await openUnixClient(path);
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
      throw new Deno.errors.UnexpectedEof(`read ${path}: the server closed the connection`);
    }
    await writeN(stdout, reply);
  }
  // close, at the end of using
});
