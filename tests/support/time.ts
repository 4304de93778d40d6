/**
 * Time: a stopwatch, and waits for a condition.
 *
 * @module
 */

/** Starts to take the time; returns what tells how much has passed, in ms. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => performance.now() - start;
}
