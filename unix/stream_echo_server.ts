#!/usr/bin/env -S deno run --allow-net=unix:/tmp/stream_echo.sock --allow-read=/tmp/stream_echo.sock --allow-write=/tmp/stream_echo.sock
/**
 * A concurrent echo server on a Unix-domain stream socket: servers/tcp_echo_concurrent.ts with another
 * address.
 *
 * Usage: unix/stream_echo_server.ts [path] [OPTION...]
 *   --max-connections N     maximum number of open connections; others wait in the backlog (1024)
 *   --idle-timeout SECONDS  abort a connection that is idle for this long; 0 for no limit (300)
 *   --min-rate BYTES        minimum rate of a client, in bytes per second; 0 for none (4)
 *   --grace SECONDS         how long connections may continue after SIGINT or SIGTERM (5)
 *   --mode MODE             file mode of the socket, which determines who may connect (600)
 *   --quiet                 do not print connections and messages
 *
 * The minimum rate is averaged over the idle timeout.
 *
 * From HSE 13 and UCM 2.4. Departs from them: a stale socket file is replaced, but not that of a
 * running server, nor any other file; the file is removed when the server exits. A client that has
 * not bound a path is printed as `(unnamed)`, and messages are printed as in
 * servers/tcp_echo_concurrent.ts. Deno chooses the backlog. A second server on the same path
 * connects to this server, to check whether it is running. docs/deploy.md describes which folder to
 * use.
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
  // sigaction, before bind: a signal must not leave the file behind
  const signal = terminationSignal();
  // unlink, socket, bind, listen
  using listener = await openUnixListener(path, { mode });
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal, ...limits });
  for await (const conn of clients) {
    const peer = formatAddress(conn.remoteAddr);
    // fork: serve() is not awaited, so the loop accepts the next client immediately
    // recv, send, close
    conn.serve((conn) => quiet ? echoQuietly(conn) : echoMessages(conn, peer));
  }
});
