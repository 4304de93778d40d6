#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7014
/**
 * A server that replies when it has received everything: the count of lines, words and bytes.
 *
 * Usage: servers/tcp_count.ts [host] [port]
 *
 * From Stallings, shutdown. The client shuts down its sending side only; the connection is still open in
 * the other direction, for the reply. The counts are separated by one space. A word is a run of bytes that
 * are not white space, as POSIX defines it; some versions of wc count only words with a printable
 * character. A client that sends fewer than 4 bytes a second over five minutes is cut off.
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
import { accept, type Connection, copy, openListener, terminationSignal, writeN } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_count.ts" with { type: "text" };

/** How many bytes a second a client must send, averaged over the idle timeout of five minutes. */
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
    // fork: it is not awaited, so the loop accepts the next client while this one is served
    // read, write, close
    conn.serve(sendCounts);
  }
});

/** The service: counts as wc(1) does, and replies at the end of the stream. */
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
  await writeN(conn, new TextEncoder().encode(`${lines} ${words} ${bytes}\n`));
}
