#!/usr/bin/env -S deno run --allow-net=127.0.0.1:7007 --allow-read=servers/workers,lib,mod.ts
/**
 * A pre-forked echo server: several workers, each a thread with its own event loop and its own accept,
 * share one port; the system spreads the clients over them (SO_REUSEPORT).
 *
 * Usage: servers/tcp_echo_prefork.ts [host] [service] [OPTION...]
 *   --workers N             how many (4)
 *   --max-connections N     clients served at once by a worker (1024)
 *   --idle-timeout SECONDS  cut off a client that neither sends nor receives; 0: never (300)
 *   --grace SECONDS         on SIGINT or SIGTERM, let connections finish for so long (5)
 *   --backlog N             clients that may wait to be accepted by a worker (4096)
 *   --quiet                 print no line for a connection or a message
 *
 * From UCM 2.4, pre-fork. Departs from it: a worker that dies is replaced. Deno reads a worker's modules
 * when it starts one, and asks for the permission to: run it from the project's root.
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

import { count, formatAddress, main, port, seconds, strerror, terminationSignal } from "../mod.ts";
import type { Orders, Report } from "./workers/tcp_echo.ts";
import header from "./tcp_echo_prefork.ts" with { type: "text" };

await main(header, {
  operands: { host: "127.0.0.1", service: port(7007) },
  options: {
    workers: count(4),
    maxConnections: count(1024),
    idleTimeout: seconds(300),
    grace: seconds(5),
    backlog: count(4096),
    quiet: false,
  },
}, async ({ host, service, workers, ...orders }) => {
  await mayReadWorkers();
  const stop = terminationSignal();
  // fork: the first worker takes the port, a free one if it is 0, and the others share it
  const address = await fork({ ...orders, host, service, worker: 1 }, stop);
  for (let worker = 2; worker <= workers; worker++) {
    await fork({ ...orders, host, service: address.port, worker }, stop);
  }
  console.error(`listening on ${formatAddress(address)}`);
});

/** Starts a worker, and another in its place if it dies; resolves to where it listens. */
function fork(orders: Orders, stop: AbortSignal): Promise<Deno.NetAddr> {
  const { promise: listening, resolve, reject } = Promise.withResolvers<Deno.NetAddr>();
  const worker = new Worker(import.meta.resolve("./workers/tcp_echo.ts"), { type: "module" });
  const drain = () => worker.postMessage("drain");
  stop.addEventListener("abort", drain);
  let service: number | undefined;
  const died = (failure: string) => {
    stop.removeEventListener("abort", drain);
    if (service === undefined) return reject(new Error(failure)); // it never lived
    if (stop.aborted) return;
    console.error(`worker ${orders.worker} died, another takes its place: ${failure}`);
    fork({ ...orders, service }, stop).catch((error) => console.error(strerror(error)));
  };
  worker.onmessage = ({ data }: MessageEvent<Report>) => {
    if ("failure" in data) return died(data.failure);
    service = data.address.port;
    resolve(data.address);
  };
  worker.onerror = (event) => {
    event.preventDefault(); // or it would end this thread, too
    died(event.message);
  };
  worker.postMessage(orders);
  return listening;
}

/** Asks for the permission to read the workers' modules, in words of our own. */
async function mayReadWorkers(): Promise<void> {
  for (const module of ["./workers", "../lib", "../mod.ts"]) {
    const path = new URL(module, import.meta.url);
    const { state } = await Deno.permissions.request({ name: "read", path });
    if (state === "granted") continue;
    throw new Deno.errors.NotCapable(`Requires read access to "${path.pathname}"`);
  }
}
