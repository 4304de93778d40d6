/**
 * Schedules the reads of many connections fairly: no busy connection starves another.
 *
 * Deno's sockets are tokio's, and a tokio task may complete 128 operations before it must yield. tokio
 * defers further ready operations behind everything that becomes ready in the meantime: the sockets that were
 * just served, if their peers reply fast. A server with a thousand busy clients then serves about 128 of
 * them repeatedly, and the others wait for seconds.
 *
 * So reads wait in a FIFO queue, and no more begin in one turn of the event loop than the budget allows. A
 * read from a silent peer uses none of the budget: the longer no data arrives, the more reads begin at once,
 * so a queue of reads from silent peers delays no client.
 *
 * @module
 */

/** tokio's budget: the number of ready operations that a task may complete before it must yield. */
const BUDGET = 128;

/** With this many connections, a read and a write of each are within the budget. */
const FEW = BUDGET / 2;

/**
 * The number of reads that begin in a turn: a quarter of the budget. A read that finds data completes
 * immediately, and a write follows. Reads of the previous turn that waited for data may complete in the same
 * turn, each with a write.
 */
const READS_PER_TURN = BUDGET / 4;

/** The time without a completed read after which the watchdog begins more reads, in ms. */
const STALL_TIME = 2;

/** Reads that begin in the same turn. */
interface Turn {
  reads: number;
  promise: Promise<void>;
  resolve: () => void;
}

/** Schedules the reads of the connections that are registered. */
export class ReadScheduler {
  #connections = 0;
  readonly #turns: Turn[] = [];
  /** The number of turns that begin at once. It doubles at each stall. */
  #atOnce = 1;
  /** The number of reads requested since the last turn began. Each follows a read that completed. */
  #requested = 0;
  #isWatched = false;
  #hasAdvanced = false; // since the watchdog last ran

  /** Registers a connection. While there are 64 or fewer, no read waits. */
  register(): void {
    this.#connections++;
  }

  /** Unregisters a connection that was closed. */
  unregister(): void {
    this.#connections--;
  }

  /**
   * Requests a turn to read.
   *
   * @returns `undefined` if the read may begin immediately, otherwise a promise to await first. It resolves
   * even if no peer sends data or the connection is closed.
   */
  turn(): Promise<void> | undefined {
    if (this.#connections <= FEW) return undefined;
    // setImmediate: after all callbacks that are ready in this turn of the event loop.
    if (this.#requested++ === 0) setImmediate(() => this.#next());
    let turn = this.#turns.at(-1);
    if (turn === undefined || turn.reads === READS_PER_TURN) {
      turn = { reads: 0, ...Promise.withResolvers<void>() };
      this.#turns.push(turn);
    }
    turn.reads++;
    return turn.promise;
  }

  // The next turn begins only after reads of this turn have completed: the event loop learns which sockets are
  // ready only when it polls them.
  #next(): void {
    // More reads completed than two turns begin: silent peers have sent data, and tokio has deferred some of
    // their reads. No read begins until these have completed, or they would be deferred again.
    const isOverloaded = this.#requested > FEW;
    if (this.#requested >= READS_PER_TURN / 2) this.#atOnce = 1;
    this.#requested = 0;
    this.#hasAdvanced = true;
    if (!isOverloaded) this.#begin();
    if (this.#turns.length > 0 && !this.#isWatched) this.#watch();
  }

  #begin(): void {
    for (const turn of this.#turns.splice(0, this.#atOnce)) turn.resolve();
  }

  /**
   * Watchdog: advances a stalled queue. The queue advances when reads complete, so it stalls if every read
   * that has begun waits for a silent peer.
   */
  #watch(): void {
    this.#isWatched = true;
    this.#hasAdvanced = false;
    // A busy process runs its timers before it polls its sockets: setImmediate lets it read arrived data first.
    setTimeout(() => setImmediate(() => this.#advance()), STALL_TIME);
  }

  #advance(): void {
    this.#isWatched = false;
    if (!this.#hasAdvanced && this.#requested === 0) {
      this.#begin();
      this.#atOnce *= 2;
    }
    if (this.#turns.length > 0) this.#watch();
    else this.#atOnce = 1;
  }
}

/** The scheduler of this process. All servers share it, because they share tokio's budget. */
export const readScheduler: ReadScheduler = new ReadScheduler();
