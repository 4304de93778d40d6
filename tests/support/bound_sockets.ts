/**
 * Both kinds of sockets that are bound to a path.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { openDatagramTo, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import {
  openUnixClient,
  openUnixDatagram,
  openUnixListener,
  type UnixBindOptions,
} from "../../lib/socket/unix.ts";

/** Asserts that a client of `path` is the next that `listener` accepts, except for one that sends nothing. */
async function assertServes(listener: Deno.UnixListener, path: string, where = ""): Promise<void> {
  using client = await openUnixClient(path);
  await client.write(new Uint8Array([7]));
  const p = new Uint8Array(2);
  using first = await listener.accept();
  let length = await first.read(p);
  if (length === null) { // another call probed whether the listener is live
    using conn = await listener.accept();
    length = await conn.read(p);
  }
  assertEquals([length, p[0]], [1, 7], where);
}

/** Asserts that a datagram sent to `path` is the next one that `socket` receives. */
async function assertReceives(socket: Deno.DatagramConn, path: string, where = ""): Promise<void> {
  const to: Deno.UnixAddr = { transport: "unixpacket", path };
  using client = await openDatagramTo(to);
  await sendTo(client, new Uint8Array([7]), to);
  assertEquals((await recvFrom(socket, 80)).message.toHex(), "07", where);
}

/** A socket of either kind, bound to a path. */
export interface Bound extends Disposable {
  close(): void;
  /** Asserts that the next client is the first to be served. */
  assertWorks(where?: string): Promise<void>;
}

/** Both kinds of sockets, by the functions that open them. */
export const openers: Record<string, (path: string, options?: UnixBindOptions) => Promise<Bound>> =
  {
    "openUnixListener()": async (path, options) => {
      const listener = await openUnixListener(path, options);
      return Object.assign(listener, {
        assertWorks: (where?: string) => assertServes(listener, path, where),
      });
    },
    "openUnixDatagram()": async (path, options) => {
      const socket = await openUnixDatagram(path, options);
      return Object.assign(socket, {
        assertWorks: (where?: string) => assertReceives(socket, path, where),
      });
    },
  };
