/**
 * Connected stream sockets.
 *
 * @module
 */

import { formatAddress, unmapAddress } from "../address/format.ts";
import { failed } from "../errors.ts";
import type { Reader, Writer } from "../io/read_write.ts";

/** What a {@linkcode Connection} wraps: a `Deno.Conn`, whose streams it does not use. */
export type StreamSocket<A extends Deno.Addr> = Omit<Deno.Conn<A>, "readable" | "writable">;

/**
 * A connected stream socket, TCP or Unix, as `connect(2)` and `accept(2)` return it.
 *
 * It has the methods of a `Deno.Conn`, but its errors name the call and the peer, and `close` may be called
 * twice. It disables Nagle's algorithm (`TCP_NODELAY`), which delays short messages.
 *
 * Source: UCM lecture; tcp(7), unix(7).
 *
 * @example
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 * import { Connection, openListener } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * const client = await Deno.connect({ port: listener.addr.port });
 * using conn = new Connection(await listener.accept());
 * await client.write(new Uint8Array([1, 2, 3]));
 * client.close();
 *
 * const buffer = new Uint8Array(8);
 * assertEquals(await conn.read(buffer), 3);
 * assertEquals(await conn.read(buffer), null);
 * ```
 *
 * @category Sockets
 */
export class Connection<A extends Deno.Addr = Deno.Addr> implements Reader, Writer, Disposable {
  /** `getpeername(2)`: the peer's address. An IPv4 peer of a dual-stack socket has its IPv4 address. */
  readonly remoteAddr: A;
  /** `getsockname(2)`: the local address. */
  readonly localAddr: A;

  readonly #conn: StreamSocket<A>;
  #isOpen = true;

  /**
   * Wraps a connection.
   *
   * @param conn The connection. Takes ownership.
   */
  constructor(conn: StreamSocket<A>) {
    this.#conn = conn;
    this.remoteAddr = unmapAddress(conn.remoteAddr);
    this.localAddr = unmapAddress(conn.localAddr);
    if (isTcp(conn)) conn.setNoDelay(true);
  }

  /**
   * `read(2)`, `recv(2)`: reads up to `p.length` bytes.
   *
   * @param p The buffer to fill.
   * @returns The number of bytes read, which may be less than `p.length`; `null` at EOF, after the peer has
   * closed or half-closed the connection.
   * @throws {Deno.errors.ConnectionReset} If the peer reset the connection.
   * @throws {Deno.errors.BadResource} If the connection is closed.
   */
  async read(p: Uint8Array): Promise<number | null> {
    try {
      return await this.#conn.read(p);
    } catch (error) {
      throw this.#failed("read", error);
    }
  }

  /**
   * `write(2)`, `send(2)`: writes up to `p.length` bytes; {@linkcode writeN} writes them all.
   *
   * @param p The bytes to write.
   * @returns The number of bytes written, which may be less than `p.length`.
   * @throws {Deno.errors.BrokenPipe} If the peer has closed the connection.
   * @throws {Deno.errors.ConnectionReset} If the peer reset the connection.
   * @throws {Deno.errors.BadResource} If the connection is closed.
   */
  async write(p: Uint8Array): Promise<number> {
    try {
      return await this.#conn.write(p);
    } catch (error) {
      throw this.#failed("write", error);
    }
  }

  /**
   * `shutdown(2)` with `SHUT_WR`: half-closes the connection. The peer reads EOF; this side can still read.
   *
   * @throws {Deno.errors.NotConnected} If the peer has closed the connection.
   */
  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      throw this.#failed("shutdown", error);
    }
  }

  /**
   * `setsockopt(2)` with `SO_KEEPALIVE`: makes the system probe an idle peer, and close the connection if
   * the peer does not answer. It has no effect on a Unix-domain socket.
   *
   * @param isEnabled Whether to probe. Default true.
   */
  setKeepAlive(isEnabled?: boolean): void {
    isEnabled ??= true;
    if (isTcp(this.#conn)) this.#conn.setKeepAlive(isEnabled);
  }

  /** Keeps the process alive while a call on this connection is pending, which is the default. */
  ref(): void {
    this.#conn.ref();
  }

  /** Allows the process to exit while a call on this connection is pending. */
  unref(): void {
    this.#conn.unref();
  }

  /** `close(2)`: closes the connection. A second call does nothing. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#conn.close();
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #failed(call: string, error: unknown): Error {
    return failed(call, error, formatAddress(this.remoteAddr));
  }
}

function isTcp(conn: object): conn is Deno.TcpConn {
  return "setNoDelay" in conn;
}
