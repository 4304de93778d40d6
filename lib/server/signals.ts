/**
 * The signals that end a server.
 *
 * @module
 */

/**
 * `sigaction(2)` for `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGQUIT`: turns the first of them into an
 * `AbortSignal`.
 *
 * A second one ends the process at once, without waiting for connections that are being drained, with the
 * exit status that a shell shows for a process that the signal has killed: 128 and the signal's number.
 *
 * @returns An `AbortSignal` that aborts at the first of these signals. It does not keep alive a process that
 * has nothing else to do.
 *
 * Source: sigaction(2).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { accept, openListener, terminationSignal } from "@deno-sockets/samples";
 *
 * const signal = terminationSignal();
 * using listener = await openListener(0);
 * Deno.kill(Deno.pid, "SIGTERM");
 * for await (const conn of accept(listener, { signal })) conn.close();
 * assertEquals(signal.aborted, true); // that is why the loop ended
 * ```
 *
 * @category Servers
 */
export function terminationSignal(): AbortSignal {
  const controller = new AbortController();
  for (const [name, number] of Object.entries(signals)) {
    Deno.addSignalListener(name as keyof typeof signals, () => {
      if (controller.signal.aborted) Deno.exit(128 + number);
      controller.abort();
    });
  }
  return controller.signal;
}

/** The signals, and their numbers. */
const signals = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
