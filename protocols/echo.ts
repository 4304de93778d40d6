/**
 * The echo service of the TCP and Unix-domain servers, apart from how they accept connections.
 *
 * @module
 */

import { stdout } from "../cli.ts";
import { echo, printable, type Reader, type Writer } from "../mod.ts";

/** The maximum size of a message, which is received, printed and sent back at once, in bytes. */
const MESSAGE_SIZE = 80;

/**
 * Prints each message and sends it back.
 *
 * @param conn The connection.
 * @param peer The client's address, for the line `Connection from ADDRESS`.
 * @param label A label in front of that line. Default none.
 */
export async function echoMessages(
  conn: Reader & Writer,
  peer: string,
  label: string = "",
): Promise<void> {
  await stdout.print(`${label}Connection from ${peer}`);
  await echo(conn, MESSAGE_SIZE, (message) => stdout.print(`\tMessage: ${printable(message)}`));
}

/**
 * Sends each message back, and prints neither messages nor errors. Because it prints nothing, it reads up to
 * 80 KiB at once.
 *
 * @param conn The connection.
 */
export async function echoQuietly(conn: Reader & Writer): Promise<void> {
  await echo(conn).catch(() => {});
}
