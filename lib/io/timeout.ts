/**
 * Timeouts that do not lose data.
 *
 * @module
 */

import type { Reader } from "./read_write.ts";

/** The maximum delay of a timer, in ms: 25 days. A longer delay expires immediately. */
const LONGEST = 2 ** 31 - 1;

/**
 * `select(2)` with a timeout: waits for a promise for a limited time.
 *
 * The operation behind the promise continues after the timeout: keep the promise to get its result later.
 *
 * Source: select(2); HSE lecture, protocol deadlock.
 *
 * @param promise The promise to wait for.
 * @param ms The time limit, in ms. `Infinity` and times over 25 days count as 25 days.
 * @param message The message of the timeout error. It should name the call and state that it timed out.
 * @param signal Cancels the wait. Default none.
 * @returns The promise's value.
 * @throws {Deno.errors.TimedOut} If the time limit expires first.
 * @throws The signal's reason, if it aborts first.
 * @throws The reason with which the promise rejects.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { withTimeout } from "@deno-sockets/samples";
 *
 * assertEquals(await withTimeout(Promise.resolve(7), 1000, "timed out"), 7);
 * const never = new Promise(() => {});
 * await assertRejects(() => withTimeout(never, 10, "timed out"), Deno.errors.TimedOut);
 * ```
 *
 * @category Streams
 */
export async function withTimeout<T>(
  promise: Promise<T>,
  ms: number,
  message: string,
  signal?: AbortSignal,
): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Deno.errors.TimedOut(message)), Math.min(ms, LONGEST));
  const cancel = () => reject(signal?.reason);
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

/**
 * `SO_RCVTIMEO`: a reader with a time limit for each read.
 *
 * A read that times out loses no data: it stays pending, and the next call returns its bytes. A
 * {@linkcode BufferedReader} on top of it also keeps an incomplete line.
 *
 * Source: socket(7); HSE lecture, protocol deadlock.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { openListener, TimeoutReader, writeText } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * using client = await Deno.connect({ port: listener.addr.port });
 * using conn = await listener.accept();
 *
 * const reader = new TimeoutReader(conn, 10);
 * const p = new Uint8Array(80);
 * await assertRejects(() => reader.read(p), Deno.errors.TimedOut);
 * await writeText(client, "late");
 * reader.timeout = 1000;
 * assertEquals(await reader.read(p), 4);
 * ```
 *
 * @category Streams
 */
export class TimeoutReader implements Reader {
  /** The time limit of a read, in ms. It may change between reads. */
  timeout: number;
  readonly #source: Reader;
  // The result of the pending read. It reads into #buffer, because after a timeout the caller may reuse its
  // own buffer.
  #pending: Promise<[PromiseSettledResult<number | null>]> | undefined;
  #buffer: Uint8Array = new Uint8Array();
  // Bytes of a completed read that did not fit into the caller's buffer.
  #rest: Uint8Array = new Uint8Array();

  /**
   * Creates a reader. No other code may read from the source.
   *
   * @param source The stream to read from.
   * @param timeout The time limit of a read, in ms.
   */
  constructor(source: Reader, timeout: number) {
    this.#source = source;
    this.timeout = timeout;
  }

  /**
   * `read(2)`: reads up to `p.length` bytes.
   *
   * @param p The buffer to fill.
   * @returns The number of bytes read, which may be less than `p.length`; `null` at EOF.
   * @throws {Deno.errors.TimedOut} If no byte arrives in time. The next call returns bytes that arrive later.
   * @throws Any error thrown by the source.
   */
  async read(p: Uint8Array): Promise<number | null> {
    if (p.length === 0) return 0;
    if (this.#rest.length === 0) {
      if (this.#pending === undefined) {
        if (this.#buffer.length < p.length) this.#buffer = new Uint8Array(p.length);
        const reading = this.#source.read(this.#buffer.subarray(0, p.length));
        // allSettled: an error after a timeout is not an unhandled rejection; the next call throws it.
        this.#pending = Promise.allSettled([reading]);
      }
      const message = `read: timed out after ${this.timeout / 1000} s`;
      const [result] = await withTimeout(this.#pending, this.timeout, message);
      this.#pending = undefined;
      if (result.status === "rejected") throw result.reason;
      if (result.value === null) return null;
      this.#rest = this.#buffer.subarray(0, result.value);
    }
    const taken = this.#rest.subarray(0, p.length);
    p.set(taken);
    this.#rest = this.#rest.subarray(taken.length);
    return taken.length;
  }
}
