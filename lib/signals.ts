/**
 * The signals that end a server.
 *
 * @module
 */

/**
 * `sigaction(2)` for `SIGINT`, `SIGTERM`, `SIGHUP` and `SIGQUIT`: turns the first of them into an
 * `AbortSignal`.
 *
 * After the first, all have their default action again: a second one ends the process at once, without
 * waiting for connections that are being drained.
 *
 * @returns A signal that aborts when the process is told to end. It does not keep alive a process that
 * has nothing else to do.
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
  const listeners = new Map(
    Object.entries(signals).map(([name, number]) => {
      const onSignal = () => {
        // Another that came together with the first. Later ones have their default action.
        if (controller.signal.aborted) Deno.exit(128 + number);
        controller.abort();
        setTimeout(remove);
      };
      return [name as keyof typeof signals, onSignal];
    }),
  );
  const remove = () => {
    for (const [name, onSignal] of listeners) Deno.removeSignalListener(name, onSignal);
  };
  for (const [name, onSignal] of listeners) Deno.addSignalListener(name, onSignal);
  return controller.signal;
}

/** The signals, and their numbers. */
const signals = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
