#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007 --allow-read=servers/workers,lib,protocols,cli.ts,mod.ts
/**
 * A pre-forked echo server: several workers, each a thread with its own event loop and its own accept,
 * share one port; the system spreads the clients over them (SO_REUSEPORT).
 *
 * Usage: servers/tcp_echo_prefork.ts [host] [service] [OPTION...]
 *   --workers N             how many (4)
 *   --max-connections N     clients served at once by a worker (1024)
 *   --idle-timeout SECONDS  cut off a client that neither sends nor receives; 0: never (300)
 *   --min-rate BYTES        the least that a client must send and receive a second; 0: any (4)
 *   --grace SECONDS         on SIGINT or SIGTERM, let connections finish for so long (5)
 *   --backlog N             clients that may wait to be accepted by a worker (4096)
 *   --quiet                 print no line for a connection or a message
 *
 * The minimum rate is an average over the idle timeout.
 *
 * From UCM 2.4, pre-fork. Departs from it: a worker that dies is replaced half a second later; a second
 * server on the same port is refused, unless both start at the same moment; messages print as in
 * servers/tcp_echo_concurrent.ts. Deno reads a worker's modules when it starts one, and asks for the
 * permission to: run it from the project's root.
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
import type { Orders, Report } from "./workers/tcp_echo.ts";
// This file as text: main() prints its header for --help.
import header from "./tcp_echo_prefork.ts" with { type: "text" };

/** How long to wait before another worker takes the place of one that died, in ms. */
const RESTART_PAUSE = 500;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7007) },
  options: { workers: count(4, 64), ...serverOptions, backlog: count(4096), quiet: false },
}, async ({ host, service, workers, ...orders }) => {
  await mayReadWorkers(host, service);
  // bind: without SO_REUSEPORT it fails where another server has the port, even one that would share it
  if (service !== 0) (await openListener(service, { hostname: host })).close();

  const stop = terminationSignal();
  // fork: the first worker takes the port, a free one if it is 0, and the others share it
  const first = fork({ ...orders, host, service, worker: 1 }, stop);
  const address = await first.listening;
  const others = Array.from({ length: workers - 1 }, (_, index) => {
    return fork({ ...orders, host, service: address.port, worker: index + 2 }, stop);
  });
  for (const { listening } of others) await listening;
  logListening(address);
  // wait
  await Promise.all([first, ...others].map(({ ended }) => ended));
});

/** Keeps a worker running until `stop` aborts: when one dies, another takes its place. */
function fork(
  orders: Orders,
  stop: AbortSignal,
): { listening: Promise<Deno.NetAddr>; ended: Promise<void> } {
  const { promise: listening, resolve, reject } = Promise.withResolvers<Deno.NetAddr>();
  let port: number | undefined; // once the first has listened
  const keepRunning = async () => {
    do {
      try {
        await runWorker({ ...orders, service: port ?? orders.service }, stop, (address) => {
          port = address.port;
          resolve(address);
        });
      } catch (error) {
        if (port === undefined) return reject(error); // it never listened
        const next = stop.aborted ? "" : ", another takes its place";
        logError(withContext(`worker ${orders.worker} died${next}`, error));
        await delay(RESTART_PAUSE, { signal: stop }).catch(() => {});
      }
    } while (!stop.aborted);
  };
  return { listening, ended: keepRunning() };
}

/** Runs a worker to its end. */
async function runWorker(
  orders: Orders,
  stop: AbortSignal,
  onListening: (address: Deno.NetAddr) => void,
): Promise<void> {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(import.meta.resolve("./workers/tcp_echo.ts"), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Report>) => {
    if ("address" in data) onListening(data.address);
    else if ("failure" in data) reject(new Error(data.failure));
    else resolve();
  };
  worker.onerror = (event) => {
    event.preventDefault(); // it would end this thread too
    reject(new Error(event.message));
  };
  worker.postMessage(orders);
  const drain = () => worker.postMessage("drain");
  if (stop.aborted) drain();
  stop.addEventListener("abort", drain);
  try {
    await ended;
  } finally {
    stop.removeEventListener("abort", drain);
  }
}

/** Asks for the permissions to listen and to read the workers' modules, all at once. */
async function mayReadWorkers(hostname: string, port: number): Promise<void> {
  const modules = ["./workers", "../lib", "../protocols", "../cli.ts", "../mod.ts"];
  await requirePermissions(
    { name: "net", host: formatAddress({ transport: "tcp", hostname, port }) },
    ...modules.map((module) => ({ name: "read", path: new URL(module, import.meta.url) } as const)),
  ).catch((error) => {
    throw withContext("fork", error);
  });
}
