// Yields to the event loop.

/** Resolves in the next turn of the event loop: timers and signals run first, even if every call fails at once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
