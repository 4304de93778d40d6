#!/usr/bin/env -S deno run --allow-net=127.0.0.1:5678
/**
 * A client that sends one request and prints the response as bytes, because it need not be text.
 *
 * Usage: clients/tcp_request.ts [host] [port]
 *
 * From CS:APP, the Python client. The response is printed as a Python bytes literal.
 *
 * ```console
 * $ servers/tcp_request.ts 127.0.0.1 5678
 * ! listening on 127.0.0.1:5678
 * ^C
 * $ clients/tcp_request.ts 127.0.0.1 5678
 * b'This is a message'
 * ```
 *
 * @module
 */

import { bytesLiteral, host, main, port } from "../cli.ts";
import { openClient, writeText } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_request.ts" with { type: "text" };

/** The maximum size of the response, in bytes. */
const RESPONSE_SIZE = 1024;

await main(header, {
  operands: { host: host("127.0.0.1"), port: port(5678) },
}, async ({ host, port }) => {
  // socket, connect
  using conn = await openClient(host, port);

  // sendall
  await writeText(conn, "This is a message");
  // recv: as in Python, the response is empty at the end of the stream
  const response = new Uint8Array(RESPONSE_SIZE);
  const count = await conn.read(response) ?? 0;
  console.log(bytesLiteral(response.subarray(0, count)));
  // close, at the end of using
});
