/**
 * The connections that a server has open: cut off when they are idle or too slow, drained when it stops.
 *
 * @module
 */

import type { Connection } from "../socket/connection.ts";

/** How often a connection is looked at within its idle timeout, and, in ms, while it is drained. */
const IDLE_LOOKS = 8;
const DRAIN_LOOK = 100;

/** What the looks at a connection have found. */
interface Looks {
  /** How many looks in a row have found it waiting, with nothing coming or going. */
  quiet: number;
  /** How many looks there were since its rate was last measured, and its bytes then. */
  looks: number;
  bytes: number;
}

/** How long and how slowly a connection may keep a server waiting. */
export interface Patience {
  /** How long a read or a write may wait for the peer, in ms; 0: without a limit. */
  idleTimeout: number;
  /** How many bytes a second must come and go, on average over the idle timeout; 0: any number. */
  minRate: number;
}

/**
 * A set of connections that one timer looks at: a timer for each would take more memory than its
 * buffer, and the time of each read and write a twentieth of the server's.
 */
export class OpenConnections<A extends Deno.Addr> {
  readonly #patience: Patience;
  readonly #records = new Map<Connection<A>, Looks>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #graceEnd: number | undefined;

  /** @param patience When a connection is cut off. */
  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** How many there are. */
  get size(): number {
    return this.#records.size;
  }

  /** Takes one in. */
  add(conn: Connection<A>): void {
    this.#records.set(conn, { quiet: 0, looks: -1, bytes: 0 }); // the first look may come at once
    if (this.size === 1) this.#lookLater();
  }

  /** Leaves one out that was closed. */
  remove(conn: Connection<A>): void {
    this.#records.delete(conn);
    if (this.size === 0) clearTimeout(this.#timer);
  }

  /**
   * Lets all of them, and those that are added later, finish what is in flight. Cuts each as soon as it
   * waits for its peer with nothing arriving, and all that are left when the grace period ends.
   *
   * @param grace How long they may still be busy, in ms.
   */
  drain(grace: number): void {
    this.#graceEnd = performance.now() + grace;
    for (const record of this.#records.values()) record.quiet = 0;
    this.#lookLater();
  }

  #look(): void {
    const now = performance.now();
    for (const [conn, record] of this.#records) {
      const waitsFor = conn.look();
      record.quiet = waitsFor === null ? 0 : record.quiet + 1;
      if (this.#graceEnd === undefined) {
        this.#cutSlow(conn, record);
      } else if (now >= this.#graceEnd) {
        conn.cut(new Deno.errors.Interrupted("the grace period is over"));
      } else if (waitsFor === "read" && record.quiet >= 2) {
        // Whatever the client had sent has arrived by now. Two quiet looks are required, because a
        // busy process may run late and see its timers before its sockets.
        conn.cut(new Deno.errors.Interrupted("the server is shutting down"));
      }
    }
    this.#lookLater();
  }

  /** Cuts off a connection that was idle for the whole idle timeout, or too slow on average. */
  #cutSlow(conn: Connection<A>, record: Looks): void {
    const { idleTimeout, minRate } = this.#patience;
    const seconds = idleTimeout / 1000;
    if (record.quiet >= IDLE_LOOKS) {
      conn.cut(new Deno.errors.TimedOut(`idle for ${seconds} s`));
    } else if (++record.looks === IDLE_LOOKS) {
      const moved = conn.bytes - record.bytes;
      if (moved > 0 && moved / seconds < minRate) { // with none at all it is idle
        conn.cut(new Deno.errors.TimedOut(`slower than ${minRate} bytes a second`));
      }
      record.looks = 0;
      record.bytes = conn.bytes;
    }
  }

  #lookLater(): void {
    clearTimeout(this.#timer);
    if (this.size === 0) return;
    if (this.#graceEnd !== undefined) {
      const left = this.#graceEnd - performance.now();
      this.#timer = setTimeout(() => this.#look(), Math.min(DRAIN_LOOK, Math.max(left, 0)));
    } else if (this.#patience.idleTimeout > 0) {
      this.#timer = setTimeout(() => this.#look(), this.#patience.idleTimeout / IDLE_LOOKS);
    }
  }
}
