/**
 * The limits of a process's resources.
 *
 * @module
 */

import { layout } from "./_layout.ts";
import { errnoError } from "./errno.ts";
import { errno, errnoAddress, errnoCell, libc } from "./libc.ts";

// struct rlimit as a vector of rlim_t.
const { rlimit } = layout;
const CURRENT = rlimit.rlim_cur / 8;

/** `RLIM_INFINITY`. */
const INFINITY = 2n ** 64n - 1n;

/**
 * `getrlimit(2)`: returns the soft limit of a resource, which the system enforces.
 *
 * Source: getrlimit(2). See {@linkcode setrlimit} for an example.
 *
 * @param resource The resource, such as `RLIMIT_NOFILE`.
 * @returns The limit; `Infinity` for none.
 * @throws {PosixError} `EINVAL` for an unknown resource.
 *
 * @category Descriptors
 */
export function getrlimit(resource: number): number {
  const current = read(resource)[CURRENT];
  return current === undefined || current === INFINITY ? Infinity : Number(current);
}

/**
 * `setrlimit(2)`: sets the soft limit of a resource for this process, and for the child processes that it starts.
 *
 * The hard limit, up to which the soft limit may be raised again, does not change. When Deno starts, it raises the
 * soft limit of descriptors to the hard limit.
 *
 * Source: setrlimit(2).
 *
 * @param resource The resource, such as `RLIMIT_NOFILE`.
 * @param limit The limit; `Infinity` for none.
 * @throws {PosixError} `EINVAL` if the limit is above the hard limit, or for an unknown resource.
 * @throws {RangeError} If the limit is not an integer of at least 0.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { getrlimit, RLIMIT_NOFILE, setrlimit } from "@deno-sockets/samples/posix";
 *
 * const limit = getrlimit(RLIMIT_NOFILE);
 * setrlimit(RLIMIT_NOFILE, 256); // a call that needs a descriptor of 256 or more fails with EMFILE
 * assertEquals(getrlimit(RLIMIT_NOFILE), 256);
 * setrlimit(RLIMIT_NOFILE, limit);
 * ```
 *
 * @category Descriptors
 */
export function setrlimit(resource: number, limit: number): void {
  if (!(limit === Infinity || Number.isSafeInteger(limit) && limit >= 0)) {
    throw new RangeError(`setrlimit: ${limit} is not an integer of at least 0`);
  }
  const limits = read(resource);
  limits[CURRENT] = limit === Infinity ? INFINITY : BigInt(limit);
  const sys = libc();
  if (sys.setrlimit(resource, limits) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "setrlimit");
  }
}

function read(resource: number): BigUint64Array<ArrayBuffer> {
  const limits = new BigUint64Array(rlimit.size / 8);
  const sys = libc();
  if (sys.getrlimit(resource, limits) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "getrlimit");
  }
  return limits;
}
