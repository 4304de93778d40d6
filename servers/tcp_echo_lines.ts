#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * An iterative echo server with robust I/O: it reads complete lines, whether a line arrives in
 * pieces or several arrive at once.
 *
 * Usage: servers/tcp_echo_lines.ts [port]
 *
 * From CS:APP, the iterative echo server, with its backlog of 1024. As there, a line longer than
 * 8191 bytes is read in pieces of that size. Departs from it: it listens on loopback only; the port
 * is optional and defaults to 7008; a client that resets its connection does not terminate the
 * server. To look up a client's name, Deno requires net permission for its address. A client's port
 * is not known in advance, so the first line grants the whole host. As in the lecture, a client
 * delays all others while it is connected, but a connection that is idle for five minutes is
 * aborted.
 *
 * ```console
 * $ servers/tcp_echo_lines.ts 7008
 * ! listening on 127.0.0.1:7008
 * Connected to (localhost, *)
 * server received 6 bytes
 * server received 8 bytes
 * ^C
 * $ deno run --allow-net=127.0.0.1:7008 clients/tcp_echo.ts 127.0.0.1 7008
 * > hello
 * hello
 * > goodbye
 * goodbye
 * ```
 *
 * @module
 */

import { logListening, main, port, stdout } from "../cli.ts";
import {
  accept,
  BufferedReader,
  type Connection,
  getNameInfo,
  MAXLINE,
  openListener,
  terminationSignal,
  writeN,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo_lines.ts" with { type: "text" };

await main(header, {
  operands: { port: port(7008) },
}, async ({ port }) => {
  // getaddrinfo, socket, bind, listen
  using listener = await openListener(port, { backlog: 1024 });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal });
  for await (const conn of clients) {
    // read, write, close
    await conn.serve(echoLines);
  }
});

/** The service: counts the bytes of each line and sends it back. */
async function echoLines(conn: Connection<Deno.NetAddr>): Promise<void> {
  // getnameinfo
  const { host, service } = await getNameInfo(conn.remoteAddr);
  await stdout.print(`Connected to (${host}, ${service})`);
  const reader = new BufferedReader(conn);
  for (;;) {
    // rio_readlineb: at most MAXLINE - 1 bytes, because C's buffer also holds a NUL
    const line = await reader.readLine(MAXLINE - 1);
    if (line === null) return;
    await stdout.print(`server received ${line.length} bytes`);
    await writeN(conn, line);
  }
}
