/**
 * The clients that wait to be accepted, and how a server that stops takes in the last of them.
 *
 * @module
 */

import type { Unlinkable } from "../socket/_closable.ts";

/** How long no client must come for the backlog to count as empty, in ms, and how often that is checked. */
const QUIET = 30;
const LOOKS = 3;

/** How many clients are accepted at most before the listener is closed: as many as a backlog of Linux holds. */
const SIZE = 4096;

/**
 * A listener's backlog. close(2) on a listener resets the clients that wait in it, and no call tells how many
 * there are: it is empty when a pending accept has not completed for a while.
 */
export class Backlog<A extends Deno.Addr> implements Disposable {
  readonly #listener: Deno.Listener<Deno.Conn<A>>;
  #isAccepting = false;
  #accepted = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosing = false;

  /** @param listener The listening socket. */
  constructor(listener: Deno.Listener<Deno.Conn<A>>) {
    this.#listener = listener;
  }

  /** Accepts the next client. */
  async accept(): Promise<Deno.Conn<A>> {
    this.#isAccepting = true;
    try {
      const conn = await this.#listener.accept();
      this.#accepted++;
      return conn;
    } finally {
      this.#isAccepting = false;
    }
  }

  /**
   * Closes the listener, which ends a pending accept, once the backlog is empty. A Unix-domain socket's file
   * is removed at once, so that no further clients come.
   *
   * @param timeout When to close it in any case, in ms.
   */
  closeWhenEmpty(timeout: number): void {
    this.#isClosing = true;
    (this.#listener as Partial<Unlinkable>).unlink?.();
    const end = performance.now() + timeout;
    const last = this.#accepted + SIZE;
    let seen = this.#accepted;
    let quiet = 0;
    const look = () => {
      // A loop that does not accept, because it serves a client or waits for resources, tells nothing.
      quiet = this.#isAccepting && this.#accepted === seen ? quiet + 1 : 0;
      seen = this.#accepted;
      if (quiet < LOOKS && this.#accepted < last && performance.now() < end) {
        this.#timer = setTimeout(look, QUIET / LOOKS);
      } else {
        this.#listener[Symbol.dispose]();
      }
    };
    look();
  }

  /** Stops looking. A listener that was to be closed is closed now. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#isClosing) this.#listener[Symbol.dispose]();
  }
}
