/**
 * An event loop over `epoll(7)`, within Deno's event loop.
 *
 * @module
 */

import { numbers } from "./_errno_names.ts";
import { layout } from "./_layout.ts";
import { MAX_BUSY, nextTurn } from "../io/_next_turn.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, O_CLOEXEC, O_NONBLOCK } from "./constants.ts";
import { Descriptor } from "./descriptor.ts";
import { errnoError } from "./errno.ts";
import { errno, errnoAddress, errnoCell, libc } from "./libc.ts";

/** Operations of epoll_ctl(2). */
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** The maximum number of events of one epoll_wait(2). */
const MAX_EVENTS = 512;

// A vector of struct epoll_event as 32-bit words. The data is the descriptor and the number of its registration.
const EVENT = layout.epoll_event.size / 4;
const DATA = layout.epoll_event.data / 4;

/** The events that epoll_wait(2) always reports. */
const ALWAYS = EPOLLERR | EPOLLHUP;

const ONE = new BigUint64Array([1n]);

/**
 * Called with a descriptor that is ready and the events that have occurred, such as `EPOLLIN | EPOLLHUP`. If it
 * returns a promise, the loop waits for it before it calls another function.
 *
 * @category Multiplexing
 */
export type OnReady<D extends Descriptor = Descriptor> = (
  descriptor: D,
  events: number,
) => void | Promise<void>;

/**
 * Called with an error that an {@linkcode OnReady} throws, and its descriptor.
 *
 * @category Multiplexing
 */
export type OnError<D extends Descriptor = Descriptor> = (error: unknown, descriptor: D) => void;

/**
 * `epoll(7)`: calls a function whenever a descriptor is ready.
 *
 * It is level-triggered: a function that leaves data in the socket is called again, after the other sockets that
 * are ready. While descriptors are registered, the loop runs and keeps the process alive. Under load it calls
 * `epoll_wait(2)` without waiting, and lets Deno's timers, signals and promises run; when no
 * descriptor is ready, one thread of Deno's pool waits, and the program uses no processor time.
 *
 * Source: epoll(7), eventfd(2).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { EPOLLIN, Poller, recv, send, SOCK_STREAM, socketpair } from "@deno-sockets/samples/posix";
 *
 * using poller = new Poller();
 * const [left, right] = socketpair(SOCK_STREAM);
 * using _left = left;
 * using _right = right;
 * const received = new Promise<number>((resolve) => {
 *   poller.add(right, EPOLLIN, () => resolve(recv(right, new Uint8Array(8))));
 * });
 * send(left, new Uint8Array([1, 2, 3]));
 * assertEquals(await received, 3);
 * ```
 *
 * @category Multiplexing
 */
export class Poller implements Disposable {
  readonly #epoll: Descriptor;
  /** An eventfd(2). Writing to it ends the wait in the pool. */
  readonly #alarm: Descriptor;
  readonly #events = new Uint32Array(EVENT * MAX_EVENTS);
  /** An event for epoll_ctl(2). */
  readonly #event = new Uint32Array(EVENT);
  /** The events that a wait in the pool returned, and their number. */
  readonly #poolEvents = new Uint32Array(EVENT * MAX_EVENTS);
  #poolCount = 0;
  // The registrations, indexed by descriptor number. Each has a number, which distinguishes it from an earlier
  // registration of the same descriptor number, whose event may not have been processed yet. They are arrays,
  // because an object for each descriptor would add a cache miss to each event.
  readonly #numbers: number[] = [];
  readonly #waitsFor: number[] = [];
  readonly #descriptors: (Descriptor | undefined)[] = [];
  readonly #onReady: OnReady[] = [];
  readonly #onError: OnError[] = [];
  #size = 0;
  #lastNumber = 0;
  #isRunning = false;
  #isInPool = false; // whether a wait is in the pool, which may outlast the wait of the loop
  #woken = Promise.withResolvers<void>(); // ends the wait of the loop
  #isAwaiting = false; // whether the loop awaits the promise of a function
  #turns = 0;
  #isOpen = true;
  /** Shared by all descriptors. */
  readonly #remove = (descriptor: Descriptor) => this.remove(descriptor);

  /**
   * Creates a poller without descriptors.
   *
   * @throws {PosixError} `EMFILE` if fewer than two descriptors are free.
   */
  constructor() {
    using opened = new DisposableStack(); // if the second call fails
    const sys = libc();
    const epoll = sys.epoll_create1(O_CLOEXEC);
    if (epoll === -1) {
      throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "epoll_create1");
    }
    this.#epoll = opened.use(new Descriptor(epoll));
    const alarm = sys.eventfd(0, O_CLOEXEC | O_NONBLOCK);
    if (alarm === -1) throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "eventfd");
    this.#alarm = opened.use(new Descriptor(alarm));
    this.#control(EPOLL_CTL_ADD, this.#alarm, EPOLLIN, 0);
    opened.move();
    const reset: OnReady = ({ fd }) => void libc().read(fd, new BigUint64Array(1), 8);
    this.#register(this.#alarm, 0, EPOLLIN, reset, uncaught);
  }

  /**
   * `EPOLL_CTL_ADD`: registers a descriptor. Closing the descriptor removes it.
   *
   * @param descriptor The descriptor, registered with no other poller.
   * @param events The events to wait for, such as `EPOLLIN`; 0 for errors and hang-ups only.
   * @param onReady Called with the descriptor and the events. Many descriptors can share one function.
   * @param onError Called with an error that `onReady` throws. Default: the error is uncaught, as in a timer.
   * @throws {PosixError} `EBADF` if the descriptor or the poller is closed; `EEXIST` if it is registered; `EPERM`
   * for a file.
   */
  add<D extends Descriptor>(
    descriptor: D,
    events: number,
    onReady: OnReady<D>,
    onError?: OnError<D>,
  ): void {
    const number = this.#lastNumber = this.#lastNumber + 1 >>> 0;
    this.#control(EPOLL_CTL_ADD, descriptor, events, number);
    // The functions are called with this descriptor only.
    this.#register(
      descriptor,
      number,
      events,
      onReady as OnReady,
      (onError ?? uncaught) as OnError,
    );
    this.#size++;
    descriptor.setOnClose(this.#remove);
    if (!this.#isRunning) this.#run();
  }

  #register(
    descriptor: Descriptor,
    number: number,
    events: number,
    onReady: OnReady,
    onError: OnError,
  ): void {
    const { fd } = descriptor;
    this.#numbers[fd] = number;
    this.#waitsFor[fd] = events;
    this.#descriptors[fd] = descriptor;
    this.#onReady[fd] = onReady;
    this.#onError[fd] = onError;
  }

  /**
   * `EPOLL_CTL_MOD`: changes the events that a descriptor waits for. Its function is not called for other events,
   * even if they have occurred.
   *
   * @param descriptor The registered descriptor.
   * @param events The events.
   * @throws {PosixError} `ENOENT` if the descriptor is not registered, `EBADF` if it or the poller is closed.
   */
  modify(descriptor: Descriptor, events: number): void {
    const { fd } = descriptor;
    this.#control(EPOLL_CTL_MOD, descriptor, events, this.#numbers[fd] ?? 0);
    this.#waitsFor[fd] = events;
  }

  /**
   * `EPOLL_CTL_DEL`: removes a descriptor. Its function is not called again, even for events that have occurred.
   *
   * @param descriptor The registered descriptor.
   * @throws {PosixError} `ENOENT` if the descriptor is not registered, `EBADF` if it or the poller is closed.
   */
  remove(descriptor: Descriptor): void {
    this.#control(EPOLL_CTL_DEL, descriptor, 0, 0);
    this.#forget(descriptor);
    if (--this.#size === 0) this.#endWait();
  }

  /**
   * Reports whether a descriptor is registered.
   *
   * @internal
   */
  has(descriptor: Descriptor): boolean {
    return this.#descriptors[descriptor.fd] === descriptor;
  }

  /** Removes all descriptors, which stay open, and ends the loop. A second call does nothing. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const descriptor of this.#descriptors) if (descriptor) this.#forget(descriptor);
    this.#size = 0;
    this.#endWait();
    this.#closeUnused();
  }

  /** Closes the poller at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Makes the loop call epoll_wait(2) now: the result of the wait in the pool may be late.
   *
   * @internal
   */
  wake(): void {
    this.#woken.resolve();
  }

  /**
   * Whether the loop waits for the promise of a function, and descriptors may be ready.
   *
   * @internal
   */
  get isAwaiting(): boolean {
    return this.#isAwaiting;
  }

  /**
   * How many times the loop has called the functions of all descriptors that one epoll_wait(2) returned.
   *
   * @internal
   */
  get turns(): number {
    return this.#turns;
  }

  #control(operation: number, descriptor: Descriptor, events: number, number: number): void {
    if (!this.#isOpen) throw errnoError(numbers.EBADF, "epoll_ctl"); // the loop may not have closed it yet
    this.#event[0] = events;
    this.#event[DATA] = descriptor.fd;
    this.#event[DATA + 1] = number;
    const sys = libc();
    if (sys.epoll_ctl(this.#epoll.fd, operation, descriptor.fd, this.#event) === -1) {
      throw errnoError(errno(sys.saveErrno(errnoCell, errnoAddress, 4)), "epoll_ctl");
    }
  }

  #forget(descriptor: Descriptor): void {
    const { fd } = descriptor;
    this.#descriptors[fd] = undefined; // the functions remain until the number is used again
    descriptor.setOnClose(undefined);
  }

  /** Waits in the pool until a descriptor is ready, or for `wake`. */
  #wait(): Promise<void> {
    this.#woken = Promise.withResolvers();
    if (!this.#isInPool) {
      this.#isInPool = true;
      libc().waitEpoll(this.#epoll.fd, this.#poolEvents, MAX_EVENTS, -1).then((count) => {
        this.#isInPool = false;
        this.#poolCount = count;
        this.wake();
        this.#closeUnused();
      });
    }
    return this.#woken.promise;
  }

  #endWait(): void {
    if (this.#isInPool) libc().write(this.#alarm.fd, ONE, ONE.byteLength);
  }

  /** Closes its own descriptors, if neither the loop nor a wait in the pool uses them any more. */
  #closeUnused(): void {
    if (this.#isOpen || this.#isRunning || this.#isInPool) return;
    this.#epoll.close();
    this.#alarm.close();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let yielded = performance.now(); // when Deno's own loop last ran
    // The caller runs first: it may still change what it registers.
    await undefined;
    while (this.#size > 0) {
      let vector = this.#poolEvents;
      let count = this.#poolCount;
      this.#poolCount = 0;
      if (count <= 0) {
        vector = this.#events;
        count = libc().epoll_wait(this.#epoll.fd, vector, MAX_EVENTS, 0); // -1 for EINTR only
      }
      if (count === 0) {
        await this.#wait();
        yielded = performance.now();
        continue;
      }
      for (let i = 0; i < count; i++) {
        const fd = vector[i * EVENT + DATA] ?? 0;
        const descriptor = this.#descriptors[fd];
        if (descriptor === undefined) continue;
        if (this.#numbers[fd] !== vector[i * EVENT + DATA + 1]) continue;
        const events = (vector[i * EVENT] ?? 0) & ((this.#waitsFor[fd] ?? 0) | ALWAYS);
        if (events === 0) continue;
        const onError = this.#onError[fd]; // now, because the function may close the descriptor
        try {
          const done = this.#onReady[fd]?.(descriptor, events);
          if (done !== undefined) {
            this.#isAwaiting = true;
            await done;
          }
        } catch (error) {
          report(error, descriptor, onError);
        }
        this.#isAwaiting = false;
      }
      this.#turns++;
      if (performance.now() - yielded > MAX_BUSY) {
        await nextTurn();
        yielded = performance.now();
      } else {
        await undefined; // callbacks of the promises that the functions have resolved
      }
    }
    this.#isRunning = false;
    this.#closeUnused();
  }
}

/** Calls `onError`; an error that it throws is an uncaught error. */
function report(error: unknown, descriptor: Descriptor, onError: OnError = uncaught): void {
  try {
    onError(error, descriptor);
  } catch (thrown) {
    uncaught(thrown);
  }
}

function uncaught(error: unknown): void {
  reportError(error);
}
