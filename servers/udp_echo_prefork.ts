#!/usr/bin/env -S deno run --allow-net=127.0.0.1
/**
 * A pre-forked UDP echo server: several workers receive from one socket, and a message that takes long
 * keeps only its own worker busy.
 *
 * Usage: servers/udp_echo_prefork.ts [host] [service] [OPTION...]
 *   --workers N      how many (4)
 *   --delay SECONDS  how long a worker pretends to work on a message (0)
 *   --quiet          print no line for a message
 *
 * From UCM 2.4, pre-fork for datagrams. As there, all workers wait on the same socket, and a message goes
 * to one that is free; they are tasks, not processes. Sockets of their own on the same port would not
 * do: with SO_REUSEADDR the last one gets everything, and SO_REUSEPORT, which Deno has not for UDP, would
 * send a client to the same worker each time, busy or not. A datagram from port 0 or in the server's own
 * name is dropped. After SIGINT or SIGTERM, the workers answer what has come already, for 5 seconds at most.
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

/** The longest message that is received whole, in bytes. */
const MESSAGE_SIZE = 80;

/** How long the workers may go on after a signal, in ms. */
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
        const { hostname, port } = from;
        await stdout.print(
          `[worker ${worker}] Message from ${hostname}:${port}: ${printable(message)}`,
        );
        logTruncated(datagram, MESSAGE_SIZE);
      }
      if (delay > 0) await pause(delay);
      // sendto: one client that cannot be answered is no reason to leave the others
      await sendTo(socket, message, from).catch(logError);
    }
  }
});

/** Waits for a signal, and then for the end of the grace period. */
async function graceOver(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  await pause(GRACE);
}
