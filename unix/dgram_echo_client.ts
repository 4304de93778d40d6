#!/usr/bin/env -S deno run --allow-net=unix:/tmp/dgram_echo.sock,unix:/tmp/dgram_echo_client.sock --allow-read=/tmp/dgram_echo_client.sock --allow-write=/tmp/dgram_echo.sock,/tmp/dgram_echo_client.sock
/**
 * An echo client on a Unix-domain datagram socket: it binds a path, so that the server can reply,
 * and removes the file when it exits.
 *
 * Usage: unix/dgram_echo_client.ts [path] [own] [OPTION...]
 *   --timeout SECONDS  how long to wait for space in the server's queue, and for a reply (2)
 *
 * From CNP3, datagrams over a file. Departs from it: a reply that is truncated to 80 bytes is
 * reported on stderr; on SIGINT or SIGTERM, the client removes its file and exits with status 0.
 * The newline of a line (LF or CRLF) is not sent, because a datagram is one message; the reply is
 * printed with a newline. On a terminal, control characters from the server are printed as U+FFFD;
 * a file or a pipe receives the exact bytes.
 *
 * ```console
 * $ unix/dgram_echo_server.ts /tmp/dgram_echo.sock
 * ! listening on /tmp/dgram_echo.sock
 * Message from /tmp/dgram_echo_client.sock: hello
 * ^C
 * $ unix/dgram_echo_client.ts /tmp/dgram_echo.sock /tmp/dgram_echo_client.sock
 * > hello
 * hello
 * ```
 *
 * @module
 */

import { logTruncated, main, seconds, terminalOutput } from "../cli.ts";
import {
  BufferedReader,
  chomp,
  connectUnixDatagram,
  terminationSignal,
  writeN,
  writeText,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./dgram_echo_client.ts" with { type: "text" };

/** The maximum size of a reply, in bytes. */
const MESSAGE_SIZE = 80;
/** The maximum size of a line, in bytes: larger than a datagram, so sending a longer line fails. */
const LINE_SIZE = 1 << 20;

await main(header, {
  operands: { path: "/tmp/dgram_echo.sock", own: "/tmp/dgram_echo_client.sock" },
  options: { timeout: seconds(2) },
}, async ({ path, own, timeout }) => {
  // sigaction, before bind: a signal must not leave the file behind
  const signal = terminationSignal();
  // unlink, socket, bind, connect
  using server = await connectUnixDatagram(path, own);
  // close, unlink, on a signal too
  const end = () => {
    server.close();
    Deno.exit();
  };
  if (signal.aborted) end();
  signal.addEventListener("abort", end);
  const stdin = new BufferedReader(Deno.stdin);
  const stdout = terminalOutput();

  for (;;) {
    const line = await stdin.readLine(LINE_SIZE);
    if (line === null) break;

    // send
    await server.send(chomp(line), timeout);
    // recv
    const datagram = await server.receive(MESSAGE_SIZE, timeout);
    await writeN(stdout, datagram.message);
    await writeText(stdout, "\n");
    logTruncated(datagram, MESSAGE_SIZE);
  }
  // close, unlink, at the end of using
});
