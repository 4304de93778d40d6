/**
 * Deadlines: how not to wait for ever, and to lose nothing by it.
 *
 * @module
 */

import type { Reader } from "./robust_io.ts";

/** The longest delay of a timer, in ms: 25 days. With a longer one it expires at once. */
const LONGEST = 2 ** 31 - 1;

/**
 * `select(2)` with a timeout: waits for a promise, but not for longer than a time.
 *
 * What the promise waits for is not ended: whoever needs its result later keeps the promise.
 *
 * @param promise What to wait for.
 * @param ms For how long, in ms.
 * @param message What to say if it does not come: the call, and that it waited.
 * @param signal Ends the wait early.
 * @returns What the promise resolves to.
 * @throws {Deno.errors.TimedOut} If the time is over first.
 * @throws The signal's reason, if it aborts first.
 * @throws What the promise rejects with.
 *
 * Source: select(2); HSE lecture, protocol deadlock.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { within } from "@deno-sockets/samples";
 *
 * assertEquals(await within(Promise.resolve(7), 1000, "nothing came"), 7);
 * await assertRejects(() => within(new Promise(() => {}), 10, "nothing came"), Deno.errors.TimedOut);
 * ```
 */
export async function within<T>(
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
 * `SO_RCVTIMEO`: reads from a source, each time no longer than a time limit.
 *
 * A read that expires loses nothing: it goes on behind the scenes, and what it gets is what the next
 * call returns. A {@linkcode BufferedReader} on top of it keeps what had come of a line, too.
 *
 * Source: socket(7); HSE lecture, protocol deadlock.
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { DeadlineReader } from "@deno-sockets/samples";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * using conn = await listener.accept();
 *
 * const reader = new DeadlineReader(conn, 10);
 * const p = new Uint8Array(80);
 * await assertRejects(() => reader.read(p), Deno.errors.TimedOut);
 * await client.write(new TextEncoder().encode("late"));
 * reader.timeout = 1000;
 * assertEquals(await reader.read(p), 4);
 * ```
 */
export class DeadlineReader implements Reader {
  /** How long a read may wait, in ms. It may be changed between reads. */
  timeout: number;
  readonly #source: Reader;
  // How a read ends that is under way, and where its bytes go: the caller's buffer may be gone by then.
  #pending: Promise<[PromiseSettledResult<number | null>]> | undefined;
  #buffer: Uint8Array = new Uint8Array();
  // What a read brought that was more than the call that took it had room for.
  #rest: Uint8Array = new Uint8Array();

  /**
   * Reads from `source`, which nobody else may read from.
   *
   * @param source What to read from.
   * @param timeout How long a read may wait, in ms.
   */
  constructor(source: Reader, timeout: number) {
    this.#source = source;
    this.timeout = timeout;
  }

  /**
   * `read(2)`: reads up to `p.length` bytes into `p`.
   *
   * @param p Where the bytes go.
   * @returns How many came, perhaps fewer than asked for; `null` at the end of the stream.
   * @throws {Deno.errors.TimedOut} If none came in time; they are the next call's.
   * @throws What the source throws.
   */
  async read(p: Uint8Array): Promise<number | null> {
    if (p.length === 0) return 0;
    if (this.#rest.length === 0) {
      if (this.#pending === undefined) {
        if (this.#buffer.length < p.length) this.#buffer = new Uint8Array(p.length);
        const reading = this.#source.read(this.#buffer.subarray(0, p.length));
        this.#pending = Promise.allSettled([reading]); // an error is told to whoever takes it
      }
      const message = `read: nothing came within ${this.timeout / 1000} s`;
      const [result] = await within(this.#pending, this.timeout, message);
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
