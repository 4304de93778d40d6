/**
 * A worker of posix/udp_echo_prefork.ts: posix/udp_batch_echo_server.ts in a thread.
 *
 * @module
 */

import { logTruncated, stderr, stdout } from "../../cli.ts";
import { formatAddress, printable, strerror, unmapAddress } from "../../mod.ts";
import {
  addressFamily,
  bind,
  MessageBatch,
  receiveBatches,
  sendAll,
  setsockopt,
  SO_REUSEPORT,
  SOCK_DGRAM,
  socket,
  SOL_SOCKET,
} from "../../posix.ts";

/** The parent's first message to a worker. The second is `"drain"`. */
export interface Settings {
  /** The number of the worker, from 1. */
  worker: number;
  /** The address, which the workers share. */
  address: Deno.Addr;
  /** Whether it prints no messages. */
  quiet: boolean;
}

/** A worker's message to its parent. `listening` is the number of its socket's descriptor. */
export type Report = { listening: number } | "ended" | { failure: string };

/** The maximum size of a message, in bytes. */
const MESSAGE_SIZE = 80;

/** The maximum number of datagrams of one system call. */
const BATCH_SIZE = 64;

/** How long a worker waits for its output to be written before it exits, in ms. */
const FLUSH_TIME = 1000;

const parent = self as unknown as Worker; // Deno types self as a window
const stop = new AbortController();

parent.onmessage = async ({ data }: MessageEvent<Settings | "drain">) => {
  if (data === "drain") return stop.abort();
  try {
    await work(data);
    await Promise.all([stdout.flush(FLUSH_TIME), stderr.flush(FLUSH_TIME)]);
    report("ended");
  } catch (error) {
    report({ failure: strerror(error) });
  }
  self.close();
};

function report(report: Report): void {
  parent.postMessage(report);
}

async function work({ worker, address, quiet }: Settings): Promise<void> {
  // socket, setsockopt, bind
  using server = socket(addressFamily(address), SOCK_DGRAM);
  setsockopt(server, SOL_SOCKET, SO_REUSEPORT, 1);
  bind(server, address);
  report({ listening: server.fd });

  // recvmmsg
  const batch = new MessageBatch(BATCH_SIZE, MESSAGE_SIZE);
  await receiveBatches(server, batch, async (count) => {
    if (!quiet) await printMessages(batch, count, `[worker ${worker}] `);
    // sendmmsg: to their senders
    await sendAll(server, batch);
  }, { signal: stop.signal });
  // close, at the end of using
}

async function printMessages(batch: MessageBatch, count: number, label: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    const from = unmapAddress(batch.from(i));
    const message = batch.message(i);
    await stdout.print(`${label}Message from ${formatAddress(from)}: ${printable(message)}`);
    logTruncated({ message, from, truncated: batch.isTruncated(i) }, MESSAGE_SIZE);
  }
}
