// The clients that wait to be accepted, and how a server that stops accepts the last of them.

import { unlinkSocket } from "../socket/_socket_file.ts";

/** How long no client may arrive for the backlog to count as empty, in ms, and how often that is checked. */
const QUIET = 30;
const CHECKS = 3;

/** The maximum number of clients accepted before the listener is closed: the size of Linux's backlog. */
const SIZE = 4096;

/**
 * A listener's backlog. close(2) on a listener resets the clients in its backlog, and no call returns their
 * number: the backlog counts as empty when an accept has been pending for {@linkcode QUIET} ms.
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
   * Closes the listener, which ends a pending accept, when the backlog is empty. Removes a Unix-domain
   * socket's file at once, so that no new client can connect.
   *
   * @param timeout Closes the listener after this time in any case, in ms.
   */
  closeWhenEmpty(timeout: number): void {
    this.#isClosing = true;
    unlinkSocket(this.#listener);
    const end = performance.now() + timeout;
    const last = this.#accepted + SIZE;
    let accepted = this.#accepted;
    let quiet = 0;
    const check = () => {
      // Only a pending accept shows an empty backlog, not a loop that serves a client or pauses.
      quiet = this.#isAccepting && this.#accepted === accepted ? quiet + 1 : 0;
      accepted = this.#accepted;
      if (quiet < CHECKS && this.#accepted < last && performance.now() < end) {
        this.#timer = setTimeout(check, QUIET / CHECKS);
      } else {
        this.#listener[Symbol.dispose]();
      }
    };
    check();
  }

  /** Stops the checks. Closes the listener if it was to be closed. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#isClosing) this.#listener[Symbol.dispose]();
  }
}
