/**
 * Loads the C library, and calls it.
 *
 * @module
 */

import { failed } from "../errors.ts";

// The types of parameters and results. `isize` and `usize` would be BigInts; a result of -1 or a count of bytes
// fits in `i32`. A descriptor is an `i32`, a length a `u32`.
const int = "i32";
const length = "u32";
const buffer = "buffer";
const address = "u64";

/** The functions of the C library that lib/posix calls. */
const functions = {
  __errno_location: { parameters: [], result: address },
  __xpg_strerror_r: { parameters: [int, buffer, length], result: int, optional: true }, // glibc
  strerror_r: { parameters: [int, buffer, length], result: int }, // musl: POSIX's version has this name
  addressOf: { name: "memcpy", parameters: [buffer, address, length], result: address },
  saveErrno: { name: "memcpy", parameters: [buffer, address, length], result: address },

  socket: { parameters: [int, int, int], result: int },
  socketpair: { parameters: [int, int, int, buffer], result: int },
  bind: { parameters: [int, buffer, length], result: int },
  listen: { parameters: [int, int], result: int },
  accept4: { parameters: [int, buffer, buffer, int], result: int },
  connect: { parameters: [int, buffer, length], result: int },
  getsockname: { parameters: [int, buffer, buffer], result: int },
  getpeername: { parameters: [int, buffer, buffer], result: int },
  getsockopt: { parameters: [int, int, int, buffer, buffer], result: int },
  setsockopt: { parameters: [int, int, int, buffer, length], result: int },
  shutdown: { parameters: [int, int], result: int },
  close: { parameters: [int], result: int },
  sockatmark: { parameters: [int], result: int },

  recv: { parameters: [int, buffer, length, int], result: int },
  send: { parameters: [int, buffer, length, int], result: int },
  recvfrom: { parameters: [int, buffer, length, int, buffer, buffer], result: int },
  sendto: { parameters: [int, buffer, length, int, buffer, length], result: int },
  recvmsg: { parameters: [int, buffer, int], result: int },
  sendmsg: { parameters: [int, buffer, int], result: int },
  recvmmsg: { parameters: [int, buffer, length, int, buffer], result: int },
  sendmmsg: { parameters: [int, buffer, length, int], result: int },

  open: { parameters: [buffer, int, int], result: int },
  read: { parameters: [int, buffer, length], result: int },
  write: { parameters: [int, buffer, length], result: int },
  sendfile: { parameters: [int, int, buffer, length], result: int },
  fcntl: { parameters: [int, int, int], result: int },
  ioctl: { parameters: [int, length, buffer], result: int },
  getrlimit: { parameters: [int, buffer], result: int },
  setrlimit: { parameters: [int, buffer], result: int },

  select: { parameters: [int, buffer, buffer, buffer, buffer], result: int },
  poll: { parameters: [buffer, length, int], result: int },
  epoll_create1: { parameters: [int], result: int },
  epoll_ctl: { parameters: [int, int, int, buffer], result: int },
  epoll_wait: { parameters: [int, buffer, int, int], result: int },
  eventfd: { parameters: [length, int], result: int },

  // The same calls in a thread of Deno's pool, where errno cannot be read: only to wait.
  waitSelect: {
    name: "select",
    parameters: [int, buffer, buffer, buffer, buffer],
    result: int,
    nonblocking: true,
  },
  waitPoll: { name: "poll", parameters: [buffer, length, int], result: int, nonblocking: true },
  waitEpoll: {
    name: "epoll_wait",
    parameters: [int, buffer, int, int],
    result: int,
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of the C library, as Deno calls them. */
export type Libc = Deno.DynamicLibrary<typeof functions>["symbols"];

/**
 * The paths of the C library: of Debian and Ubuntu, Fedora, Arch, and Alpine. `--allow-ffi` compares paths as
 * text, so the library is opened by exactly one of them.
 */
export const libcPaths: readonly string[] = [
  `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`,
  "/lib64/libc.so.6",
  "/lib/libc.so.6",
  `/lib/libc.musl-${Deno.build.arch}.so.1`,
];

let opened: Libc | undefined;

/** The path by which the library was opened. */
let openedPath: string | undefined;

/** The address of this thread's `errno`. Each Worker has its own. */
export let errnoAddress: bigint = 0n;

/** Where `saveErrno` copies it to. */
export const errnoCell: Int32Array<ArrayBuffer> = new Int32Array(1);

/**
 * `dlopen(3)`: returns the functions of the C library, which the first call loads.
 *
 * @throws {Deno.errors.NotCapable} If no path of the library is granted.
 * @throws {Deno.errors.NotSupported} If the system is not Linux on x86-64 or arm64.
 */
export function libc(): Libc {
  return opened ??= load();
}

/**
 * Returns the permission to load the C library, which all calls of this module require.
 *
 * Use it with `requirePermissions` of the main module, to report all missing permissions at once.
 *
 * @returns The permission for the path by which the library was opened. Before the first call, for the path that
 * is granted; if none is, for the path on Debian and Ubuntu.
 *
 * @example
 * ```ts
 * import { requirePermissions } from "@deno-sockets/samples";
 * import { libcPermission } from "@deno-sockets/samples/posix";
 *
 * await requirePermissions(libcPermission(), { name: "read", path: "." });
 * ```
 *
 * @category Errors
 */
export function libcPermission(): Deno.FfiPermissionDescriptor & { path: string } {
  const path = openedPath ?? libcPaths.find(isGranted) ?? `${libcPaths[0]}`;
  return { name: "ffi", path };
}

function isGranted(path: string): boolean {
  return Deno.permissions.querySync({ name: "ffi", path }).state === "granted";
}

function load(): Libc {
  const { os, arch } = Deno.build;
  if (os !== "linux") {
    const cause = `the system calls require Linux on x86-64 or arm64, this is ${os} on ${arch}`;
    throw failed("dlopen", new Deno.errors.NotSupported(cause));
  }
  let cause: unknown;
  for (const path of libcPaths) {
    if (!isGranted(path)) continue;
    try {
      const { symbols } = Deno.dlopen(path, functions);
      openedPath = path;
      errnoAddress = symbols.__errno_location(); // now, because it allocates a BigInt
      return symbols;
    } catch (error) {
      cause ??= error; // another distribution's path
    }
  }
  throw failed("dlopen", cause ?? missingPermission());
}

function missingPermission(): Error {
  const [debian, fedora, arch, alpine] = libcPaths;
  return new Deno.errors.NotCapable(
    `permission not granted, requires --allow-ffi=${debian} ` +
      `(Fedora: ${fedora}, Arch: ${arch}, Alpine: ${alpine})`,
  );
}

/**
 * `errno(3)`: returns the error of the last call.
 *
 * Nothing may run between the call that failed and `saveErrno`, not even the entry of a function of JavaScript: the
 * engine may collect garbage there, and its own system calls set errno. So each caller passes the result of
 * `saveErrno`, which is called before this function is entered:
 *
 *     const sys = libc();
 *     if (sys.listen(fd, backlog) === -1) throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "listen");
 *
 * @param _saved The result of `saveErrno`.
 */
export function errno(_saved: bigint): number {
  return errnoCell[0] ?? 0;
}

/**
 * Returns the address of a buffer's first byte. It does not keep the buffer alive: hold a reference to the buffer
 * as long as C may use the address.
 */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return libc().addressOf(buffer, 0n, 0);
}
