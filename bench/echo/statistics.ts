/**
 * Statistics of the echo benchmark.
 *
 * @module
 */

/**
 * Returns a percentile by the nearest-rank method.
 *
 * @param sorted The values in ascending order.
 * @param p The percentile from 0 to 1, for example 0.99 for the 99th.
 * @returns The value; 0 if `sorted` is empty.
 */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  const rank = Math.min(Math.floor(p * sorted.length), sorted.length - 1);
  return sorted[rank] ?? 0;
}

/**
 * Returns the median.
 *
 * @param values The values in any order.
 * @returns The middle value, or the mean of the two middle values; NaN if `values` is empty.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? NaN) + (high ?? NaN)) / 2;
}

/**
 * Returns Jain's fairness index: 1 if all shares are equal, 1/n if one of n clients has everything.
 *
 * @param shares The share of each client.
 * @returns The index; 0 if all shares are 0.
 */
export function jain(shares: readonly number[]): number {
  let sum = 0;
  let squares = 0;
  for (const share of shares) {
    sum += share;
    squares += share * share;
  }
  return squares === 0 ? 0 : sum * sum / (shares.length * squares);
}

/** A growable list of numbers without an object per value: a run has hundreds of thousands. */
export class Latencies {
  #values = new Float64Array(1 << 16);
  #length = 0;

  /** Appends a latency. */
  add(latency: number): void {
    if (this.#length === this.#values.length) {
      const values = new Float64Array(2 * this.#length);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.#length++] = latency;
  }

  /** Removes all latencies. */
  clear(): void {
    this.#length = 0;
  }

  /** Sorts the latencies in place and returns a view of them. The list must not be used afterwards. */
  sorted(): Float64Array {
    return this.#values.subarray(0, this.#length).sort();
  }
}
