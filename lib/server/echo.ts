/**
 * The echo service.
 *
 * @module
 */

import { type Reader, writeN, type Writer } from "../io/read_write.ts";

/** The size of the buffer while the peer sends little, in bytes. Most connections of a server are idle. */
const SMALL = 1024;

/** The size of the buffer while the peer sends much, in bytes. It holds more than a write of 64 KiB. */
const LARGE = 80 * 1024;

/** The number of small reads in a row after which the small buffer is used again. */
const SMALL_READS = 16;

/**
 * `str_echo`: sends received bytes back until EOF.
 *
 * It reads again only after all bytes read have been sent, which applies backpressure to the peer. It uses one
 * buffer, of 1 KiB while the peer sends little.
 *
 * Source: UNP, `str_echo`; UCM lecture, TCP server.
 *
 * @param conn A connected stream.
 * @param size The maximum size of a read, in bytes. Default 80 KiB.
 * @param onMessage Called with the bytes of each read, and awaited, before they are sent back. The next read
 * overwrites them. Default none.
 * @throws Any error thrown by the connection's `read` and `write`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { echo, openListener, writeText } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 * await writeText(client, "hello");
 * await client.closeWrite();
 *
 * const lengths: number[] = [];
 * await echo(conn, 3, (message) => lengths.push(message.length));
 * assertEquals(lengths, [3, 2]);
 * ```
 *
 * @category Servers
 */
export async function echo(
  conn: Reader & Writer,
  size?: number,
  onMessage?: (message: Uint8Array) => unknown,
): Promise<void> {
  size ??= LARGE;
  const small = new Uint8Array(Math.min(size, SMALL));
  let buffer = small;
  let smallReads = 0;
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return;
    const message = buffer.subarray(0, count);
    if (onMessage !== undefined) await onMessage(message);
    // One write usually sends all bytes: writeN would cost another promise.
    const sent = await conn.write(message);
    if (sent < count) await writeN(conn, message.subarray(sent));

    smallReads = count < SMALL ? smallReads + 1 : 0;
    if (smallReads === SMALL_READS) buffer = small;
    else if (count === SMALL && buffer === small && size > SMALL) buffer = new Uint8Array(size);
  }
}
