/**
 * The error functions of Donahoo and Calvert's programs, which print a message and exit.
 *
 * @module
 */

import { strerror } from "../errors.ts";
import { printable } from "../printable.ts";

/**
 * `DieWithUserMessage`: prints a user error on stderr and exits with 1.
 *
 * Source: Stallings lecture, after Donahoo and Calvert.
 *
 * @param message The error, usually the call that failed: `inet_pton() failed`.
 * @param detail The cause.
 *
 * @example
 * ```ts ignore
 * import { dieWithUserMessage } from "@deno-sockets/samples/cli";
 * import { inetPton } from "@deno-sockets/samples";
 *
 * if (inetPton(4, "127.0.0.256") === null) {
 *   dieWithUserMessage("inet_pton() failed", "invalid address string");
 * }
 * ```
 *
 * @category Program
 */
export function dieWithUserMessage(message: string, detail: string): never {
  console.error(printable(`${message}: ${detail}`));
  Deno.exit(1);
}

/**
 * `DieWithSystemMessage`: prints a system error on stderr, as perror(3) does, and exits with 1.
 *
 * Source: Stallings lecture, after Donahoo and Calvert.
 *
 * @param message The call: `connect() failed`.
 * @param error The error that the call threw; in C, `errno`.
 *
 * @example
 * ```ts ignore
 * import { dieWithSystemMessage } from "@deno-sockets/samples/cli";
 *
 * try {
 *   await Deno.connect({ hostname: "127.0.0.1", port: 7 });
 * } catch (error) {
 *   dieWithSystemMessage("connect() failed", error);
 * }
 * ```
 *
 * @category Program
 */
export function dieWithSystemMessage(message: string, error: unknown): never {
  console.error(printable(`${message}: ${strerror(error)}`));
  Deno.exit(1);
}
