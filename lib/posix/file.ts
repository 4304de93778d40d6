/**
 * Calls on descriptors of any kind, and files to send.
 *
 * @module
 */

import { O_CLOEXEC } from "./constants.ts";
import { Descriptor } from "./descriptor.ts";
import { errnoError } from "./errno.ts";
import { errno, errnoAddress, errnoCell, libc } from "./libc.ts";
import { wouldBlock } from "./transfer.ts";

/**
 * `fcntl(2)`: gets or sets a property of a descriptor.
 *
 * Source: UCM lecture, `O_NONBLOCK` and `F_SETOWN`; fcntl(2).
 *
 * @param descriptor The descriptor.
 * @param command The command, such as `F_GETFL` or `F_SETOWN`.
 * @param value The argument of the command. Default 0.
 * @returns The result of the command: the flags of `F_GETFL`, the process of `F_GETOWN`.
 * @throws {PosixError} `EBADF`, or `EINVAL` for an unknown command.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { AF_INET, F_GETFL, F_SETFL, fcntl, O_NONBLOCK, SOCK_STREAM, socket } from "@deno-sockets/samples/posix";
 *
 * using descriptor = socket(AF_INET, SOCK_STREAM);
 * const flags = fcntl(descriptor, F_GETFL);
 * assertEquals(flags & O_NONBLOCK, O_NONBLOCK);
 * fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK); // blocking
 * ```
 *
 * @category Descriptors
 */
export function fcntl(descriptor: Descriptor, command: number, value?: number): number {
  const sys = libc();
  const result = sys.fcntl(descriptor.fd, command, value ?? 0);
  if (result === -1) throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "fcntl");
  return result;
}

/** The maximum size of a value of ioctl(2), in bytes: a request may store a structure. */
const MAX_VALUE = 1 << 14;

const ioctlValue = new Int32Array(MAX_VALUE / 4);

/** The maximum number of bytes that Linux transfers in one call. */
const MAX_TRANSFER = 0x7ffff000;

/**
 * `ioctl(2)`: returns a property of a descriptor that is an `int`.
 *
 * Source: ioctl(2).
 *
 * @param descriptor The descriptor.
 * @param request The request, such as `FIONREAD`.
 * @returns The value.
 * @throws {PosixError} `ENOTTY` if the descriptor has no such property.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FIONREAD, ioctl, send, SOCK_STREAM, socketpair } from "@deno-sockets/samples/posix";
 *
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * send(left, new Uint8Array(5));
 * assertEquals(ioctl(right, FIONREAD), 5);
 * ```
 *
 * @category Descriptors
 */
export function ioctl(descriptor: Descriptor, request: number): number {
  ioctlValue[0] = 0;
  const sys = libc();
  if (sys.ioctl(descriptor.fd, request, ioctlValue) === -1) {
    throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "ioctl");
  }
  return ioctlValue[0];
}

/**
 * `open(2)`: opens a file, close-on-exec.
 *
 * Source: open(2). See {@linkcode sendfile} for an example.
 *
 * @param path The path of the file, which is encoded in UTF-8: a file with another name cannot be opened.
 * @param flags `O_RDONLY`, `O_WRONLY` or `O_RDWR`, and others such as `O_CREAT`.
 * @param mode The mode bits of a new file. Default 0o666, less the umask.
 * @returns The descriptor.
 * @throws {PosixError} `ENOENT`, `EACCES`, `EISDIR`, and others.
 * @throws {TypeError} If the path contains a NUL.
 *
 * @category Descriptors
 */
export function open(path: string, flags: number, mode?: number): Descriptor {
  if (path.includes("\0")) throw new TypeError("open: the path contains a NUL");
  const sys = libc();
  const fd = sys.open(new TextEncoder().encode(`${path}\0`), flags | O_CLOEXEC, mode ?? 0o666);
  if (fd === -1) throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "open", path);
  return new Descriptor(fd);
}

/**
 * `read(2)`: reads bytes from a descriptor.
 *
 * Source: CS:APP lecture; read(2). See {@linkcode sendfile} for an example.
 *
 * @param descriptor The descriptor.
 * @param buffer The buffer to fill.
 * @returns The number of bytes; 0 at EOF; `-EAGAIN` if nothing has arrived.
 * @throws {PosixError} `EISDIR` for a folder; for a socket, the errors of {@linkcode recv}.
 *
 * @category Transfers
 */
export function read(descriptor: Descriptor, buffer: Uint8Array<ArrayBuffer>): number {
  const sys = libc();
  const size = sys.read(descriptor.fd, buffer, buffer.length);
  return size === -1 ? wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "read") : size;
}

/**
 * `write(2)`: writes bytes to a descriptor.
 *
 * Source: CS:APP lecture; write(2). See {@linkcode sendfile} for an example.
 *
 * @param descriptor The descriptor.
 * @param bytes The bytes.
 * @returns The number of bytes written, which may be less than all; `-EAGAIN` if there is no room.
 * @throws {PosixError} `ENOSPC` on a full disk; for a socket, the errors of {@linkcode send}.
 *
 * @category Transfers
 */
export function write(descriptor: Descriptor, bytes: Uint8Array<ArrayBuffer>): number {
  const sys = libc();
  const size = sys.write(descriptor.fd, bytes, bytes.length);
  return size === -1 ? wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "write") : size;
}

/**
 * `sendfile(2)`: sends bytes of a file to a socket without copying them through this program.
 *
 * Source: sendfile(2).
 *
 * @param socket The connected socket.
 * @param file The file, which is read from its current offset.
 * @param count The maximum number of bytes.
 * @returns The number of bytes sent, which may be less than `count`; 0 at the end of the file; `-EAGAIN` if the
 * socket has no room.
 * @throws {PosixError} `EPIPE` or `ECONNRESET` if the connection has ended; `EINVAL` if `file` cannot be
 * sent, such as a socket.
 * @throws {RangeError} If `count` is negative or not a number.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { O_RDONLY, open, read, sendfile, SOCK_STREAM, socketpair, write } from "@deno-sockets/samples/posix";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeTextFile(path, "hello");
 * using file = open(path, O_RDONLY);
 * await Deno.remove(path);
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * assertEquals(sendfile(left, file, 80), 5);
 * assertEquals(write(left, new Uint8Array(3)), 3);
 * assertEquals(read(right, new Uint8Array(80)), 8);
 * ```
 *
 * @category Transfers
 */
export function sendfile(socket: Descriptor, file: Descriptor, count: number): number {
  if (!(count >= 0)) throw new RangeError(`sendfile: ${count} is not a number of bytes`);
  const sys = libc();
  const size = sys.sendfile(socket.fd, file.fd, null, Math.min(count, MAX_TRANSFER));
  return size === -1 ? wouldBlock(sys.saveErrno(errnoCell, errnoAddress, 4), "sendfile") : size;
}
