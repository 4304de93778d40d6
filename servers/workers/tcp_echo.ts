/**
 * A worker of servers/tcp_echo_prefork.ts: servers/tcp_echo_concurrent.ts in a thread of its own.
 *
 * @module
 */

import { accept, type Connection, echo, openListener, printable, strerror } from "../../mod.ts";
import { stderr, stdout } from "../../cli.ts";

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

/** The longest piece that is received, printed and sent back at once, in bytes. */
const MESSAGE_SIZE = 80;
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
  const { worker, host, service, maxConnections, idleTimeout, minRate, grace, backlog, quiet } =
    orders;
  // socket, setsockopt, bind, listen
  using listener = await openListener(service, { hostname: host, backlog, reusePort: true });
  report({ address: listener.addr });

  // accept
  const clients = accept(listener, {
    signal: stop.signal,
    maxConnections,
    idleTimeout,
    minRate,
    grace,
    onError: (error) => stderr.print(`[worker ${worker}] ${strerror(error)}`),
  });
  for await (const conn of clients) {
    // fork: it is not awaited, so the loop accepts the next client while this one is served
    // recv, send, close
    conn.serve(quiet ? echoQuietly : (conn) => echoMessages(conn, worker));
  }
}

/** The service: prints each message and sends it back. */
async function echoMessages(conn: Connection<Deno.NetAddr>, worker: number): Promise<void> {
  const { hostname, port } = conn.remoteAddr;
  await stdout.print(`[worker ${worker}] Connection from ${hostname}:${port}`);
  await echo(conn, MESSAGE_SIZE, (message) => stdout.print(`\tMessage: ${printable(message)}`));
}

/** The service with `--quiet`: nothing is printed, so pieces may be large, and errors are nobody's. */
async function echoQuietly(conn: Connection<Deno.NetAddr>): Promise<void> {
  await echo(conn).catch(() => {});
}
