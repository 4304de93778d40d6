/**
 * The errors of system calls.
 *
 * @module
 */

import { failed, type SocketError } from "../errors.ts";
import { numbers } from "./_errno_names.ts";
import { libc } from "./libc.ts";

/**
 * The call would block. Calls return it as the value `-EAGAIN`.
 *
 * @category Errors
 */
export const EAGAIN = 11;

/**
 * The connection is being established. {@linkcode connect} returns it as the value `-EINPROGRESS`.
 *
 * @category Errors
 */
export const EINPROGRESS = 115;

/**
 * An error of a system call.
 *
 * @category Errors
 */
export interface PosixError extends SocketError {
  /** The error's number, errno(3). */
  errno: number;
  /** The error's name: `EADDRINUSE`. */
  code: string;
}

/** The errors for which Deno has a class. */
const classes: Record<string, new (message: string) => Error> = {
  EACCES: Deno.errors.PermissionDenied,
  EADDRINUSE: Deno.errors.AddrInUse,
  EADDRNOTAVAIL: Deno.errors.AddrNotAvailable,
  EBADF: Deno.errors.BadResource,
  ECONNABORTED: Deno.errors.ConnectionAborted,
  ECONNREFUSED: Deno.errors.ConnectionRefused,
  ECONNRESET: Deno.errors.ConnectionReset,
  EEXIST: Deno.errors.AlreadyExists,
  EINTR: Deno.errors.Interrupted,
  EISDIR: Deno.errors.IsADirectory,
  ENETUNREACH: Deno.errors.NetworkUnreachable,
  ENOENT: Deno.errors.NotFound,
  ENOTCONN: Deno.errors.NotConnected,
  ENOTDIR: Deno.errors.NotADirectory,
  EPERM: Deno.errors.PermissionDenied,
  EPIPE: Deno.errors.BrokenPipe,
  ETIMEDOUT: Deno.errors.TimedOut,
};

const names = new Map<number, string>(
  Object.entries(numbers).map(([name, number]) => [number, name]),
);

/** The errors that {@linkcode errnoError} returned. Node's errors have the same properties. */
const made = new WeakSet<Error>();

/**
 * `perror(3)`: returns the error of a system call, with the system's text.
 *
 * The functions of this module throw such errors. Use it for an error that is returned as a number, such
 * as the option `SO_ERROR`.
 *
 * Source: perror(3), errno(3), strerror(3).
 *
 * @param errno The error's number.
 * @param syscall The call, by its name in C: `connect`.
 * @param address The address that was passed to the call. Default none.
 * @returns The error, `call address: cause`. If Deno has a class for it, such as
 * `Deno.errors.ConnectionRefused`, it has that class; otherwise it is a plain `Error`.
 *
 * @example
 * ```ts
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 * import { errnoError } from "@deno-sockets/samples/posix";
 *
 * const error = errnoError(111, "connect", "127.0.0.1:7007");
 * assertInstanceOf(error, Deno.errors.ConnectionRefused);
 * assertEquals(error.message, "connect 127.0.0.1:7007: Connection refused");
 * assertEquals(error.code, "ECONNREFUSED");
 * ```
 *
 * @category Errors
 */
export function errnoError(errno: number, syscall: string, address?: string): PosixError {
  const code = names.get(errno) ?? `E${errno}`;
  const cause = new (classes[code] ?? Error)(describe(errno));
  const error = failed(syscall, Object.assign(cause, { code }), address);
  made.add(error);
  return Object.assign(error, { errno, code });
}

/** Reports whether {@linkcode errnoError} returned an error. */
export function isPosixError(error: unknown): error is PosixError {
  return error instanceof Error && made.has(error);
}

/** Returns the cause of a {@linkcode PosixError}, for a caller that adds the call's name; other values unchanged. */
export function withoutCall(error: unknown): unknown {
  return isPosixError(error) ? error.cause : error;
}

/** `strerror_r(3)`: returns the system's text for an error. */
function describe(errno: number): string {
  const text = new Uint8Array(128);
  const { __xpg_strerror_r, strerror_r } = libc();
  (__xpg_strerror_r ?? strerror_r)(errno, text, text.length);
  return new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
}
