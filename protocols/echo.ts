/**
 * The echo service, which the TCP and the Unix-domain servers share.
 *
 * @module
 */

import { stdout } from "../cli.ts";
import { echo, printable, type Reader, type Writer } from "../mod.ts";

/** The maximum size of a message, in bytes. Each read returns a message. */
const MESSAGE_SIZE = 80;

/**
 * Prints each message and sends it back, until EOF.
 *
 * @param conn The connection.
 * @param peer The client's address, for the line `Connection from ADDRESS`.
 * @param label A prefix of that line. Default none.
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
 * Sends received bytes back until EOF, and prints neither messages nor errors. It reads up to 80 KiB at once.
 *
 * @param conn The connection.
 */
export async function echoQuietly(conn: Reader & Writer): Promise<void> {
  await echo(conn).catch(() => {});
}
