// A listener's backlog, which a server drains before it closes the listener.

import { unlinkSocket } from "../socket/_socket_file.ts";
import type { Sockets } from "./idle_monitor.ts";

/** The backlog counts as empty if no client arrives for this time, in ms. */
const QUIET = 30;

/** The number of checks in that time. */
const CHECKS = 3;

/** The maximum number of clients that are accepted before the listener is closed: Linux's maximum backlog. */
const SIZE = 4096;

/** A listening socket. Disposing closes it, and a pending accept rejects. */
export interface Acceptor<S> extends Sockets, Disposable {
  /** Accepts the next client. */
  accept(): Promise<S>;
}

/**
 * A listener's backlog. close(2) on a listener resets the clients in its backlog, and no call returns their
 * number. The backlog therefore counts as empty when an accept has been pending for {@linkcode QUIET} ms.
 */
export class Backlog<S> implements Disposable {
  readonly #listener: Acceptor<S>;
  #isAccepting = false;
  #accepted = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosing = false;

  /** @param listener The listening socket. */
  constructor(listener: Acceptor<S>) {
    this.#listener = listener;
  }

  /** Accepts the next client. */
  async accept(): Promise<S> {
    this.#isAccepting = true;
    try {
      const socket = await this.#listener.accept();
      this.#accepted++;
      return socket;
    } finally {
      this.#isAccepting = false;
    }
  }

  /**
   * Closes the listener when the backlog is empty, which ends a pending accept. Removes a Unix-domain
   * socket's file immediately, so that no new client can connect.
   *
   * @param timeout The time after which the listener is closed even if clients still arrive, in ms.
   */
  closeWhenEmpty(timeout: number): void {
    this.#isClosing = true;
    unlinkSocket(this.#listener);
    const end = performance.now() + timeout;
    const last = this.#accepted + SIZE;
    let accepted = this.#accepted;
    let quiet = 0;
    const check = () => {
      this.#listener.wake?.();
      // While the loop serves a client or pauses, no accept is pending, and clients may be waiting.
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

  /** Stops the checks. Closes the listener if {@linkcode closeWhenEmpty} was called. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#isClosing) this.#listener[Symbol.dispose]();
  }
}
