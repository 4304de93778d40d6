/**
 * The values that lib/posix takes from C's headers, as expressions of C.
 *
 * @module
 */

import { numbers } from "../../lib/posix/_errno_names.ts";
import { layout } from "../../lib/posix/_layout.ts";
import * as constants from "../../lib/posix/constants.ts";
import { EAGAIN, EINPROGRESS } from "../../lib/posix/errno.ts";
import { FD_SETSIZE } from "../../lib/posix/poll.ts";

/** The headers in which the expressions are valid. */
export const includes = [
  "errno.h",
  "fcntl.h",
  "poll.h",
  "stddef.h",
  "stdio.h",
  "string.h",
  "time.h",
  "netinet/in.h",
  "netinet/tcp.h",
  "sys/epoll.h",
  "sys/ioctl.h",
  "sys/resource.h",
  "sys/select.h",
  "sys/socket.h",
  "sys/time.h",
  "sys/un.h",
  "linux/errqueue.h",
].map((name) => `#include <${name}>\n`).join("");

/** The values of lib/posix, by their expressions in C: `sizeof(struct iovec)`, `SO_ERROR`. */
export const cValues: Readonly<Record<string, number>> = Object.fromEntries([
  ...Object.entries(layout).flatMap(([name, { size, ...members }]) => {
    const type = name === "fd_set" ? name : `struct ${name}`;
    const offsets = Object.entries<number>(members).map(([member, offset]) => {
      return [`offsetof(${type}, ${member})`, offset];
    });
    // Later kernels append members to tcp_info.
    return name === "tcp_info" ? offsets : [[`sizeof(${type})`, size], ...offsets];
  }),
  ...Object.entries({ ...constants, EAGAIN, EINPROGRESS, FD_SETSIZE }),
  ...Object.entries(numbers),
]);
