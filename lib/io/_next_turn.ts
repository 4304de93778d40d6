// Yields to the event loop.

/** How long a loop whose calls do not wait may run before the event loop gets a turn, in ms. */
export const MAX_BUSY = 5;

/** Resolves in the next turn of the event loop: timers and signals run first, even if every call fails at once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
