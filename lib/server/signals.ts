/**
 * The signals that stop a server.
 *
 * @module
 */

/**
 * `sigaction(2)` for `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGQUIT`: returns an `AbortSignal` that aborts at the
 * first of them.
 *
 * The second signal ends the process immediately, without draining connections. The exit status is 128 plus the
 * signal's number, as a shell reports it for a killed process.
 *
 * Source: sigaction(2).
 *
 * @returns The `AbortSignal`. It does not keep the process alive.
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
 * assertEquals(signal.aborted, true); // and the loop has ended
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

/** The numbers of the signals. */
const signals = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
