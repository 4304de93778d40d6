/**
 * What becomes of errors that no caller can catch: those of an accept loop, of a service, of a datagram.
 *
 * @module
 */

import { strerror, withContext } from "../errors.ts";
import { stderr } from "./line_printer.ts";

/**
 * `perror(3)`: prints an error to stderr in one line, without waiting and without ever throwing.
 *
 * It is the default of every `onError`: errors are silent only where a program asks for it.
 *
 * @param error What was thrown.
 *
 * @example
 * ```ts ignore
 * import { logError, sendTo } from "@deno-sockets/samples";
 *
 * await sendTo(socket, message, from).catch(logError); // the next client is served in any case
 * ```
 */
export function logError(error: unknown): void {
  stderr.print(strerror(error));
}

/** Calls `onError` with an error. If it throws, or rejects, prints both errors instead. */
export async function report(onError: (error: Error) => unknown, error: Error): Promise<void> {
  try {
    await onError(error);
  } catch (thrown) {
    logError(error);
    logError(withContext("onError", thrown));
  }
}
