/**
 * The connections that a server has open: cut off when they are idle, drained when it stops.
 *
 * @module
 */

import type { Connection } from "./connection.ts";

/** How often a connection is looked at within its idle timeout, and, in ms, while it is drained. */
const IDLE_LOOKS = 8;
const DRAIN_LOOK = 100;

/**
 * A set of connections that one timer looks at: a timer for each would take more memory than its
 * buffer, and the time of each read and write a twentieth of the server's.
 */
export class OpenConnections<A extends Deno.Addr> {
  readonly #idleTimeout: number;
  // How many looks in a row have found a connection waiting, with nothing coming or going.
  readonly #quiet = new Map<Connection<A>, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #graceEnd: number | undefined;

  /** @param idleTimeout How long a read or write may wait for the peer, in ms; 0 is for ever. */
  constructor(idleTimeout: number) {
    this.#idleTimeout = idleTimeout;
  }

  /** How many there are. */
  get size(): number {
    return this.#quiet.size;
  }

  /** Takes one in. */
  add(conn: Connection<A>): void {
    this.#quiet.set(conn, 0);
    if (this.size === 1) this.#lookLater();
  }

  /** Leaves one out that was closed. */
  remove(conn: Connection<A>): void {
    this.#quiet.delete(conn);
    if (this.size === 0) clearTimeout(this.#timer);
  }

  /**
   * Lets all of them finish what is in flight, and cuts each as soon as it waits for its peer with
   * nothing arriving; when the grace period ends in any case.
   *
   * @param grace How long they may still be busy, in ms.
   */
  drain(grace: number): void {
    this.#graceEnd = performance.now() + grace;
    for (const conn of this.#quiet.keys()) this.#quiet.set(conn, 0);
    this.#lookLater();
  }

  #look(): void {
    const now = performance.now();
    for (const [conn, before] of this.#quiet) {
      const waitsFor = conn.look();
      const quiet = waitsFor === null ? 0 : before + 1;
      this.#quiet.set(conn, quiet);
      if (this.#graceEnd === undefined) {
        if (quiet < IDLE_LOOKS) continue;
        conn.cut(new Deno.errors.TimedOut(`idle for ${this.#idleTimeout / 1000} s`));
      } else if (now >= this.#graceEnd) {
        conn.cut(new Deno.errors.Interrupted("the grace period is over"));
      } else if (waitsFor === "read" && quiet >= 2) {
        // Whatever the client had sent has arrived by now. Two quiet looks are asked for, because a
        // busy process may run late and see its timers before its sockets.
        conn.cut(new Deno.errors.Interrupted("the server is shutting down"));
      }
    }
    this.#lookLater();
  }

  #lookLater(): void {
    clearTimeout(this.#timer);
    if (this.size === 0) return;
    if (this.#graceEnd !== undefined) {
      const left = this.#graceEnd - performance.now();
      this.#timer = setTimeout(() => this.#look(), Math.min(DRAIN_LOOK, left));
    } else if (this.#idleTimeout > 0) {
      this.#timer = setTimeout(() => this.#look(), this.#idleTimeout / IDLE_LOOKS);
    }
  }
}
