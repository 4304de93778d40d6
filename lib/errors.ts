/**
 * Errors that name the call that failed, its address and the cause, as `perror` does in C.
 *
 * @module
 */

/** Matches a missing permission in Deno's error messages. */
const REQUIRED = /Requires (\w+) access to "(.*?)"/g;

/**
 * `strerror(3)`: formats an error as one line of text. Never throws.
 *
 * Source: strerror(3).
 *
 * @param error The value that was thrown, usually one of `Deno.errors`.
 * @returns The system's message, without Deno's suffix "(os error N)"; for permissions that were not granted,
 * the flags that grant them; for an `AggregateError`, the messages of its first ten errors.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { strerror } from "@deno-sockets/samples";
 *
 * const error = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
 * assertEquals(strerror(error), "Connection refused");
 * ```
 *
 * @category Errors and text
 */
export function strerror(error: unknown): string {
  try {
    return `${describe(error, 0)}`.replace(/\s*\n\s*/g, " ");
  } catch {
    return "unknown error"; // a getter throws, or there is no prototype
  }
}

/** The maximum depth of nested `AggregateError`s. */
const DEPTH = 3;

function describe(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return String(error);
  const message = String(error.message);
  if (formatted.has(error)) return message;
  if (error instanceof Deno.errors.NotCapable) {
    const scopes = new Map<string, string[]>();
    for (const [, kind = "", scope = ""] of message.matchAll(REQUIRED)) {
      scopes.set(kind, [...scopes.get(kind) ?? [], scope]);
    }
    const flags = Array.from(scopes, ([kind, scopes]) => `--allow-${kind}=${scopes}`);
    if (flags.length > 0) return `permission not granted, requires ${flags.join(" ")}`;
  }
  if (error instanceof AggregateError && message === "" && depth < DEPTH) {
    const causes = error.errors.slice(0, 10).map((cause) => describe(cause, depth + 1));
    return causes.join("; ") || error.name;
  }
  return message.replace(/ \(os error \d+\).*$/s, "") || error.name;
}

/** The errors that {@linkcode withContext} created. Their messages are not formatted again. */
const formatted = new WeakSet<Error>();

/**
 * An error of a socket call. Its properties have Node's names.
 *
 * @category Errors and text
 */
export interface SocketError extends Error {
  /** The call, by its name in C: `connect`. */
  syscall: string;
  /** The address that the call was given, or the peer's address. */
  address?: string;
  /** The error's name in C, if it has one: `ECONNREFUSED`. */
  code?: string;
}

/** The classes that {@linkcode withContext} may construct: their constructors take a message and options. */
const classes = new Set<unknown>([
  ...Object.values(Deno.errors),
  RangeError,
  SyntaxError,
  TypeError,
]);

/**
 * `perror(3)`: returns an error that names the call, its address and the cause.
 *
 * Source: perror(3); Stallings lecture, `error()`.
 *
 * @param syscall The call, by its name in C: `connect`.
 * @param error The value that the call threw.
 * @param address The address that the call was given, or the peer's address.
 * @returns An error with the message `call address: cause`, formatted by {@linkcode strerror}, and the original
 * as its `cause`. It has the original's class if that is one of `Deno.errors`, a `RangeError`, `SyntaxError`
 * or `TypeError`, so that `instanceof` still works; otherwise it is a plain `Error`.
 */
export function failed(syscall: string, error: unknown, address?: string): SocketError {
  const call = address === undefined ? syscall : `${syscall} ${address}`;
  const failure = withContext(call, error);
  return Object.assign(failure, { syscall }, address === undefined ? {} : { address });
}

/**
 * Prefixes the message of an error with its context: the call, or the address of the client.
 *
 * @param context The context.
 * @param error The value that was thrown.
 * @returns An error with the message `context: cause`, and the original as its `cause`. It has the
 * original's `code`, and its class if that is one of `Deno.errors`, a `RangeError`, `SyntaxError` or
 * `TypeError`; otherwise it is a plain `Error`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { withContext } from "@deno-sockets/samples";
 *
 * const error = withContext("127.0.0.1:50000", new RangeError("the frame is too long"));
 * assertEquals(error.message, "127.0.0.1:50000: the frame is too long");
 * ```
 *
 * @category Errors and text
 */
export function withContext(context: string, error: unknown): Error {
  const message = `${context}: ${strerror(error)}`;
  const code = codeOf(error);
  const failure = new (classOf(error))(message, { cause: error });
  formatted.add(failure);
  return code === undefined ? failure : Object.assign(failure, { code });
}

/**
 * Prefixes the message of an error with the peer's address, unless the error already contains it.
 *
 * @param peer The peer's address as text.
 * @param error The value that was thrown.
 * @returns The error itself if it is of a call with this address, otherwise as {@linkcode withContext}.
 */
export function withPeer(peer: string, error: unknown): Error {
  const isNamed = error instanceof Error && "address" in error && error.address === peer;
  return isNamed ? error : withContext(peer, error);
}

function classOf(error: unknown): ErrorConstructor {
  try {
    const constructor = (error as Error).constructor;
    // Other constructors may take other arguments.
    if (error instanceof Error && classes.has(constructor)) return constructor as ErrorConstructor;
  } catch {
    // A getter threw.
  }
  return Error;
}

/**
 * Returns the name of an error's `errno` in C.
 *
 * @param error The value that was thrown.
 * @returns The name, such as `EMFILE`, or `undefined`.
 */
export function codeOf(error: unknown): string | undefined {
  try {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return typeof code === "string" ? code : undefined;
  } catch {
    return undefined; // a getter threw
  }
}

/**
 * `EBADF`: reports whether a call failed because its socket was closed, before or during the call.
 *
 * Source: close(2).
 *
 * @param error The value that was thrown.
 * @returns True for `Deno.errors.BadResource` and `Deno.errors.Interrupted`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { isClosedError, openListener } from "@deno-sockets/samples";
 *
 * const listener = await openListener(0);
 * const accepting = listener.accept().catch((error) => isClosedError(error));
 * listener.close();
 * assertEquals(await accepting, true);
 * ```
 *
 * @category Errors and text
 */
export function isClosedError(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
