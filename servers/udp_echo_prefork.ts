#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A pre-forked UDP echo server: several workers receive from one socket, so a slow message delays
 * only its worker.
 *
 * Usage: servers/udp_echo_prefork.ts [host] [service] [OPTION...]
 *   --workers N      number of workers (4)
 *   --delay SECONDS  simulated processing time of a message (0)
 *   --quiet          do not print messages
 *
 * From UCM 2.4, pre-fork for datagrams. As there, all workers wait on the same socket, and an idle
 * worker receives the next message; here they are tasks, not processes. Several sockets on one port
 * would not balance the load: with SO_REUSEADDR, the socket bound last receives all messages;
 * SO_REUSEPORT, which Deno does not support for UDP (posix/udp_echo_prefork.ts uses it), would assign
 * all messages of a client to the same worker, even if it is busy. A datagram from port 0, or with the
 * server's own address as its source, is dropped. After SIGINT or SIGTERM, the workers still answer
 * the datagrams that have arrived, for at most 5 seconds.
 *
 * ```console
 * $ servers/udp_echo_prefork.ts 127.0.0.1 7018 --workers=2
 * ! listening on 127.0.0.1:7018
 * [worker *] Message from 127.0.0.1:*: hello
 * [worker *] Message from 127.0.0.1:*: hello again
 * ^C
 * $ deno run --allow-net=127.0.0.1:0,127.0.0.1:7018 clients/udp_echo.ts 127.0.0.1 7018
 * > hello
 * hello
 * > hello again
 * hello again
 * ```
 *
 * @module
 */

import { delay as pause } from "@std/async/delay";
import { count, host, logListening, logTruncated, main, port, seconds, stdout } from "../cli.ts";
import { datagrams, logError, openDatagram, printable, sendTo, terminationSignal } from "../mod.ts";
// This file as text: main() prints its header for --help.
import header from "./udp_echo_prefork.ts" with { type: "text" };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;
/** How long the workers may continue after a signal, in ms. */
const GRACE = 5000;

await main(header, {
  operands: { host: host("127.0.0.1"), service: port(7018) },
  options: { workers: count(4, 64), delay: seconds(0), quiet: false },
}, async ({ host, service, workers, delay, quiet }) => {
  // getaddrinfo, socket, bind
  using socket = await openDatagram(service, { hostname: host });
  const signal = terminationSignal();
  logListening(socket.addr);

  // fork
  const ended = Promise.all(Array.from({ length: workers }, (_, index) => work(index + 1)));
  await Promise.race([ended, graceOver(signal)]);
  // close, at the end of using

  async function work(worker: number): Promise<void> {
    // recvfrom
    for await (const datagram of datagrams(socket, MESSAGE_SIZE, { signal })) {
      const { message, from } = datagram;
      if (!quiet) {
        const peer = `${from.hostname}:${from.port}`;
        await stdout.print(`[worker ${worker}] Message from ${peer}: ${printable(message)}`);
        logTruncated(datagram, MESSAGE_SIZE);
      }
      if (delay > 0) await pause(delay);
      // sendto: an error of one client does not stop the server
      await sendTo(socket, message, from).catch(logError);
    }
  }
});

/** Waits for the signal, then for the end of the grace period. */
async function graceOver(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  await pause(GRACE);
}
