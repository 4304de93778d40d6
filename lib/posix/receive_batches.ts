/**
 * A datagram server's event loop, a batch of datagrams at a time.
 *
 * @module
 */

import { failed } from "../errors.ts";
import { logError, report } from "../io/log_error.ts";
import { UnanswerableFilter } from "../server/_unanswerable.ts";
import { GRACE, QUIET, type ReceiveOptions } from "../server/datagrams.ts";
import { EPOLLIN, SO_TYPE, SOCK_DGRAM, SOL_SOCKET } from "./constants.ts";
import type { Descriptor } from "./descriptor.ts";
import { EAGAIN, isPosixError } from "./errno.ts";
import { type MessageBatch, recvmmsg } from "./message_batch.ts";
import { Poller } from "./poller.ts";
import { addressFamily } from "./sockaddr.ts";
import { bind, getsockname, getsockopt, socket } from "./socket.ts";

/**
 * `recvmmsg(2)` in a fault-tolerant loop: calls a function with the datagrams of a socket, a batch at a time.
 *
 * It is `datagrams` of the main module for sockets of this module, and treats datagrams that must not be answered,
 * errors and `signal` in the same way: datagrams from port 0 and from the socket's own address are dropped.
 *
 * Source: recvmmsg(2), epoll(7).
 *
 * @param server The UDP socket.
 * @param batch The batch to fill.
 * @param onBatch Called with the number of datagrams in the batch. The loop waits for the promise that it
 * returns. If it throws, `onError` is called with the error.
 * @param options See {@linkcode ReceiveOptions}.
 * @returns A promise that resolves when the loop has ended, after `signal`, or when the socket is closed. The caller
 * must then close the socket.
 * @throws {TypeError} If it is not a UDP socket.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import {
 *   AF_INET, bind, getsockname, MessageBatch, receiveBatches, recvfrom, sendmmsg, sendto, SOCK_DGRAM, socket,
 * } from "@deno-sockets/samples/posix";
 *
 * using server = socket(AF_INET, SOCK_DGRAM);
 * bind(server, { transport: "udp", hostname: "127.0.0.1", port: 0 });
 * using client = socket(AF_INET, SOCK_DGRAM);
 * sendto(client, new TextEncoder().encode("hello"), getsockname(server));
 *
 * const stop = new AbortController();
 * const batch = new MessageBatch(64, 80);
 * await receiveBatches(server, batch, (count) => {
 *   sendmmsg(server, batch, 0, count); // echo
 *   stop.abort();
 * }, { signal: stop.signal });
 * assertEquals(recvfrom(client, new Uint8Array(80))?.size, 5);
 * ```
 *
 * @category Servers
 */
export async function receiveBatches(
  server: Descriptor,
  batch: MessageBatch,
  onBatch: (count: number) => void | Promise<void>,
  options?: ReceiveOptions,
): Promise<void> {
  const { signal, onError = logError } = options ?? {};
  const filter = new Filter(server, onError);
  using poller = new Poller();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let deadline = Infinity; // set by `signal`
  let isBusy = false; // in the function below: the loop ends after it
  const expire = () => {
    clearTimeout(timer);
    if (isBusy) return;
    if (performance.now() > deadline) return end();
    // Two timers: even if the first is late, the poller runs before the second.
    timer = setTimeout(() => {
      poller.wake();
      timer = setTimeout(end, QUIET / 2);
    }, QUIET / 2);
  };
  const stop = () => {
    deadline = performance.now() + GRACE;
    expire();
  };
  poller.add(server, EPOLLIN, async () => {
    isBusy = true;
    clearTimeout(timer);
    try {
      const received = recvmmsg(server, batch);
      if (received === -EAGAIN) return;
      const count = await filter.apply(batch);
      if (count > 0) await onBatch(count);
    } catch (error) {
      report(onError, error instanceof Error ? error : failed("recvmmsg", error));
    } finally {
      isBusy = false;
      if (server.fd === -1) end();
      else if (deadline < Infinity) expire();
    }
  });
  server.setOnClose(() => {
    poller.remove(server);
    if (!isBusy) end();
  });
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  await ended;
  clearTimeout(timer);
  signal?.removeEventListener("abort", stop);
}

/** Removes the datagrams that must not be answered from a batch. */
class Filter {
  readonly #addr: Deno.NetAddr;
  readonly #filter: UnanswerableFilter;

  constructor(server: Descriptor, onError: (error: Error) => void) {
    const addr = getsockname(server);
    if (!("hostname" in addr) || getsockopt(server, SOL_SOCKET, SO_TYPE) !== SOCK_DGRAM) {
      throw new TypeError("recvmmsg: not a UDP socket");
    }
    this.#addr = addr;
    this.#filter = new UnanswerableFilter("recvmmsg", { addr }, onError, canBind);
  }

  /** Returns the number of datagrams that remain. */
  apply(batch: MessageBatch): number | Promise<number> {
    for (let i = 0; i < batch.count; i++) {
      const port = batch.fromPort(i);
      // Most batches have no such datagram, and need no promise and no decoded address.
      if (port === 0 || port === this.#addr.port) return this.#applySlowly(batch);
    }
    return batch.count;
  }

  async #applySlowly(batch: MessageBatch): Promise<number> {
    for (let i = batch.count - 1; i >= 0; i--) {
      if (await this.#filter.drops(batch.from(i))) batch.remove(i);
    }
    return batch.count;
  }
}

function canBind(address: Deno.NetAddr): boolean {
  try {
    using descriptor = socket(addressFamily(address), SOCK_DGRAM);
    bind(descriptor, address);
    return true;
  } catch (error) {
    // A link-local address of IPv6 without its interface is invalid, whether it is local or not.
    return isPosixError(error) && error.code === "EINVAL";
  }
}
