/**
 * Connected sockets with time limits, whose errors name the call and the peer.
 *
 * @module
 */

import { formatAddress, unmapAddress } from "../address/format.ts";
import { failed, withContext } from "../errors.ts";
import { joinTurns, leaveTurns, myTurn } from "../server/read_scheduler.ts";
import { logError, report } from "../io/log_error.ts";
import type { Reader, Writer } from "../io/robust_io.ts";

/**
 * A connected socket, as `connect(2)` and `accept(2)` give: a client's, or a server's to one client.
 *
 * Its calls are those of a `Deno.Conn`, but their errors name the call and the peer. A server's
 * connection is cut off when it stays idle for too long or outlasts the server's grace period: then its
 * calls reject with a `Deno.errors.TimedOut` or a `Deno.errors.Interrupted`.
 *
 * Where there are many connections, their reads take turns, so that those that are quick do not starve
 * the others (docs/fairness.md).
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Connection } from "@deno-sockets/samples";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * using conn = new Connection(await listener.accept());
 * await client.write(new Uint8Array([1, 2, 3]));
 * client.close();
 *
 * const buffer = new Uint8Array(8);
 * assertEquals(await conn.read(buffer), 3);
 * assertEquals(await conn.read(buffer), null);
 *
 * conn.cut(new Deno.errors.TimedOut("it took too long"));
 * await assertRejects(() => conn.read(buffer), Deno.errors.TimedOut, "it took too long");
 * ```
 */
export class Connection<A extends Deno.Addr = Deno.Addr> implements Reader, Writer, Disposable {
  /** `getpeername(2)`: the peer's address, an IPv4 peer's as IPv4 also on a dual-stack socket. */
  readonly remoteAddr: A;
  /** `getsockname(2)`: this end's address. */
  readonly localAddr: A;

  readonly #conn: Deno.Conn<A>;
  readonly #onClose: (() => void) | undefined;
  readonly #onError: (error: Error) => void;
  #isClosed = false;
  #reason: Error | undefined;
  #failure: Error | undefined; // of its last call that failed
  // Reads and writes that wait for the peer; each one that starts or ends is progress.
  #reading = 0;
  #writing = 0;
  #progress = 0;
  #progressSeen = 0;
  #bytes = 0;

  /**
   * Wraps a connection; `openClient` and {@linkcode accept} do so. Switches off Nagle's algorithm, which
   * would delay short messages.
   *
   * @param conn The connection. Takes ownership.
   * @param onClose Called once, when the connection is closed.
   * @param onError Called with the error of a service that {@linkcode Connection.serve} ran. Default: prints
   * it to stderr.
   */
  constructor(
    conn: Deno.Conn<A>,
    onClose?: () => void,
    onError: (error: Error) => void = logError,
  ) {
    this.#conn = conn;
    this.#onClose = onClose;
    this.#onError = onError;
    this.remoteAddr = unmapAddress(conn.remoteAddr);
    this.localAddr = unmapAddress(conn.localAddr);
    if ("setNoDelay" in conn) (conn as unknown as Deno.TcpConn).setNoDelay(true);
    joinTurns();
  }

  /**
   * The child's part of accept-and-fork: runs a service on the connection, and closes it.
   *
   * An error of the service ends this connection and nothing else. Awaited, the next client waits for
   * the end of this one; not awaited, it is served at the same time.
   *
   * @param service What to do for the client. What it throws goes to the `onError` of
   * {@linkcode accept}, and names the client.
   */
  async serve(service: (conn: Connection<A>) => Promise<void>): Promise<void> {
    try {
      await service(this);
    } catch (error) {
      const failure = this.#failure;
      const isOwn = error === failure && failure !== undefined; // it names the peer already
      report(this.#onError, isOwn ? failure : withContext(formatAddress(this.remoteAddr), error));
    } finally {
      this.close();
    }
  }

  /**
   * `read(2)`, `recv(2)`: reads up to `p.length` bytes.
   *
   * @param p Where the bytes go.
   * @returns How many came, perhaps fewer than asked for; `null` when the peer has shut down its side.
   * @throws {Deno.errors.ConnectionReset} If the peer reset the connection.
   * @throws {Deno.errors.TimedOut} If it was idle for too long.
   * @throws {Deno.errors.Interrupted} If the server is shutting down and nothing was in flight.
   */
  async read(p: Uint8Array): Promise<number | null> {
    const turn = myTurn();
    if (turn) await turn;
    // Only now it waits for the peer: what arrived while it waited for its turn is not late.
    this.#reading++;
    this.#progress++;
    try {
      const count = await this.#conn.read(p);
      if (count !== null) this.#bytes += count;
      return count;
    } catch (error) {
      throw this.#failed("read", error);
    } finally {
      this.#reading--;
      this.#progress++;
    }
  }

  /**
   * `write(2)`, `send(2)`: writes up to `p.length` bytes; {@linkcode writeN} writes them all.
   *
   * @param p The bytes.
   * @returns How many were written, perhaps fewer than were given.
   * @throws {Deno.errors.BrokenPipe} If the peer no longer receives.
   * @throws {Deno.errors.ConnectionReset} If the peer reset the connection.
   * @throws {Deno.errors.TimedOut} If the peer took nothing for too long.
   * @throws {Deno.errors.Interrupted} If the server's grace period is over.
   */
  async write(p: Uint8Array): Promise<number> {
    this.#writing++;
    this.#progress++;
    try {
      const count = await this.#conn.write(p);
      this.#bytes += count;
      return count;
    } catch (error) {
      throw this.#failed("write", error);
    } finally {
      this.#writing--;
      this.#progress++;
    }
  }

  /**
   * `shutdown(2)` with `SHUT_WR`: tells the peer that no more will be sent; reading goes on.
   *
   * @throws {Deno.errors.NotConnected} If the peer has gone already.
   */
  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      throw this.#failed("shutdown", error);
    }
  }

  /** `close(2)`: closes the connection; a second time does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    leaveTurns();
    this.#conn.close();
    this.#onClose?.();
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Looks whether the peer keeps the connection waiting; {@linkcode accept} does so now and then.
   *
   * @returns What it has been waiting for since the last look, with nothing coming or going; `null` if
   * something came or went, or if it is not the peer that it waits for.
   */
  look(): "read" | "write" | null {
    const isQuiet = this.#progress === this.#progressSeen;
    this.#progressSeen = this.#progress;
    if (!isQuiet) return null;
    return this.#writing > 0 ? "write" : this.#reading > 0 ? "read" : null;
  }

  /**
   * How many bytes were received and sent in all.
   *
   * @returns Their number.
   */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Closes the connection for a reason, which its calls then reject with.
   *
   * @param reason The reason. A call's error has its class, and the call and the peer before its message.
   */
  cut(reason: Error): void {
    this.#reason = reason;
    this.close();
  }

  #failed(call: string, error: unknown): Error {
    const failure = failed(call, this.#reason ?? error, formatAddress(this.remoteAddr));
    this.#failure = failure;
    return failure;
  }
}
