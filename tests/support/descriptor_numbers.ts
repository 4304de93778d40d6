/**
 * The numbers of descriptors.
 *
 * @module
 */

import { Descriptor, fcntl } from "../../posix.ts";

/** fcntl(2): a copy with the lowest free number that is not below the argument. */
const F_DUPFD_CLOEXEC = 1030;

/**
 * Moves a descriptor to the lowest free number that is not below `min`. The system gives each new descriptor the
 * lowest free number, and the test files that run in parallel are threads of one process: a test that depends on a
 * number uses one that no other test gets.
 */
export function moveDescriptor(descriptor: Descriptor, min: number): Descriptor {
  const fd = fcntl(descriptor, F_DUPFD_CLOEXEC, min);
  descriptor.close();
  return new Descriptor(fd);
}
