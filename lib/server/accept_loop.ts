/**
 * The accept loop, for any kind of listening socket and connection.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { codeOf, failed, isClosedError } from "../errors.ts";
import { logError, report } from "../io/log_error.ts";
import { type Acceptor, Backlog } from "./_backlog.ts";
import { nextTurn } from "../io/_next_turn.ts";
import { IdleMonitor, type Monitored } from "./idle_monitor.ts";

/** The first and the maximum pause while the system lacks resources, in ms. */
const FIRST_PAUSE = 5;
const MAX_PAUSE = 1000;

/** The codes of accept errors that persist until the system has resources again. */
const exhausted = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/**
 * Options of {@linkcode accept}.
 *
 * @category Servers
 */
export interface AcceptOptions {
  /** Stops the server: it drains, then the loop ends. Default: the loop ends when the listener is closed. */
  signal?: AbortSignal;
  /** The maximum number of open connections; further clients wait in the backlog. Default 1024. */
  maxConnections?: number;
  /**
   * How long a read or a write may wait for the client, in ms; 0: without a limit. Default 300,000. The
   * connection is aborted at most a quarter of that time later. A write waits for room in the system's
   * buffers, which the system frees in steps of up to a megabyte: a client that takes longer to read one
   * step counts as idle.
   */
  idleTimeout?: number;
  /**
   * The minimum rate of a client, in bytes sent and received per second, on average over `idleTimeout`;
   * 0: none. Default 0. It disconnects clients that send a byte occasionally to keep a connection open. The
   * time that the service takes also counts. Without an `idleTimeout` it has no effect.
   */
  minRate?: number;
  /** How long connections may continue after `signal`, in ms. Default 5000. */
  grace?: number;
  /**
   * Called with accept failures and service errors. Default {@linkcode logError}. Resets before accept are
   * not reported.
   */
  onError?: (error: Error) => void;
}

/** What the loop passes to its connections. */
export interface LoopContext {
  /** Called once with each connection, when it is closed. */
  onClose: (conn: Monitored) => void;
  /** Called with the error of a connection's service. */
  onError: (error: Error) => void;
}

/**
 * Accepts sockets, as documented for {@linkcode accept}.
 *
 * @param acceptor The listening socket.
 * @param options See {@linkcode AcceptOptions}.
 * @param create Creates the connection of an accepted socket.
 * @returns The connections.
 */
export async function* acceptLoop<S, C extends Monitored>(
  acceptor: Acceptor<S>,
  options: AcceptOptions | undefined,
  create: (socket: S, context: LoopContext) => C,
): AsyncGenerator<C, void, void> {
  const { signal, maxConnections = 1024, grace = 5000, onError = logError } = options ?? {};
  const { idleTimeout = 300_000, minRate = 0 } = options ?? {};
  checkLimits({ maxConnections, idleTimeout, minRate, grace });

  using backlog = new Backlog(acceptor);
  const monitor = new IdleMonitor({ idleTimeout, minRate }, acceptor);
  // Resolved and replaced each time a connection closes. The loop awaits it in two places: before an accept
  // when all slots are taken, and at the end, until no connection is open.
  let slotFreed = Promise.withResolvers<void>();
  const context: LoopContext = {
    onClose: (conn) => {
      monitor.remove(conn);
      slotFreed.resolve();
      slotFreed = Promise.withResolvers();
    },
    onError,
  };
  let isDraining = false;
  const drain = () => {
    if (isDraining) return;
    isDraining = true;
    monitor.drain(grace);
    backlog.closeWhenEmpty(grace);
  };
  if (signal?.aborted) drain();
  signal?.addEventListener("abort", drain);
  try {
    let pause = 0;
    for (;;) {
      // Wait for a free slot before accept, not after: clients beyond the limit then wait in the backlog,
      // where they use no resources of this process.
      while (monitor.size >= maxConnections) await slotFreed.promise;
      let socket: S;
      try {
        socket = await backlog.accept();
      } catch (error) {
        if (isClosedError(error)) break;
        if (error instanceof Deno.errors.Busy) throw failed("accept", error);
        if (isReset(error)) continue;
        report(onError, failed("accept", error));
        if (!exhausted.includes(codeOf(error) ?? "")) {
          await nextTurn();
          continue;
        }
        pause = Math.min(pause * 2 || FIRST_PAUSE, isDraining ? FIRST_PAUSE : MAX_PAUSE);
        await delay(pause, isDraining || !signal ? {} : { signal }).catch(() => {});
        continue;
      }
      pause = 0;
      const conn = create(socket, context);
      monitor.add(conn);
      yield conn;
    }
    drain();
    while (monitor.size > 0) await slotFreed.promise;
  } finally {
    signal?.removeEventListener("abort", drain);
  }
}

function checkLimits(limits: Required<Omit<AcceptOptions, "signal" | "onError">>): void {
  const { maxConnections, idleTimeout, minRate, grace } = limits;
  if (!Number.isInteger(maxConnections) || maxConnections < 1) {
    throw new RangeError(`accept: ${maxConnections} is not a positive number of connections`);
  }
  for (const [name, ms] of Object.entries({ idleTimeout, grace })) {
    if (!(ms >= 0 && ms < 2 ** 31)) {
      throw new RangeError(`accept: ${name} of ${ms} ms is not from 0 to 2 ** 31 - 1 ms`);
    }
  }
  if (!(minRate >= 0 && minRate < Infinity)) {
    throw new RangeError(
      `accept: minRate of ${minRate} bytes a second is not a finite number of at least 0`,
    );
  }
}

/** Reports whether accept failed because the client closed or reset the connection first. */
function isReset(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
