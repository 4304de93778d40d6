/**
 * Errors that say which call failed, on what, and why, as `perror` makes C programs do.
 *
 * @module
 */

/** A permission in Deno's words. */
const REQUIRED = /Requires (\w+) access to "(.*?)"/g;

/**
 * `strerror(3)`: the cause of an error in words, in one line.
 *
 * Never throws, whatever was thrown.
 *
 * @param error What was thrown, usually one of `Deno.errors`.
 * @returns The system's own words without Deno's "(os error N)" and what follows it; for a permission
 * that was not granted, the flag that grants it, for several all the flags; for an `AggregateError`, the
 * words of its first ten errors.
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
  try {
    return `${describe(error, 0)}`.replace(/\s*\n\s*/g, " ");
  } catch {
    return "unknown error"; // an object that cannot be shown: a getter throws, or there is no prototype
  }
}

/** How many `AggregateError`s within each other are looked into. */
const DEPTH = 3;

function describe(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return String(error);
  const message = String(error.message);
  if (ours.has(error)) return message;
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

/** The errors made here: their messages are shown as they are, for an address may look like Deno's words. */
const ours = new WeakSet<Error>();

/** An error of a socket call, its parts under the names that Node gives them. */
export interface SocketError extends Error {
  /** The call, as the C programmer knows it: `connect`. */
  syscall: string;
  /** The address that the call was given, or the peer's. */
  address?: string;
  /** The error's name in C, where the cause has one: `ECONNREFUSED`. */
  code?: string;
}

/** The classes that {@linkcode failed} constructs: their constructors take a message and options. */
const classes = new Set<unknown>([
  ...Object.values(Deno.errors),
  RangeError,
  SyntaxError,
  TypeError,
]);

/**
 * `perror(3)`, as an error to throw: names the call, its address and the cause.
 *
 * @param syscall The call, as the C programmer knows it: `connect`.
 * @param error What it threw.
 * @param address The address that it was given, or the peer's.
 * @returns An error whose message is `call address: cause`, in {@linkcode strerror}'s words, and whose
 * `cause` is the original. It is of the original's class, so that `instanceof` still tells what
 * happened, if that is one of `Deno.errors` or a `RangeError`, `SyntaxError` or `TypeError`; otherwise
 * it is a plain `Error`.
 *
 * Source: perror(3); Stallings lecture, `error()`.
 *
 * @example
 * ```ts
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 * import { failed } from "@deno-sockets/samples";
 *
 * const refused = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
 * const error = failed("connect", refused, "127.0.0.1:7007");
 * assertInstanceOf(error, Deno.errors.ConnectionRefused);
 * assertEquals(error.message, "connect 127.0.0.1:7007: Connection refused");
 * assertEquals(error.syscall, "connect");
 * ```
 */
export function failed(syscall: string, error: unknown, address?: string): SocketError {
  const call = address === undefined ? syscall : `${syscall} ${address}`;
  const failure = withContext(call, error);
  return Object.assign(failure, { syscall }, address === undefined ? {} : { address });
}

/**
 * Puts the context of an error in front of its message: who it concerns, or what was being done.
 *
 * @param context The context: a client's address, for instance.
 * @param error What was thrown.
 * @returns An error as {@linkcode failed} returns, with the original's `code` if it has one.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { withContext } from "@deno-sockets/samples";
 *
 * const error = withContext("127.0.0.1:50000", new RangeError("the frame is too long"));
 * assertEquals(error.message, "127.0.0.1:50000: the frame is too long");
 * ```
 */
export function withContext(context: string, error: unknown): Error {
  const message = `${context}: ${strerror(error)}`;
  const code = codeOf(error);
  const failure = new (classOf(error))(message, { cause: error });
  ours.add(failure);
  return code === undefined ? failure : Object.assign(failure, { code });
}

function classOf(error: unknown): ErrorConstructor {
  try {
    const constructor = (error as Error).constructor;
    // Only these are known to be constructed as Error is.
    if (error instanceof Error && classes.has(constructor)) return constructor as ErrorConstructor;
  } catch {
    // A getter threw.
  }
  return Error;
}

/**
 * C's `errno` of an error, by its name.
 *
 * @param error What was thrown.
 * @returns The name, such as `EMFILE`; `undefined` if the error has none.
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
