/**
 * A worker of servers/tcp_echo_prefork.ts: servers/tcp_echo_concurrent.ts in a thread.
 *
 * @module
 */

import { stderr, stdout } from "../../cli.ts";
import { accept, openListener, strerror } from "../../mod.ts";
import { echoMessages, echoQuietly } from "../../protocols/echo.ts";

/** The parent's first message to a worker. The second is `"drain"`. */
export interface Settings {
  /** The number of the worker, from 1. */
  worker: number;
  /** The address to bind. */
  host: string;
  /** The port, which the workers share. */
  service: number;
  /** The other properties are the options of the same names. Times are in ms. */
  maxConnections: number;
  idleTimeout: number;
  minRate: number;
  grace: number;
  backlog: number;
  quiet: boolean;
}

/** A worker's message to its parent. */
export type Report = "listening" | "ended" | { failure: string };

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

async function work(settings: Settings): Promise<void> {
  const { worker, host, service, backlog, quiet, ...limits } = settings;
  const label = `[worker ${worker}] `;
  // socket, setsockopt, bind, listen
  using listener = await openListener(service, { hostname: host, backlog, reusePort: true });
  report("listening");

  // accept
  const clients = accept(listener, {
    ...limits,
    signal: stop.signal,
    onError: (error) => stderr.print(`${label}${strerror(error)}`),
  });
  for await (const conn of clients) {
    const { hostname, port } = conn.remoteAddr;
    const peer = `${hostname}:${port}`;
    // fork: serve() is not awaited, so the loop accepts the next client immediately
    // recv, send, close
    conn.serve((conn) => quiet ? echoQuietly(conn) : echoMessages(conn, peer, label));
  }
}
