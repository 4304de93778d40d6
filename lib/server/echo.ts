/**
 * The echo service, apart from the way in which its connections are accepted.
 *
 * @module
 */

import { type Reader, writeN, type Writer } from "../io/read_write.ts";

/** What a connection reads into while little comes: most are idle, and this is their memory. */
const SMALL = 1024;

/** What it reads into while much comes: a little more than the 64 KiB that many programs send at once. */
const LARGE = 80 * 1024;

/** After so many reads in a row that the small one would have been enough for, little comes. */
const SMALL_READS = 16;

/**
 * `str_echo`: sends back what it receives until the peer shuts down its side.
 *
 * It reads on only when all that it read has been sent, so a peer that does not receive stops it
 * from reading, and its memory is one buffer: a small one, as long as the peer sends little.
 *
 * @param conn A connected stream.
 * @param size The most bytes to receive at once.
 * @param onMessage Called with each piece, and awaited, before it is sent back. The piece is part of the
 * buffer: the next one overwrites it.
 * @throws What the connection's `read` and `write` throw.
 *
 * Source: UNP, `str_echo`; UCM lecture, TCP server.
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
  size: number = LARGE,
  onMessage?: (message: Uint8Array) => unknown,
): Promise<void> {
  const small = new Uint8Array(Math.min(size, SMALL));
  let buffer = small;
  let smallReads = 0;
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return;
    const message = buffer.subarray(0, count);
    if (onMessage !== undefined) await onMessage(message);
    const sent = await conn.write(message); // as a rule all of it, and writeN would be a promise more
    if (sent < count) await writeN(conn, message.subarray(sent));

    smallReads = count < SMALL ? smallReads + 1 : 0;
    if (smallReads === SMALL_READS) buffer = small;
    else if (count === SMALL && buffer === small && size > SMALL) buffer = new Uint8Array(size);
  }
}
