/**
 * A server's connection to one client.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import { failed, withPeer } from "../errors.ts";
import { report } from "../io/log_error.ts";
import { Connection } from "../socket/connection.ts";
import type { LoopContext } from "./accept_loop.ts";
import type { Activity } from "./idle_monitor.ts";
import type { ReadScheduler } from "./read_scheduler.ts";

/** The context that {@linkcode accept} passes to each connection. */
export interface ConnectionContext extends LoopContext {
  /** Schedules its reads. */
  scheduler: ReadScheduler;
}

/**
 * A connection that {@linkcode accept} accepted: it runs a service, and can be aborted.
 *
 * The server aborts a connection that is idle for too long, too slow, or still open after the grace period.
 * Its calls then reject with `Deno.errors.TimedOut` or `Deno.errors.Interrupted`. If a process serves more than
 * 64 connections, their reads are scheduled fairly (docs/fairness.md).
 *
 * Source: UCM lecture, accept-and-fork. See {@linkcode accept} for an example.
 *
 * @category Servers
 */
export class ServerConnection<A extends Deno.Addr = Deno.Addr> extends Connection<A> {
  /** @internal */
  readonly activity: Activity = { reading: 0, writing: 0, changes: 0, bytes: 0 };
  readonly #context: ConnectionContext;
  #isOpen = true;
  #reason: Error | undefined;

  /** @internal */
  constructor(conn: Deno.Conn<A>, context: ConnectionContext) {
    super(conn);
    this.#context = context;
    context.scheduler.register();
  }

  /**
   * The child's part of accept-and-fork: runs a service, then closes the connection.
   *
   * An error of the service ends only this connection. If the accept loop awaits `serve`, the next client
   * waits until this client is served; otherwise both are served concurrently.
   *
   * @param service Serves the client. If it throws, the `onError` of {@linkcode accept} is called with the
   * error, prefixed with the client's address.
   */
  async serve(service: (conn: ServerConnection<A>) => Promise<void>): Promise<void> {
    try {
      await service(this);
    } catch (error) {
      report(this.#context.onError, withPeer(formatAddress(this.remoteAddr), error));
    } finally {
      this.close();
    }
  }

  /**
   * `read(2)`, `recv(2)`: reads up to `p.length` bytes.
   *
   * @param p The buffer to fill.
   * @returns The number of bytes read, which may be less than `p.length`; `null` at EOF.
   * @throws Any error thrown by {@linkcode Connection.read}, or the reason of
   * {@linkcode ServerConnection.abort}.
   */
  override async read(p: Uint8Array): Promise<number | null> {
    const turn = this.#context.scheduler.turn();
    if (turn) await turn;
    // Counted only after the turn: a read that waits for its turn does not wait for the peer.
    const { activity } = this;
    activity.reading++;
    activity.changes++;
    try {
      const count = await super.read(p);
      if (count !== null) activity.bytes += count;
      return count;
    } catch (error) {
      throw this.#explain("read", error);
    } finally {
      activity.reading--;
      activity.changes++;
    }
  }

  /**
   * `write(2)`, `send(2)`: writes up to `p.length` bytes; {@linkcode writeN} writes them all.
   *
   * @param p The bytes to write.
   * @returns The number of bytes written, which may be less than `p.length`.
   * @throws Any error thrown by {@linkcode Connection.write}, or the reason of
   * {@linkcode ServerConnection.abort}.
   */
  override async write(p: Uint8Array): Promise<number> {
    const { activity } = this;
    activity.writing++;
    activity.changes++;
    try {
      const count = await super.write(p);
      activity.bytes += count;
      return count;
    } catch (error) {
      throw this.#explain("write", error);
    } finally {
      activity.writing--;
      activity.changes++;
    }
  }

  /**
   * Closes the connection for a reason. Pending and later calls reject with it.
   *
   * @param reason The reason. The errors have its class, and name the call and the peer.
   */
  abort(reason: Error): void {
    this.#reason = reason;
    this.close();
  }

  /** `close(2)`: closes the connection. A second call does nothing. */
  override close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    super.close();
    this.#context.scheduler.unregister();
    this.#context.onClose(this);
  }

  #explain(call: string, error: unknown): unknown {
    if (this.#reason === undefined) return error;
    return failed(call, this.#reason, formatAddress(this.remoteAddr));
  }
}
