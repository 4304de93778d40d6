#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6 --allow-read=posix/workers,lib,cli.ts,mod.ts,posix.ts
/**
 * A pre-forked UDP echo server: several workers share one port, each with its own socket, and the
 * kernel distributes the datagrams (SO_REUSEPORT). Each worker is a thread with its own event loop.
 *
 * Usage: posix/udp_echo_prefork.ts [host] [service] [OPTION...]
 *   --workers N  number of workers (4)
 *   --quiet      do not print messages
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too.
 *
 * In servers/udp_echo_prefork.ts, the workers are tasks of one thread and receive from one socket: an
 * idle worker receives the next message, but the server uses one processor. Here each worker has a
 * queue and a processor of its own. The kernel chooses the socket by a hash of the client's address
 * and port: all messages of a client go to the same worker, even if it is busy and others are idle.
 * When a worker starts or ends, the kernel may assign the clients to other workers.
 *
 * A worker that dies is replaced after half a second. A second server on the same port fails, unless
 * both start at the same time. Each worker loads the C library, because errno belongs to a thread.
 * Deno loads a worker's modules when the worker starts, which requires read permission for them: run
 * the program from the project's root. Messages, and datagrams that are dropped, are treated as in
 * posix/udp_batch_echo_server.ts. After SIGINT or SIGTERM, the workers still answer the datagrams
 * that have arrived.
 *
 * ```console
 * $ posix/udp_echo_prefork.ts 127.0.0.1 7046 --workers=2
 * ! listening on 127.0.0.1:7046
 * [worker *] Message from 127.0.0.1:*: hello
 * [worker *] Message from 127.0.0.1:*: hello again
 * ^C
 * $ deno run --allow-net=127.0.0.1:0,127.0.0.1:7046 clients/udp_echo.ts 127.0.0.1 7046
 * > hello
 * hello
 * > hello again
 * hello again
 * ```
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { count, host, logListening, main, port } from "../cli.ts";
import {
  getAddrInfo,
  logError,
  requirePermissions,
  terminationSignal,
  withContext,
} from "../mod.ts";
import {
  addressFamily,
  bind,
  Descriptor,
  getsockname,
  libcPermission,
  SOCK_DGRAM,
  socket,
} from "../posix.ts";
import type { Report, Settings } from "./workers/udp_echo.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_echo_prefork.ts" with { type: "text" };

/** How long to wait before replacing a worker that died, in ms. */
const RESTART_PAUSE = 500;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7046) },
  options: { workers: count(4, 64), quiet: false },
}, async ({ host, service, workers, quiet }) => {
  await requireWorkerPermissions();
  // getaddrinfo
  const [info] = await getAddrInfo(host, service, { socktype: "dgram" });
  // socket, bind, without SO_REUSEPORT: fails if another server has bound the port, even with SO_REUSEPORT
  const probe = socket(addressFamily(info), SOCK_DGRAM);
  bind(probe, info);
  const address = getsockname(probe);
  probe.close();
  const signal = terminationSignal();

  let listening = 0;
  const onReady = () => {
    if (++listening === workers) logListening(address);
  };
  // fork, wait
  await Promise.all(Array.from({ length: workers }, (_, index) => {
    return keepRunning({ worker: index + 1, address, quiet }, signal, onReady);
  }));
});

/** Runs a worker until the signal aborts. Replaces it if it dies; rejects if it has not listened. */
async function keepRunning(
  settings: Settings,
  signal: AbortSignal,
  onReady: () => void,
): Promise<void> {
  let hasListened = false;
  while (!signal.aborted) {
    try {
      await run(settings, signal, () => {
        if (!hasListened) onReady();
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
async function run(settings: Settings, signal: AbortSignal, onReady: () => void): Promise<void> {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(import.meta.resolve("./workers/udp_echo.ts"), { type: "module" });
  let server: Descriptor | undefined;
  worker.onmessage = ({ data }: MessageEvent<Report>) => {
    if (data === "ended") return resolve();
    if ("failure" in data) return reject(new Error(data.failure));
    server = new Descriptor(data.listening);
    onReady();
  };
  worker.onerror = (event) => {
    event.preventDefault(); // the default action ends this thread too
    // close: a descriptor belongs to the process, and the kernel would still assign clients to the socket
    server?.close();
    reject(new Error(event.message));
  };
  worker.postMessage(settings);
  const drain = () => worker.postMessage("drain");
  signal.addEventListener("abort", drain);
  await ended.finally(() => signal.removeEventListener("abort", drain));
}

/** Requires the permissions of the workers: to load the C library, and to read their modules. */
async function requireWorkerPermissions(): Promise<void> {
  const modules = ["./workers", "../lib", "../cli.ts", "../mod.ts", "../posix.ts"];
  await requirePermissions(
    libcPermission(),
    ...modules.map((module) => ({ name: "read", path: new URL(module, import.meta.url) } as const)),
  ).catch((error) => {
    throw withContext("fork", error);
  });
}
