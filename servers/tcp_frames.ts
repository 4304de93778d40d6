#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7013
/**
 * A server that reads messages from a stream. A stream has no message boundaries: each message is
 * sent in a frame, which marks where it ends.
 *
 * Usage: servers/tcp_frames.ts [host] [port] [OPTION...]
 *   --framing length|line|json  length prefix, newline delimiter, or JSON per line (length)
 *
 * From UCM 2.4, stream boundaries are lost. Each message is printed on its own line, regardless of
 * the number of writes, with U+FFFD for control characters and for invalid UTF-8. With
 * `--framing=json`, any value is a message: a string is printed as its text, any other value as the
 * JSON text that was sent. A frame is at most 1 MiB; to limit memory, the server serves at most 64
 * clients at once. The server aborts the connection of a client that sends fewer than 4 bytes per
 * second, averaged over five minutes.
 *
 * ```console
 * $ servers/tcp_frames.ts 127.0.0.1 7013
 * ! listening on 127.0.0.1:7013
 * one write
 * of three
 * messages
 * one message of many writes
 * ^C
 * $ clients/tcp_frames.ts 127.0.0.1 7013
 * sent 3 messages in 1 write
 * sent 1 message in 30 writes
 * ```
 *
 * @module
 */

import { host, logListening, main, oneOf, port, stdout } from "../cli.ts";
import {
  accept,
  BufferedReader,
  type Connection,
  openListener,
  printable,
  terminationSignal,
} from "../mod.ts";
import { type Framing, framings } from "../protocols/framings.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_frames.ts" with { type: "text" };

/** The maximum number of open connections. Each may hold a frame of 1 MiB in memory. */
const MAX_CONNECTIONS = 64;
/** The minimum rate of a client, in bytes per second, averaged over the idle timeout. */
const MIN_RATE = 4;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7013) },
  options: { framing: oneOf("length", "line", "json") },
}, async ({ host, port, framing }) => {
  // getaddrinfo, socket, bind, listen
  using listener = await openListener(port, { hostname: host });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal, maxConnections: MAX_CONNECTIONS, minRate: MIN_RATE });
  for await (const conn of clients) {
    // fork: serve() is not awaited, so the loop accepts the next client immediately
    // recv, close
    conn.serve((conn) => printMessages(conn, framings[framing]));
  }
});

/** The service: prints each message on its own line. */
async function printMessages(conn: Connection<Deno.NetAddr>, framing: Framing): Promise<void> {
  const reader = new BufferedReader(conn);
  for (;;) {
    const message = await framing.read(reader);
    if (message === null) return;
    await stdout.print(printable(message));
  }
}
