/**
 * What a client does with a connection.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { bytes } from "./bytes.ts";

/** Sends `text`, and asserts that it is echoed. */
export async function exchange(conn: Deno.Conn, text: string): Promise<void> {
  await writeN(conn, bytes(text));
  await receive(conn, text);
}

/** Asserts that the next bytes are `text`. */
export async function receive(conn: Deno.Conn, text: string): Promise<void> {
  const reply = new Uint8Array(bytes(text).length);
  const count = await readN(conn, reply) ?? 0;
  assertEquals(new TextDecoder().decode(reply.subarray(0, count)), text);
}

/** Reads until EOF. */
export async function readAll(conn: Deno.Conn): Promise<Uint8Array> {
  return await new Response(conn.readable).bytes();
}

/** Waits until the server has closed or reset the connection. */
export async function isCutOff(conn: Deno.Conn): Promise<void> {
  const nowhere = new Uint8Array(65536);
  try {
    while (await conn.read(nowhere) !== null);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}
