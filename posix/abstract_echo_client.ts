#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * An echo client on an abstract Unix address: unix/stream_echo_client.ts with another address.
 *
 * Usage: posix/abstract_echo_client.ts [name]
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags.
 *
 * The connected socket becomes a connection of the library, for buffered lines and complete writes. If
 * the server's backlog is full, connect fails. The output on a terminal is that of
 * clients/tcp_echo.ts, and so is the maximum length of a line. posix/abstract_echo_server.ts describes
 * abstract addresses.
 *
 * ```console
 * $ posix/abstract_echo_server.ts deno-sockets-echo
 * ! listening on @deno-sockets-echo
 * Connection from (unnamed), pid *, uid *
 * 	Message: without a file
 * ^C
 * $ posix/abstract_echo_client.ts deno-sockets-echo
 * > without a file
 * without a file
 * ```
 *
 * @module
 */

import { main, terminalOutput } from "../cli.ts";
import { BufferedReader, formatAddress, MAXLINE, writeN } from "../mod.ts";
import {
  AF_UNIX,
  connect,
  EAGAIN,
  errnoError,
  SOCK_STREAM,
  socket,
  toConnection,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./abstract_echo_client.ts" with { type: "text" };

const NEWLINE = 0x0a;

await main(header, {
  operands: { name: "deno-sockets-echo" },
}, async ({ name }) => {
  const address = { transport: "unix", path: `\0${name}` } as const;
  const peer = formatAddress(address);
  // socket, connect
  const client = socket(AF_UNIX, SOCK_STREAM);
  if (connect(client, address) === -EAGAIN) throw errnoError(EAGAIN, "connect", peer);
  using conn = toConnection(client);
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
      throw new Deno.errors.UnexpectedEof(`read ${peer}: the server closed the connection`);
    }
    await writeN(stdout, reply);
  }
  // close, at the end of using
});
