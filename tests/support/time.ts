/**
 * Time: a stopwatch, and waits for a condition.
 *
 * @module
 */

import { assert } from "@std/assert";

/** How long {@linkcode waitFor} waits, in ms: far more than any condition takes. */
const PATIENCE = 30_000;

/** Starts a stopwatch. The function that it returns gives the elapsed time, in ms. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => performance.now() - start;
}

/** Waits until a condition holds. If it does not in time, throws an error with this message. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  message: string,
): Promise<void> {
  const elapsed = stopwatch();
  while (!await condition()) {
    assert(elapsed() < PATIENCE, message);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
