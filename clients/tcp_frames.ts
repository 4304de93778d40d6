#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7013
/**
 * A client that sends messages in frames: several in one write, and one in several writes.
 *
 * Usage: clients/tcp_frames.ts [host] [port] [OPTION...]
 *   --framing length|line|json  length prefix, newline delimiter, or JSON per line (length)
 *
 * From UCM 2.4, stream boundaries are lost. With `--framing=json`, a message is a string; the
 * lecture's is an object, `{"msg": ...}`, which the server accepts too.
 *
 * ```console
 * $ servers/tcp_frames.ts 127.0.0.1 7013 --framing=json
 * ! listening on 127.0.0.1:7013
 * one write
 * of three
 * messages
 * one message of many writes
 * ^C
 * $ clients/tcp_frames.ts 127.0.0.1 7013 --framing=json
 * sent 3 messages in 1 write
 * sent 1 message in 29 writes
 * ```
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { host, main, oneOf, port } from "../cli.ts";
import { openClient, writeN } from "../mod.ts";
import { framings } from "../protocols/framings.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_frames.ts" with { type: "text" };

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(7013) },
  options: { framing: oneOf("length", "line", "json") },
}, async ({ host, port, framing }) => {
  // getaddrinfo, socket, connect
  using conn = await openClient(host, port);
  const { encode } = framings[framing];

  // send: the server may receive all three at once
  const messages = ["one write", "of three", "messages"];
  await writeN(conn, concat(messages.map(encode)));
  console.log(`sent ${messages.length} messages in 1 write`);

  // send: the server may receive any part of it
  const frame = encode("one message of many writes");
  for (const byte of frame) await writeN(conn, new Uint8Array([byte]));
  console.log(`sent 1 message in ${frame.length} writes`);
  // close, at the end of using
});
