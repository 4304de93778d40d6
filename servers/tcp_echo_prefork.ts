#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007 --allow-read=servers/workers,lib,protocols,cli.ts,mod.ts
/**
 * A pre-forked echo server: several workers share one port, and the kernel distributes the
 * connections (SO_REUSEPORT). Each worker is a thread with its own listening socket and event loop.
 *
 * Usage: servers/tcp_echo_prefork.ts [host] [service] [OPTION...]
 *   --workers N             number of workers (4)
 *   --max-connections N     maximum number of open connections per worker (1024)
 *   --idle-timeout SECONDS  abort a connection that is idle for this long; 0 for no limit (300)
 *   --min-rate BYTES        minimum rate of a client, in bytes per second; 0 for none (4)
 *   --grace SECONDS         how long connections may continue after SIGINT or SIGTERM (5)
 *   --backlog N             maximum number of pending connections per worker (4096)
 *   --quiet                 do not print connections and messages
 *
 * The minimum rate is averaged over the idle timeout.
 *
 * From UCM 2.4, pre-fork. Departs from it: a worker that dies is replaced after half a second; a
 * second server on the same port fails, unless both start at the same moment; messages are printed
 * as in servers/tcp_echo_concurrent.ts. Deno loads a worker's modules when the worker starts, which
 * requires read permission for them: run the program from the project's root.
 *
 * ```console
 * $ servers/tcp_echo_prefork.ts 127.0.0.1 7007 --workers=2
 * ! listening on 127.0.0.1:7007
 * [worker *] Connection from 127.0.0.1:*
 * 	Message: hello
 * ^C
 * $ clients/tcp_echo.ts 127.0.0.1 7007
 * > hello
 * hello
 * ```
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { count, host, logListening, main, port, serverOptions } from "../cli.ts";
import {
  formatAddress,
  logError,
  openListener,
  requirePermissions,
  terminationSignal,
  withContext,
} from "../mod.ts";
import type { Report, Settings } from "./workers/tcp_echo.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo_prefork.ts" with { type: "text" };

/** How long to wait before replacing a worker that died, in ms. */
const RESTART_PAUSE = 500;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7007) },
  options: { workers: count(4, 64), ...serverOptions, backlog: count(4096), quiet: false },
}, async ({ host, service, workers, ...options }) => {
  await requireWorkerPermissions(host, service);
  // bind, without SO_REUSEPORT: fails if another server has bound the port, even with SO_REUSEPORT
  const listener = await openListener(service, { hostname: host });
  listener.close();
  const { addr } = listener;
  const signal = terminationSignal();

  let listening = 0;
  const onListening = () => {
    listening++;
    if (listening === workers) logListening(addr);
  };
  // fork, wait
  await Promise.all(Array.from({ length: workers }, (_, index) => {
    const settings: Settings = { ...options, host, service: addr.port, worker: index + 1 };
    return keepRunning(settings, signal, onListening);
  }));
});

/** Runs a worker until the signal aborts. Replaces it if it dies; rejects if it has not listened. */
async function keepRunning(
  settings: Settings,
  signal: AbortSignal,
  onListening: () => void,
): Promise<void> {
  let hasListened = false;
  while (!signal.aborted) {
    try {
      await run(settings, signal, () => {
        if (!hasListened) onListening();
        hasListened = true;
      });
    } catch (error) {
      if (!hasListened) throw error;
      const next = signal.aborted ? "" : ", starting another";
      logError(withContext(`worker ${settings.worker} died${next}`, error));
      await delay(RESTART_PAUSE, { signal }).catch(() => {});
    }
  }
}

/** Runs a worker. Resolves when it has drained after the signal; rejects if it fails. */
async function run(
  settings: Settings,
  signal: AbortSignal,
  onListening: () => void,
): Promise<void> {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(import.meta.resolve("./workers/tcp_echo.ts"), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Report>) => {
    if (data === "listening") onListening();
    else if (data === "ended") resolve();
    else reject(new Error(data.failure));
  };
  worker.onerror = (event) => {
    event.preventDefault(); // the default action ends this thread too
    reject(new Error(event.message));
  };
  worker.postMessage(settings);
  const drain = () => worker.postMessage("drain");
  signal.addEventListener("abort", drain);
  await ended.finally(() => signal.removeEventListener("abort", drain));
}

/** Requires all permissions of the workers: to listen, and to read their modules. */
async function requireWorkerPermissions(hostname: string, port: number): Promise<void> {
  const modules = ["./workers", "../lib", "../protocols", "../cli.ts", "../mod.ts"];
  await requirePermissions(
    { name: "net", host: formatAddress({ transport: "tcp", hostname, port }) },
    ...modules.map((module) => ({ name: "read", path: new URL(module, import.meta.url) } as const)),
  ).catch((error) => {
    throw withContext("fork", error);
  });
}
