/**
 * A fault-tolerant accept loop, used by every stream server.
 *
 * @module
 */

import { acceptLoop, type AcceptOptions } from "./accept_loop.ts";
import { readScheduler } from "./read_scheduler.ts";
import { ServerConnection } from "./server_connection.ts";

/**
 * `accept(2)` in a fault-tolerant loop: yields the connections of a listener.
 *
 * A loop that awaits each connection's {@linkcode ServerConnection.serve} is an iterative server; a loop
 * that does not await it is a concurrent server.
 *
 * - A client that resets its connection in the backlog is skipped.
 * - If the system has no descriptors or memory (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`), the loop backs off,
 *   from 5 ms up to a second. After any other failure it continues immediately.
 * - At `maxConnections` it does not accept until a connection closes. Connections that exceed `idleTimeout`
 *   or stay below `minRate` are aborted.
 * - When `signal` aborts, the server drains: it removes a Unix-domain socket's file, accepts the clients in
 *   the backlog, and closes the listener. Each connection is aborted when it waits for its client and no data
 *   arrives, or at the end of the `grace` period. The loop ends when all connections are closed.
 *
 * Source: UCM lecture (iterative, accept-and-fork); accept(2).
 *
 * @param listener The listening socket, TCP or Unix. The loop closes it after `signal` aborts.
 * @param options See {@linkcode AcceptOptions}.
 * @returns The connections. The caller must close each, as `serve` does. After `signal`, or when the listener
 * is closed, the loop drains the open connections and ends. If the caller breaks out of the loop before
 * `signal`, the listener and the connections stay open.
 * @throws {RangeError} If a limit is invalid. A time must be less than 2 ** 31 ms.
 * @throws {Deno.errors.Busy} If another loop accepts from the listener.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { accept, echo, openListener, writeText } from "@deno-sockets/samples";
 *
 * const listener = await openListener(0);
 * const stop = new AbortController();
 * const server = (async () => {
 *   for await (const conn of accept(listener, { signal: stop.signal })) {
 *     conn.serve(echo);
 *   }
 * })();
 *
 * using client = await Deno.connect({ port: listener.addr.port });
 * await writeText(client, "hello");
 * const reply = new Uint8Array(80);
 * assertEquals(await client.read(reply), 5);
 *
 * client.close();
 * stop.abort();
 * await server;
 * ```
 *
 * @category Servers
 */
export function accept<A extends Deno.Addr>(
  listener: Deno.Listener<Deno.Conn<A>>,
  options?: AcceptOptions,
): AsyncGenerator<ServerConnection<A>, void, void> {
  return acceptLoop(listener, options, (socket: Deno.Conn<A>, context) => {
    return new ServerConnection(socket, { ...context, scheduler: readScheduler });
  });
}
