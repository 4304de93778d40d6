/**
 * A fault-tolerant accept loop, used by every stream server.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Backlog } from "./_backlog.ts";
import { Connection } from "../socket/connection.ts";
import { codeOf, failed, isClosed } from "../errors.ts";
import { logError, report } from "../io/log_error.ts";
import { OpenConnections } from "./_idle_monitor.ts";

/** The first and the longest pause while the system's resources are used up, in ms. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 1000;

/** The accept errors that last until the system has resources again. */
const exhausted = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/** Resolves in the next turn of the event loop. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How {@linkcode accept} treats its clients. */
export interface AcceptOptions {
  /** When it aborts, the server drains and the loop ends. Default: only the listener's owner ends it. */
  signal?: AbortSignal;
  /** How many connections may be open at once; further clients wait in the backlog. Default 1024. */
  maxConnections?: number;
  /**
   * How long a client may let a read or a write wait, in ms; 0: without a limit. Default 300,000. It is
   * cut off within a quarter of that time more. A write ends when the system's buffers make room, which may
   * be a megabyte at a time: a client that reads more slowly than that counts as idle.
   */
  idleTimeout?: number;
  /**
   * How many bytes a second a client must send or receive, on average over `idleTimeout`; 0, the default:
   * any number. It ends clients that send a byte now and then to hold a connection. Time in which the
   * service works counts too. Without an `idleTimeout` it has no effect.
   */
  minRate?: number;
  /** How long connections may go on after `signal`, in ms. Default 5000. */
  grace?: number;
  /**
   * Called with accept failures, and with the errors of services that {@linkcode Connection.serve} runs.
   * Default {@linkcode logError}. Clients that reset before they were accepted are not reported.
   */
  onError?: (error: Error) => void;
}

/**
 * `accept(2)`, in a loop that no client can end: yields one connection after another.
 *
 * A loop that awaits each connection's {@linkcode Connection.serve} is an iterative server; one that
 * starts it and goes on to the next is a concurrent one. Either way
 *
 * - a client that reset its connection while it waited in the backlog is skipped;
 * - when the system has no descriptors or memory left (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`), the loop
 *   pauses, for 5 ms first and at most a second; after any other failure it goes on at once;
 * - at `maxConnections` it accepts no more until one closes; `idleTimeout` and `minRate` cut off clients
 *   that neither send nor receive, or too little;
 * - when `signal` aborts, a Unix-domain socket's file is removed; the clients that wait in the backlog are
 *   still accepted, then the listener is closed; connections may finish what is in flight and are cut when
 *   the `grace` period ends; the loop ends when all are closed.
 *
 * @param listener The listening socket, TCP or Unix. It is closed after `signal` aborts.
 * @param options See {@linkcode AcceptOptions}.
 * @returns The connections; the caller must close each, as `serve` does. The loop ends after `signal`, or
 * when it finds the listener closed by its owner: it looks when it accepts the next client, and then, too,
 * drains the open connections. If the caller leaves the loop before `signal`, the listener and the open
 * connections stay open.
 * @throws {RangeError} If a limit is invalid. A time must be less than 2 ** 31 ms.
 * @throws {Deno.errors.Busy} If another loop accepts from the listener.
 *
 * Source: UCM lecture (iterative, accept-and-fork); accept(2).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { accept, echo } from "@deno-sockets/samples";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const stop = new AbortController();
 * const server = (async () => {
 *   for await (const conn of accept(listener, { signal: stop.signal })) {
 *     conn.serve(echo);
 *   }
 * })();
 *
 * using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * await client.write(new TextEncoder().encode("hello"));
 * const reply = new Uint8Array(80);
 * assertEquals(await client.read(reply), 5);
 *
 * client.close();
 * stop.abort();
 * await server;
 * ```
 */
export async function* accept<A extends Deno.Addr>(
  listener: Deno.Listener<Deno.Conn<A>>,
  options: AcceptOptions = {},
): AsyncGenerator<Connection<A>, void, void> {
  const { signal, maxConnections = 1024, grace = 5000, onError = logError } = options;
  const { idleTimeout = 300_000, minRate = 0 } = options;
  checkLimits({ maxConnections, idleTimeout, minRate, grace });

  using backlog = new Backlog(listener);
  const open = new OpenConnections<A>({ idleTimeout, minRate });
  let slotFreed = Promise.withResolvers<void>();
  let isDraining = false;
  const drain = () => {
    if (isDraining) return;
    isDraining = true;
    open.drain(grace);
    backlog.closeWhenEmpty(grace);
  };
  if (signal?.aborted) drain();
  signal?.addEventListener("abort", drain);
  try {
    let pause = 0;
    for (;;) {
      // A slot is taken before accept, so that further clients wait in the backlog and cost nothing.
      while (open.size >= maxConnections) await slotFreed.promise;
      let socket: Deno.Conn<A>;
      try {
        socket = await backlog.accept();
      } catch (error) {
        if (isClosed(error)) break;
        if (error instanceof Deno.errors.Busy) throw failed("accept", error);
        if (isGone(error)) continue;
        report(onError, failed("accept", error));
        if (!exhausted.includes(codeOf(error) ?? "")) {
          await nextTurn(); // whatever fails again and again, timers and signals go on
          continue;
        }
        pause = Math.min(pause * 2 || FIRST_PAUSE, isDraining ? FIRST_PAUSE : LONGEST_PAUSE);
        await delay(pause, isDraining || !signal ? {} : { signal }).catch(() => {});
        continue;
      }
      pause = 0;
      const conn: Connection<A> = new Connection(socket, () => {
        open.remove(conn);
        slotFreed.resolve();
        slotFreed = Promise.withResolvers();
      }, onError);
      open.add(conn);
      yield conn;
    }
    drain();
    while (open.size > 0) await slotFreed.promise;
  } finally {
    signal?.removeEventListener("abort", drain);
  }
}

function checkLimits(limits: Required<Omit<AcceptOptions, "signal" | "onError">>): void {
  const { maxConnections, idleTimeout, minRate, grace } = limits;
  if (!Number.isInteger(maxConnections) || maxConnections < 1) {
    throw new RangeError(`accept: ${maxConnections} is not a number of connections`);
  }
  for (const [name, ms] of Object.entries({ idleTimeout, grace })) {
    if (!(ms >= 0 && ms < 2 ** 31)) {
      throw new RangeError(`accept: ${ms} ms is not a time for ${name}`);
    }
  }
  if (!(minRate >= 0 && minRate < Infinity)) {
    throw new RangeError(`accept: ${minRate} is not a rate in bytes a second`);
  }
}

/** Whether accept rejected because the client did not wait for it. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
