/**
 * Errors that say which call failed, on what, and why, as `perror` makes C programs do.
 *
 * @module
 */

/**
 * `strerror(3)`: the cause of an error in words, in one line.
 *
 * @param error What was thrown, as a rule one of `Deno.errors`.
 * @returns The system's own words without Deno's "(os error N)" and what it adds behind it; for a
 * permission that was not granted, the flag that would grant it.
 *
 * Source: strerror(3).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { strerror } from "@deno-sockets/samples";
 *
 * const error = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
 * assertEquals(strerror(error), "Connection refused");
 * ```
 */
export function strerror(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Deno.errors.NotCapable) {
    const [, kind, scope] = /^Requires (\w+) access to "(.*?)"/.exec(error.message) ?? [];
    if (kind !== undefined) return `permission not granted, it takes --allow-${kind}=${scope}`;
  }
  return error.message.replace(/ \(os error \d+\).*$/, "") || error.name;
}

/**
 * `perror(3)`, but made to be thrown: the same error with the failed call in front of its cause.
 *
 * @param call The call as the C programmer knows it and the value it was given, for example
 * `connect 127.0.0.1:7007`.
 * @param error What was thrown.
 * @returns An error of the same class, so that `instanceof` still tells what happened, whose
 * message is the call, a colon and {@linkcode strerror}'s words; the original is its `cause`.
 *
 * Source: perror(3); Stallings lecture, `error()`.
 *
 * @example
 * ```ts
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 * import { failed } from "@deno-sockets/samples";
 *
 * const refused = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
 * const error = failed("connect 127.0.0.1:7007", refused);
 * assertInstanceOf(error, Deno.errors.ConnectionRefused);
 * assertEquals(error.message, "connect 127.0.0.1:7007: Connection refused");
 * ```
 */
export function failed(call: string, error: unknown): Error {
  // Every class of Deno.errors is constructed as Error is.
  const sameClass = error instanceof Error ? error.constructor as ErrorConstructor : Error;
  return new sameClass(`${call}: ${strerror(error)}`, { cause: error });
}

/**
 * Whether a call failed because its socket was closed while it waited, or before.
 *
 * @param error What was thrown.
 * @returns True for `EBADF`, as Deno has it: a `BadResource` or an `Interrupted`.
 *
 * Source: close(2).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { isClosed } from "@deno-sockets/samples";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const accepting = listener.accept().catch((error) => isClosed(error));
 * listener.close();
 * assertEquals(await accepting, true);
 * ```
 */
export function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
