/**
 * A fair schedule for the reads of many connections: no busy connection starves another.
 *
 * Deno's sockets are tokio's, and a tokio task may complete 128 operations before it must yield. tokio
 * defers further ready operations behind everything that becomes ready in the meantime: the sockets that were
 * just served, if their peers reply fast. A server with a thousand busy clients then serves about 128 of
 * them over and over, and the others wait for seconds.
 *
 * So reads queue, first come, first served, and no more begin in one turn of the event loop than the budget
 * allows. A read from a silent peer uses none of the budget: the longer no data arrives, the more reads
 * begin at once, so no client waits behind a queue of silent ones.
 *
 * @module
 */

/** tokio's budget: up to this many ready operations, none is deferred. */
const BUDGET = 128;

/** With this many connections, a read and a write of each are within the budget. */
const FEW = BUDGET / 2;

/**
 * How many reads begin in a turn. A read that finds data completes at once and is followed by a write; so do
 * the reads of the turn before that had to wait for data.
 */
const READS_PER_TURN = BUDGET / 4;

/** The time without a completed read after which the watchdog begins more reads, in ms. */
const STANDSTILL = 2;

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
  /** How many turns begin at once. It doubles at each standstill. */
  #atOnce = 1;
  /** Reads requested since the last turn began. Each follows a read that completed. */
  #requested = 0;
  #isWatched = false;
  #hasMoved = false; // since the watchdog last ran

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
   * @returns `undefined` if the read may begin at once, otherwise a promise to await first. It resolves
   * soon, even if no peer sends anything and even if the connection is closed meanwhile.
   */
  turn(): Promise<void> | undefined {
    if (this.#connections <= FEW) return undefined;
    // It runs after everything that this turn of the event loop made ready.
    if (this.#requested++ === 0) setImmediate(() => this.#next());
    let turn = this.#turns.at(-1);
    if (turn === undefined || turn.reads === READS_PER_TURN) {
      turn = { reads: 0, ...Promise.withResolvers<void>() };
      this.#turns.push(turn);
    }
    turn.reads++;
    return turn.promise;
  }

  // The next turn begins only when reads of this one have completed: an event loop learns which sockets are
  // ready only when it polls them.
  #next(): void {
    // More reads completed than had begun in two turns: silent peers have sent data, and tokio has deferred
    // some of their reads. No read begins until these have been served, or they would be deferred again.
    const isOverloaded = this.#requested > FEW;
    if (this.#requested >= READS_PER_TURN / 2) this.#atOnce = 1;
    this.#requested = 0;
    this.#hasMoved = true;
    if (!isOverloaded) this.#begin();
    if (this.#turns.length > 0 && !this.#isWatched) this.#watch();
  }

  #begin(): void {
    for (const turn of this.#turns.splice(0, this.#atOnce)) turn.resolve();
  }

  /**
   * Watchdog: advances a stalled queue. The queue moves when reads complete, so it stalls if every read
   * that has begun waits for a silent peer.
   */
  #watch(): void {
    this.#isWatched = true;
    this.#hasMoved = false;
    // A busy process runs its timers before its sockets: setImmediate lets it serve what has arrived first.
    setTimeout(() => setImmediate(() => this.#advance()), STANDSTILL);
  }

  #advance(): void {
    this.#isWatched = false;
    if (!this.#hasMoved && this.#requested === 0) {
      this.#begin();
      this.#atOnce *= 2;
    }
    if (this.#turns.length > 0) this.#watch();
    else this.#atOnce = 1;
  }
}

/** The scheduler of this process, shared by all servers: tokio's budget is shared, too. */
export const readScheduler: ReadScheduler = new ReadScheduler();
