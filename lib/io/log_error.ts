/**
 * Errors that no caller can catch: of an accept loop, of a service, of a datagram.
 *
 * @module
 */

import { strerror, withContext } from "../errors.ts";
import { stderr } from "./line_printer.ts";

/**
 * `perror(3)`: prints an error to stderr in one line. Never blocks and never throws.
 *
 * It is the default of every `onError`.
 *
 * @param error The value that was thrown.
 *
 * @example
 * ```ts ignore
 * import { logError, sendTo } from "@deno-sockets/samples";
 *
 * await sendTo(socket, message, from).catch(logError); // one client's error does not stop the server
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
