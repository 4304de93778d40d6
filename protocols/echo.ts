/**
 * The echo service of the TCP and Unix-domain servers, apart from how they accept connections.
 *
 * @module
 */

import { stdout } from "../cli.ts";
import { echo, printable, type Reader, type Writer } from "../mod.ts";

/** The longest piece that is received, printed and sent back at once, in bytes. */
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
 * Sends each message back, and prints neither messages nor errors. Without lines to print, pieces may be
 * large.
 *
 * @param conn The connection.
 */
export async function echoQuietly(conn: Reader & Writer): Promise<void> {
  await echo(conn).catch(() => {});
}
