/**
 * The accept loop that survives: what every server of the suite stands on.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Connection } from "./connection.ts";
import { failed, isClosed } from "./errors.ts";
import { OpenConnections } from "./open_connections.ts";

/** The first and the longest pause after a failed accept, in ms. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 1000;

/** How {@linkcode accept} treats its clients. */
export interface AcceptOptions {
  /** When it aborts, the server accepts no more and drains. Without one it goes on for ever. */
  signal?: AbortSignal;
  /** How many connections may be open at once; further clients wait in the backlog. Default 1024. */
  maxConnections?: number;
  /** How long a client may let a read or a write wait, in ms; 0, the default, is for ever. */
  idleTimeout?: number;
  /** How long connections may go on after `signal`, in ms. Default 5000. */
  grace?: number;
  /**
   * Is told why the loop pauses, and why the service of a client failed that
   * {@linkcode Connection.serve} ran. Nobody is told of clients that reset before they were accepted.
   */
  onError?: (error: Error) => void;
}

/**
 * `accept(2)`, in a loop that no client can end: yields one connection after another.
 *
 * A loop that awaits each connection's {@linkcode Connection.serve} is an iterative server; one that
 * starts it and goes on to the next is a concurrent one. Either way
 *
 * - a client that reset its connection while it waited in the backlog is passed over;
 * - when descriptors run out (`EMFILE`) or accept fails in another way, the loop pauses, for 5 ms
 *   first and at most a second, and goes on; the connections that are open do not notice;
 * - at `maxConnections` it accepts no more until one closes, and `idleTimeout` cuts off clients that
 *   neither send nor receive;
 * - when `signal` aborts, the listener is closed, connections may finish what is in flight, are cut
 *   when the `grace` period ends, and the loop ends when all are closed.
 *
 * @param listener The listening socket, TCP or Unix. It is closed when `signal` aborts.
 * @param options See {@linkcode AcceptOptions}.
 * @returns The connections. Whoever takes one closes it, as `serve` does. The loop ends when the listener
 * is closed, by `signal` or by its owner.
 * @throws {RangeError} If a limit is not a number that can be one; a time is less than 2 ** 31 ms.
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
  const { signal, maxConnections = 1024, idleTimeout = 0, grace = 5000, onError } = options;
  if (!Number.isInteger(maxConnections) || maxConnections < 1) {
    throw new RangeError(`accept: ${maxConnections} is not a number of connections`);
  }
  for (const [name, ms] of Object.entries({ idleTimeout, grace })) {
    if (!(ms >= 0 && ms < 2 ** 31)) {
      throw new RangeError(`accept: ${ms} ms is not a time for ${name}`);
    }
  }

  const open = new OpenConnections<A>(idleTimeout);
  let oneLeft = Promise.withResolvers<void>();
  const stop = () => {
    listener[Symbol.dispose](); // a pending accept rejects
    open.drain(grace);
  };
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  try {
    let pause = 0;
    for (;;) {
      while (open.size >= maxConnections) await oneLeft.promise;
      let accepted: Deno.Conn<A>;
      try {
        accepted = await listener.accept();
      } catch (error) {
        if (isClosed(error)) break;
        if (isGone(error)) continue;
        onError?.(failed("accept", error));
        pause = Math.min(pause * 2 || FIRST_PAUSE, LONGEST_PAUSE);
        await delay(pause);
        continue;
      }
      pause = 0;
      const conn: Connection<A> = new Connection(accepted, () => {
        open.remove(conn);
        oneLeft.resolve();
        oneLeft = Promise.withResolvers();
      }, onError);
      open.add(conn);
      yield conn;
    }
    while (open.size > 0) await oneLeft.promise;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Whether accept rejected because the client did not wait for it. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
