#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7014
/**
 * A server that counts lines, words and bytes, and replies at the end of the stream.
 *
 * Usage: servers/tcp_count.ts [host] [port]
 *
 * From Stallings, shutdown. The client shuts down only its sending side, so it can still receive
 * the reply. The counts are separated by one space. A word is a sequence of bytes that are not
 * white space, as in POSIX; some versions of wc count only words with a printable character. The
 * server aborts the connection of a client that sends fewer than 4 bytes per second, averaged over
 * five minutes.
 *
 * ```console
 * $ servers/tcp_count.ts 127.0.0.1 7014
 * ! listening on 127.0.0.1:7014
 * ^C
 * $ clients/tcp_count.ts 127.0.0.1 7014
 * > to be or not to be
 * > that is the question
 * 2 10 40
 * ```
 *
 * @module
 */

import { host, logListening, main, port } from "../cli.ts";
import {
  accept,
  type Connection,
  copy,
  openListener,
  terminationSignal,
  writeText,
} from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_count.ts" with { type: "text" };

/** The minimum rate of a client, in bytes per second, averaged over the idle timeout. */
const MIN_RATE = 4;

const NEWLINE = 0x0a;
const SPACES = [0x20, 0x09, NEWLINE, 0x0b, 0x0c, 0x0d];

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7014) },
}, async ({ host, port }) => {
  // getaddrinfo, socket, bind, listen
  using listener = await openListener(port, { hostname: host });
  const signal = terminationSignal();
  logListening(listener.addr);

  // accept
  const clients = accept(listener, { signal, minRate: MIN_RATE });
  for await (const conn of clients) {
    // fork: serve() is not awaited, so the loop accepts the next client immediately
    // read, write, close
    conn.serve(sendCounts);
  }
});

/** The service: counts like wc(1), and replies at the end of the stream. */
async function sendCounts(conn: Connection<Deno.NetAddr>): Promise<void> {
  let lines = 0, words = 0, inWord = false;
  const counter = {
    write(p: Uint8Array): Promise<number> {
      for (const byte of p) {
        const isSpace = SPACES.includes(byte);
        if (byte === NEWLINE) lines++;
        if (!isSpace && !inWord) words++;
        inWord = !isSpace;
      }
      return Promise.resolve(p.length);
    },
  };
  const bytes = await copy(conn, counter);
  await writeText(conn, `${lines} ${words} ${bytes}\n`);
}
