/**
 * Aborts a server's idle and slow connections, and drains them when the server stops.
 *
 * @module
 */

/** How often a connection is checked: per idle timeout, and, in ms, while draining. */
const CHECKS_PER_TIMEOUT = 8;
const DRAIN_INTERVAL = 100;

/** The I/O of a connection: the connection counts, the monitor compares. */
export interface Activity {
  /** Reads and writes that wait for the peer. */
  reading: number;
  writing: number;
  /** Changes whenever a read or a write begins or ends. */
  changes: number;
  /** The bytes received and sent. */
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
  /** The number of checks in a row that found it waiting for its peer without progress. */
  idle: number;
  /** The number of checks since its rate was last measured, and its bytes then. */
  sinceRate: number;
  bytes: number;
}

/** When a connection is aborted. */
export interface IdleLimits {
  /** How long a read or a write may wait for the peer, in ms; 0: without a limit. */
  idleTimeout: number;
  /** The minimum average rate over the idle timeout, in bytes per second; 0: none. */
  minRate: number;
}

/**
 * A server's open connections. One timer checks them all: a timer per connection would cost more memory
 * than its buffer, and a twentieth of the server's time per read and write.
 */
export class IdleMonitor {
  readonly #limits: IdleLimits;
  readonly #connections = new Map<Monitored, Checks>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #graceEnd: number | undefined;

  /** @param limits When a connection is aborted. */
  constructor(limits: IdleLimits) {
    this.#limits = limits;
  }

  /** The number of open connections. */
  get size(): number {
    return this.#connections.size;
  }

  /** Adds a connection. */
  add(conn: Monitored): void {
    // The first check may come at once, so it starts the first measurement of the rate.
    this.#connections.set(conn, { changes: -1, idle: 0, sinceRate: -1, bytes: 0 });
    if (this.size === 1) this.#schedule();
  }

  /** Removes a connection that was closed. */
  remove(conn: Monitored): void {
    this.#connections.delete(conn);
    if (this.size === 0) clearTimeout(this.#timer);
  }

  /**
   * Lets connections finish what is in flight, those added later too. Aborts each as soon as it waits for
   * its peer and nothing arrives, and the rest when the grace period ends.
   *
   * @param grace The grace period, in ms.
   */
  drain(grace: number): void {
    this.#graceEnd = performance.now() + grace;
    for (const checks of this.#connections.values()) checks.idle = 0;
    this.#schedule();
  }

  #check(): void {
    const now = performance.now();
    for (const [conn, checks] of this.#connections) {
      const { reading, writing, changes } = conn.activity;
      const isIdle = changes === checks.changes && reading + writing > 0;
      checks.idle = isIdle ? checks.idle + 1 : 0;
      checks.changes = changes;
      if (this.#graceEnd === undefined) {
        this.#abortSlow(conn, checks);
      } else if (now >= this.#graceEnd) {
        conn.abort(new Deno.errors.Interrupted("the grace period is over"));
      } else if (writing === 0 && checks.idle >= 2) {
        // Everything the client had sent has arrived by now. One check is not enough: a busy process
        // may run late and see its timers before its sockets.
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
      if (moved > 0 && moved / seconds < minRate) { // with no bytes at all it is idle, not slow
        conn.abort(new Deno.errors.TimedOut(`slower than ${minRate} bytes a second`));
      }
      checks.sinceRate = 0;
      checks.bytes = bytes;
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.size === 0) return;
    if (this.#graceEnd !== undefined) {
      const left = this.#graceEnd - performance.now();
      this.#timer = setTimeout(() => this.#check(), Math.min(DRAIN_INTERVAL, Math.max(left, 0)));
    } else if (this.#limits.idleTimeout > 0) {
      const interval = this.#limits.idleTimeout / CHECKS_PER_TIMEOUT;
      this.#timer = setTimeout(() => this.#check(), interval);
    }
  }
}
