/**
 * Limited concurrency.
 *
 * @module
 */

/** Calls `act` with each item, `atOnce` calls at a time. */
export async function many<T>(
  items: Iterable<T>,
  atOnce: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = Iterator.from(items);
  const worker = async () => {
    for (let next = left.next(); !next.done; next = left.next()) await act(next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
