/**
 * Aborts a server's idle and slow connections, and drains them when the server stops.
 *
 * @module
 */

/** The number of checks of a connection per idle timeout. */
const CHECKS_PER_TIMEOUT = 8;

/** The interval between checks while draining, in ms. */
const DRAIN_INTERVAL = 100;

/** The I/O counters of a connection. The connection updates them, the monitor compares them. */
export interface Activity {
  /** The number of reads that wait for the peer. */
  reading: number;
  /** The number of writes that wait for the peer. */
  writing: number;
  /** Changes whenever a read or a write begins or ends. */
  changes: number;
  /** The number of bytes received and sent. */
  bytes: number;
}

/** A connection that the monitor may abort. */
export interface Monitored {
  /** Its I/O. */
  readonly activity: Readonly<Activity>;
  /** Closes it for a reason. */
  abort(reason: Error): void;
}

/** The results of a connection's checks. */
interface Checks {
  /** `changes` at the last check. */
  changes: number;
  /** The number of consecutive checks at which it waited for its peer without progress. */
  idle: number;
  /** The number of checks since the rate was last measured. */
  sinceRate: number;
  /** `bytes` when the rate was last measured. */
  bytes: number;
}

/** How the sockets of connections are polled, if not by Deno. */
export interface Sockets {
  /**
   * Polls the sockets for clients and data that have arrived, which the event loop may report late. Default: none,
   * because Deno polls its own sockets between two checks.
   */
  wake?(): void;
  /**
   * Reports whether some sockets have not been polled since the last call: data may then have arrived on
   * connections that seem idle. Default: none.
   */
  isStalled?(): boolean;
}

/** The limits beyond which a connection is aborted. */
export interface IdleLimits {
  /** How long a read or a write may wait for the peer, in ms; 0: without a limit. */
  idleTimeout: number;
  /** The minimum average rate over the idle timeout, in bytes per second; 0: none. */
  minRate: number;
}

/**
 * A server's open connections. One timer checks them all: a timer per connection would use more memory than
 * the connection's buffer, and setting it at each read and write would take 5 % of the server's time.
 */
export class IdleMonitor {
  readonly #limits: IdleLimits;
  readonly #sockets: Sockets | undefined;
  readonly #connections = new Map<Monitored, Checks>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #graceEnd: number | undefined;
  #due = 0; // when the next check should run

  /**
   * @param limits The limits beyond which a connection is aborted.
   * @param sockets The connections' sockets. Default: those of Deno.
   */
  constructor(limits: IdleLimits, sockets?: Sockets) {
    this.#limits = limits;
    this.#sockets = sockets;
  }

  /** The number of open connections. */
  get size(): number {
    return this.#connections.size;
  }

  /** Adds a connection. */
  add(conn: Monitored): void {
    // The first check may run immediately, so it only starts the measurement of the rate.
    this.#connections.set(conn, { changes: -1, idle: 0, sinceRate: -1, bytes: 0 });
    if (this.size === 1) this.#schedule();
  }

  /** Removes a connection that was closed. */
  remove(conn: Monitored): void {
    this.#connections.delete(conn);
    if (this.size === 0) clearTimeout(this.#timer);
  }

  /**
   * Drains the connections, including those added later: aborts each when it waits for its peer and no data
   * arrives, and the rest at the end of the grace period.
   *
   * @param grace The grace period, in ms.
   */
  drain(grace: number): void {
    this.#graceEnd = performance.now() + grace;
    for (const checks of this.#connections.values()) checks.idle = 0;
    this.#schedule();
  }

  #check(): void {
    this.#sockets?.wake?.();
    const now = performance.now();
    const isStalled = this.#sockets?.isStalled?.() ?? false;
    // A busy process runs its timers late, and before it polls its sockets: a late check may find a connection
    // idle whose data has arrived.
    const isLate = now > this.#due + DRAIN_INTERVAL / 2;
    for (const [conn, checks] of this.#connections) {
      const { reading, writing, changes } = conn.activity;
      const isIdle = !isStalled && changes === checks.changes && reading + writing > 0;
      checks.idle = isIdle ? checks.idle + 1 : 0;
      checks.changes = changes;
      if (this.#graceEnd === undefined) {
        this.#abortSlow(conn, checks);
      } else if (now >= this.#graceEnd) {
        conn.abort(new Deno.errors.Interrupted("the grace period is over"));
      } else if (isLate) {
        checks.idle = 0;
      } else if (writing === 0 && checks.idle >= 2) {
        // All data in flight has arrived: the process has polled its sockets between two checks.
        conn.abort(new Deno.errors.Interrupted("the server is shutting down"));
      }
    }
    this.#schedule();
  }

  /** Aborts a connection that was idle for the whole idle timeout, or too slow on average. */
  #abortSlow(conn: Monitored, checks: Checks): void {
    const { idleTimeout, minRate } = this.#limits;
    const seconds = idleTimeout / 1000;
    if (checks.idle >= CHECKS_PER_TIMEOUT) {
      conn.abort(new Deno.errors.TimedOut(`idle for ${seconds} s`));
    } else if (++checks.sinceRate === CHECKS_PER_TIMEOUT) {
      const { bytes } = conn.activity;
      const moved = bytes - checks.bytes;
      if (moved > 0 && moved / seconds < minRate) { // without any bytes it is idle, not slow
        conn.abort(new Deno.errors.TimedOut(`slower than ${minRate} bytes a second`));
      }
      checks.sinceRate = 0;
      checks.bytes = bytes;
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const interval = this.#nextInterval();
    if (this.size === 0 || interval === undefined) return;
    this.#due = performance.now() + interval;
    this.#timer = setTimeout(() => this.#check(), interval);
  }

  /** Returns the time until the next check, in ms; `undefined` if there is nothing to check. */
  #nextInterval(): number | undefined {
    if (this.#graceEnd !== undefined) {
      return Math.min(DRAIN_INTERVAL, Math.max(this.#graceEnd - performance.now(), 0));
    }
    const { idleTimeout } = this.#limits;
    return idleTimeout > 0 ? idleTimeout / CHECKS_PER_TIMEOUT : undefined;
  }
}
