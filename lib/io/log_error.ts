/**
 * Reports errors that no caller can catch: those of an accept loop, a service or a datagram.
 *
 * @module
 */

import { strerror, withContext } from "../errors.ts";
import { stderr } from "./line_printer.ts";

/**
 * `perror(3)`: prints an error on stderr, as one line. Never blocks and never throws.
 *
 * It is the default of every `onError`.
 *
 * Source: perror(3).
 *
 * @param error The value that was thrown.
 *
 * @example
 * ```ts
 * import { logError, openDatagram, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * using socket = await openDatagram(0);
 * await sendTo(socket, new TextEncoder().encode("hello"), socket.addr);
 * const { message, from } = await recvFrom(socket, 80);
 * await sendTo(socket, message, from).catch(logError); // an unreachable peer does not stop the server
 * ```
 *
 * @category Servers
 */
export function logError(error: unknown): void {
  stderr.print(strerror(error));
}

/** Calls `onError` with an error. If `onError` throws or rejects, prints both errors. */
export async function report(onError: (error: Error) => unknown, error: Error): Promise<void> {
  try {
    await onError(error);
  } catch (thrown) {
    logError(error);
    logError(withContext("onError", thrown));
  }
}
