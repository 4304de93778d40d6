/**
 * The signals that end a server.
 *
 * @module
 */

/**
 * `sigaction(2)` for `SIGINT` and `SIGTERM`: turns the first of them into an `AbortSignal`.
 *
 * After the first, both have their default action again: whoever sends a second one does not want to
 * wait for the connections that are being drained, and it ends the process at once.
 *
 * @returns A signal that aborts when the process is told to end. Waiting for it does not keep a
 * process alive that has nothing else to do.
 *
 * Source: sigaction(2), `SA_RESETHAND`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { accept, terminationSignal } from "@deno-sockets/samples";
 *
 * const signal = terminationSignal();
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * Deno.kill(Deno.pid, "SIGTERM");
 * for await (const conn of accept(listener, { signal })) conn.close();
 * assertEquals(signal.aborted, true); // that is why the loop ended
 * ```
 */
export function terminationSignal(): AbortSignal {
  const controller = new AbortController();
  const signals: Deno.Signal[] = ["SIGINT", "SIGTERM"];
  const onSignal = () => {
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
    controller.abort();
  };
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  return controller.signal;
}
