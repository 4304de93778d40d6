#!/usr/bin/env -S deno run --allow-net=unix:/tmp/stream_echo.sock --allow-read=/tmp/stream_echo.sock --allow-write=/tmp/stream_echo.sock
/**
 * A concurrent echo server on a Unix-domain stream socket: servers/tcp_echo_concurrent.ts, but for
 * the address.
 *
 * Usage: unix/stream_echo_server.ts [path] [OPTION...]
 *   --max-connections N     clients served at once; more wait in the backlog (1024)
 *   --idle-timeout SECONDS  cut off a client that neither sends nor receives; 0: never (300)
 *   --min-rate BYTES        the least that a client must send and receive a second; 0: any (4)
 *   --grace SECONDS         on SIGINT or SIGTERM, let connections finish for so long (5)
 *   --mode MODE             who may connect, as chmod has it (600)
 *   --quiet                 print no line for a connection or a message
 *
 * The minimum rate is an average over the idle timeout.
 *
 * From HSE 13 and UCM 2.4. Departs from them: a socket file that a killed server left behind is taken
 * over, a live server's and any other file are left alone, and the file is removed on every way out. A
 * client has no address of its own, unless it binds one: `(unnamed)`. Messages print as in
 * servers/tcp_echo_concurrent.ts. Deno chooses the backlog. Another program that tries to bind the path
 * connects, to see if the server is alive. docs/deploy.md says which folder to use.
 *
 * ```console
 * $ unix/stream_echo_server.ts /tmp/stream_echo.sock
 * ! listening on /tmp/stream_echo.sock
 * Connection from (unnamed)
 * 	Message: hello
 * ^C
 * $ unix/stream_echo_client.ts /tmp/stream_echo.sock
 * > hello
 * hello
 * ```
 *
 * @module
 */

import { logListening, main, mode, serverOptions } from "../cli.ts";
import { accept, formatAddress, openUnixListener, terminationSignal } from "../mod.ts";
import { echoMessages, echoQuietly } from "../protocols/echo.ts";
// This file as text: main() prints its header for --help.
import header from "./stream_echo_server.ts" with { type: "text" };

await main(header, {
  operands: { path: "/tmp/stream_echo.sock" },
  options: { ...serverOptions, mode: mode(0o600), quiet: false },
}, async ({ path, mode, quiet, ...limits }) => {
  const signal = terminationSignal();
  // unlink, socket, bind, listen
  using listener = await openUnixListener(path, { mode });
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal, ...limits });
  for await (const conn of clients) {
    const peer = formatAddress(conn.remoteAddr);
    // fork: not awaited, so the loop accepts the next client while this one is served
    // recv, send, close
    conn.serve((conn) => quiet ? echoQuietly(conn) : echoMessages(conn, peer));
  }
});
