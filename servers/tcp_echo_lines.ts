#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * An iterative echo server of lines, by robust I/O: however a line arrives, in pieces or with others, it
 * is read as a line.
 *
 * Usage: servers/tcp_echo_lines.ts [port]
 *
 * From CS:APP, the iterative echo server, with its backlog of 1024. As there, a longer line comes in
 * pieces of 8191 bytes. Departs from it: it listens on loopback only, on port 7008 where the lecture
 * insists on a port, and a client that resets its connection does not end the server. To look up a
 * client's name, Deno asks for the permission for its address; clients come from any port. A client that
 * stays holds up all others, as in the lecture; one that is silent for five minutes is cut off.
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
    // rio_readlineb: a longer line comes in pieces; C's buffer keeps a byte for the NUL
    const line = await reader.readLine(MAXLINE - 1);
    if (line === null) return;
    await stdout.print(`server received ${line.length} bytes`);
    await writeN(conn, line);
  }
}
