#!/usr/bin/env -S deno run --allow-net=unix:/tmp/dgram_echo.sock,unix:/tmp/dgram_echo_client.sock --allow-read=/tmp/dgram_echo_client.sock --allow-write=/tmp/dgram_echo.sock,/tmp/dgram_echo_client.sock
/**
 * An echo client on a Unix-domain datagram socket: it binds a path of its own, so that the reply finds
 * it, and removes it.
 *
 * Usage: unix/dgram_echo_client.ts [path] [own] [OPTION...]
 *   --timeout SECONDS  how long to wait for room at the server, and for a reply (2)
 *
 * From CNP3, datagrams over a file. A reply that was cut at 80 bytes is reported on stderr. SIGINT and
 * SIGTERM end it at once, with exit status 0, after the removal of its file. The newline of a line, LF or
 * CRLF, is not sent. To a terminal, control characters that the server sends print as U+FFFD; to a file or
 * a pipe, the bytes are exact.
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
import { BufferedReader, chomp, connectUnixDatagram, terminationSignal, writeN } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./dgram_echo_client.ts" with { type: "text" };

/** The longest message that is received whole, in bytes. */
const MESSAGE_SIZE = 80;
/** More than the longest message that a Unix socket sends, in bytes: its send buffer. */
const LINE_SIZE = 1 << 20;
const NEWLINE = new Uint8Array([0x0a]);

await main(header, {
  operands: { path: "/tmp/dgram_echo.sock", own: "/tmp/dgram_echo_client.sock" },
  options: { timeout: seconds(2) },
}, async ({ path, own, timeout }) => {
  const signal = terminationSignal();
  // unlink, socket, bind, connect
  using server = await connectUnixDatagram(path, own);
  // close, unlink, on a signal too, whatever it waits for
  const end = () => {
    server.close();
    Deno.exit();
  };
  if (signal.aborted) end();
  signal.addEventListener("abort", end);
  const stdin = new BufferedReader(Deno.stdin);
  const stdout = terminalOutput();

  for (;;) {
    const line = await stdin.readLine(LINE_SIZE); // a longer one is an error, not two messages
    if (line === null) break;

    // send
    await server.send(chomp(line), timeout);
    // recv
    const datagram = await server.receive(MESSAGE_SIZE, timeout);
    const { message } = datagram;
    await writeN(stdout, message);
    await writeN(stdout, NEWLINE);
    logTruncated(datagram, MESSAGE_SIZE);
  }
  // close, unlink, at the end of using
});
