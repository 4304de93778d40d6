/**
 * A worker of servers/tcp_echo_prefork.ts: servers/tcp_echo_concurrent.ts in a thread of its own.
 *
 * @module
 */

import { stderr, stdout } from "../../cli.ts";
import { accept, openListener, strerror } from "../../mod.ts";
import { echoMessages, echoQuietly } from "../../protocols/echo.ts";

/** What the parent tells a worker when it starts it. */
export interface Orders {
  /** Its number, from 1. */
  worker: number;
  /** The address to bind. */
  host: string;
  /** The port, which other workers listen on, too. */
  service: number;
  /** As the options of the same names, times in ms. */
  maxConnections: number;
  idleTimeout: number;
  minRate: number;
  grace: number;
  backlog: number;
  quiet: boolean;
}

/** What a worker tells its parent: where it listens, why it cannot go on, or that it has ended. */
export type Report = { address: Deno.NetAddr } | { failure: string } | { ended: true };

/** How long the worker waits for its last lines to be printed, in ms. */
const FLUSH_TIME = 1000;

const parent = self as unknown as Worker; // the type is the window's, but the messages are the parent's
const stop = new AbortController();

parent.onmessage = async ({ data }: MessageEvent<Orders | "drain">) => {
  if (data === "drain") return stop.abort();
  try {
    await work(data);
    await Promise.all([stdout.flush(FLUSH_TIME), stderr.flush(FLUSH_TIME)]);
    report({ ended: true });
  } catch (error) {
    report({ failure: strerror(error) });
  }
  self.close();
};

function report(report: Report): void {
  parent.postMessage(report);
}

async function work(orders: Orders): Promise<void> {
  const { worker, host, service, backlog, quiet, ...limits } = orders;
  const label = `[worker ${worker}] `;
  // socket, setsockopt, bind, listen
  using listener = await openListener(service, { hostname: host, backlog, reusePort: true });
  report({ address: listener.addr });

  // accept
  const clients = accept(listener, {
    ...limits,
    signal: stop.signal,
    onError: (error) => stderr.print(`${label}${strerror(error)}`),
  });
  for await (const conn of clients) {
    const { hostname, port } = conn.remoteAddr;
    const peer = `${hostname}:${port}`;
    // fork: not awaited, so the loop accepts the next client while this one is served
    // recv, send, close
    conn.serve((conn) => quiet ? echoQuietly(conn) : echoMessages(conn, peer, label));
  }
}
