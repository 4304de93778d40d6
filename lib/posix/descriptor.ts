/**
 * File descriptors.
 *
 * @module
 */

import { errnoError } from "./errno.ts";
import { errno, errnoAddress, errnoCell, libc } from "./libc.ts";

/**
 * A file descriptor, which `using` closes.
 *
 * A call on a closed descriptor fails with `EBADF`, even if another file has its number now. The sockets that this
 * module opens are non-blocking, and all descriptors are closed at `execve(2)`, so that no child process inherits
 * them.
 *
 * Source: close(2).
 *
 * @example
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { AF_INET, listen, SOCK_STREAM, socket } from "@deno-sockets/samples/posix";
 *
 * const descriptor = socket(AF_INET, SOCK_STREAM);
 * descriptor.close();
 * assertThrows(() => listen(descriptor, 5), Deno.errors.BadResource);
 * ```
 *
 * @category Descriptors
 */
export class Descriptor implements Disposable {
  #fd: number;
  /** Called before the descriptor is closed: its poller's `remove`. */
  #onClose: ((descriptor: Descriptor) => void) | undefined;

  /**
   * Takes ownership of a descriptor.
   *
   * @param fd The number of the descriptor, such as one that another program passed.
   */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * The number of the descriptor.
   *
   * @returns The number; -1 after `close`, for which every call fails with `EBADF`.
   */
  get fd(): number {
    return this.#fd;
  }

  /** @internal */
  setOnClose(onClose: ((descriptor: Descriptor) => void) | undefined): void {
    this.#onClose = onClose;
  }

  /**
   * Gives up ownership: marks the descriptor as closed without closing it.
   *
   * @returns The number, which the caller must close.
   */
  release(): number {
    this.#onClose?.(this);
    const fd = this.#fd;
    this.#fd = -1;
    return fd;
  }

  /**
   * `close(2)`: closes the descriptor. A second call does nothing.
   *
   * @throws {PosixError} If an earlier write to a file failed. The descriptor is closed nevertheless.
   */
  close(): void {
    if (this.#fd === -1) return;
    const fd = this.release();
    const sys = libc();
    if (sys.close(fd) === -1) {
      throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "close");
    }
  }

  /** Closes the descriptor at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}
