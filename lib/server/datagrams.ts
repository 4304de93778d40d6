/**
 * A fault-tolerant receive loop, used by the datagram servers.
 *
 * @module
 */

import { failed, isClosedError } from "../errors.ts";
import { logError, report } from "../io/log_error.ts";
import { unlinkSocket } from "../socket/_socket_file.ts";
import { checkLength, type Datagram, type DatagramSocket, recvFrom } from "../socket/datagram.ts";
import { nextTurn } from "../io/_next_turn.ts";
import { UnanswerableFilter } from "./_unanswerable.ts";

/** After `signal`, the queue counts as empty if no datagram arrives for this time, in ms. */
export const QUIET = 50;

/** The maximum time that datagrams are received after `signal`, in ms. */
export const GRACE = 5000;

/**
 * Options of {@linkcode datagrams}.
 *
 * @category Servers
 */
export interface ReceiveOptions {
  /**
   * Stops the server: the loop yields the queued datagrams, then ends. Default: the loop ends when the socket
   * is closed.
   */
  signal?: AbortSignal;
  /**
   * Called with each error of receiving, and once if datagrams are dropped. The loop continues. Default
   * {@linkcode logError}.
   */
  onError?: (error: Error) => void;
}

/**
 * `recvfrom(2)` in a fault-tolerant loop: yields the datagrams of a socket.
 *
 * Several loops may run over one UDP socket: each datagram goes to one of them.
 *
 * Datagrams from port 0 are dropped, because they cannot be answered. Datagrams from the socket's own address
 * are dropped, because a server that answered them would answer itself in a loop. If sockets share the port by
 * `reuseAddress`, these are not dropped, because they may come from another program. A loop between two
 * servers is not prevented: a datagram to one server with the forged source address of the other starts it.
 *
 * When `signal` aborts, a Unix-domain socket's file is removed. The socket stays open, so that datagrams can
 * still be answered. The loop yields the queued datagrams until none arrives for 50 ms, for 5 s at most. The
 * caller must then close the socket: a receive may be pending on it.
 *
 * Source: UCM lecture, UDP server; recvfrom(2).
 *
 * @param socket The datagram socket, UDP or Unix.
 * @param max The limit of a message, in bytes; a longer message is truncated.
 * @param options See {@linkcode ReceiveOptions}.
 * @returns The datagrams. The loop ends after `signal`, or when the socket is closed.
 * @throws {RangeError} If `max` is negative or not an integer.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { datagrams, openDatagram, openDatagramTo, sendTo } from "@deno-sockets/samples";
 *
 * const server = await openDatagram(0);
 * using client = await openDatagramTo(server.addr);
 * await sendTo(client, new TextEncoder().encode("hello"), server.addr);
 * for await (const { message, from } of datagrams(server, 80)) {
 *   assertEquals(new TextDecoder().decode(message), "hello");
 *   assertEquals(from, client.addr);
 *   server.close(); // ends the loop
 * }
 * ```
 *
 * @category Servers
 */
export async function* datagrams<A extends Deno.Addr>(
  socket: DatagramSocket<A>,
  max: number,
  options?: ReceiveOptions,
): AsyncGenerator<Datagram<A>, void, void> {
  const { signal, onError = logError } = options ?? {};
  checkLength(max);
  let end = Infinity; // when the loop ends; set by `signal`
  let endWait: (() => void) | undefined; // ends the wait for the next datagram
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expire = () => {
    clearTimeout(timer);
    // Two timers: even if the first is late, the event loop polls the socket before the second.
    timer = setTimeout(() => timer = setTimeout(() => endWait?.(), QUIET / 2), QUIET / 2);
  };
  /** Receives a datagram; after `signal`, `null` if none arrives in time. */
  const next = (): Promise<Datagram<A> | null> => {
    const { promise, resolve, reject } = Promise.withResolvers<Datagram<A> | null>();
    endWait = () => resolve(null);
    if (end < Infinity) expire();
    recvFrom(socket, max).then(resolve, reject);
    return promise;
  };
  const stop = () => {
    end = performance.now() + GRACE;
    unlinkSocket(socket);
    expire();
  };

  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  const filter = new UnanswerableFilter("recvfrom", socket, onError);
  try {
    while (end === Infinity || performance.now() < end) {
      let datagram: Datagram<A> | null;
      try {
        datagram = await next();
        if (end < Infinity) clearTimeout(timer);
      } catch (error) {
        if (isClosedError(error)) return;
        report(onError, failed("recvfrom", error));
        await nextTurn();
        continue;
      }
      if (datagram === null) return;
      const isDropped = filter.drops(datagram.from);
      if (isDropped === false || !await isDropped) yield datagram;
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}
