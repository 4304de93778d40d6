/**
 * What the echo benchmark makes of its measurements.
 *
 * @module
 */

/**
 * A percentile, by nearest rank.
 *
 * @param sorted The values, in ascending order.
 * @param p Which, from 0 to 1: 0.99 for the 99th.
 * @returns The value; 0 if there is none.
 */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  const rank = Math.min(Math.floor(p * sorted.length), sorted.length - 1);
  return sorted[rank] ?? 0;
}

/**
 * The median.
 *
 * @param values In any order.
 * @returns The one in the middle, or the mean of the two; NaN if there is none.
 */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? NaN) + (high ?? NaN)) / 2;
}

/**
 * Jain's fairness index: 1 if all got the same, 1/n if one of n got everything.
 *
 * @param shares What each got.
 * @returns The index; 0 if nobody got anything.
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

/** Latencies, in an array that grows: a run has hundreds of thousands. */
export class Latencies {
  #values = new Float64Array(1 << 16);
  #length = 0;

  /** Counts one more. */
  add(latency: number): void {
    if (this.#length === this.#values.length) {
      const values = new Float64Array(2 * this.#length);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.#length++] = latency;
  }

  /** Forgets them all. */
  clear(): void {
    this.#length = 0;
  }

  /** All of them, in ascending order. It is to be the last call. */
  sorted(): Float64Array {
    return this.#values.subarray(0, this.#length).sort();
  }
}
