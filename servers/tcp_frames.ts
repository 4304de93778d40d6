#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7013
/**
 * A server of messages: a stream keeps no boundaries, so frames do.
 *
 * Usage: servers/tcp_frames.ts [host] [port] [OPTION...]
 *   --framing length|line|json  the length in front, a newline behind, or a line of JSON (length)
 *
 * From UCM 2.4, stream boundaries are lost. However the messages were sent, one by one or cut to pieces,
 * each is printed on a line of its own, with U+FFFD for control characters and for bytes that are not
 * UTF-8. As JSON, any value is a message: a string prints as its text, any other value as the JSON text
 * that was sent. A frame holds 1 MiB at most, so 64 clients are served at once, and one that sends fewer
 * than 4 bytes a second over five minutes is cut off.
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

/** How many clients are served at once: each may make the server hold a frame of 1 MiB. */
const MAX_CONNECTIONS = 64;
/** How many bytes a second a client must send, averaged over the idle timeout of five minutes. */
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
    // fork: it is not awaited, so the loop accepts the next client while this one is served
    // recv, close
    conn.serve((conn) => printMessages(conn, framings[framing]));
  }
});

/** The service: prints each message on a line of its own. */
async function printMessages(conn: Connection<Deno.NetAddr>, framing: Framing): Promise<void> {
  const reader = new BufferedReader(conn);
  for (;;) {
    const message = await framing.read(reader);
    if (message === null) return;
    await stdout.print(printable(message));
  }
}
