/**
 * Unix-domain stream sockets, opened.
 *
 * @module
 */

import { Connection } from "./connection.ts";
import { failed } from "./errors.ts";

/**
 * `open_clientfd` for a Unix-domain socket: connects to the server at a path, by `socket` and
 * `connect`.
 *
 * @param path The socket's file.
 * @returns The connection.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Deno.errors.ConnectionRefused} If the socket is stale: nobody listens on it any more.
 * @throws {TypeError} If the path is longer than an address holds (107 bytes on Linux).
 * @throws {Error} In any other case in which it cannot connect. The message names the call, the path
 * and the cause.
 *
 * Source: HSE lecture; unix(7).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openUnixClient, openUnixListener } from "@deno-sockets/samples";
 *
 * const path = `${await Deno.makeTempDir()}/socket`;
 * using listener = await openUnixListener(path);
 * using client = await openUnixClient(path);
 * using conn = await listener.accept();
 * await client.write(new Uint8Array([7]));
 * assertEquals(await conn.read(new Uint8Array(8)), 1);
 * ```
 */
export async function openUnixClient(path: string): Promise<Connection<Deno.UnixAddr>> {
  try {
    return new Connection(await Deno.connect({ transport: "unix", path }));
  } catch (error) {
    throw failed(`connect ${path}`, error);
  }
}

/**
 * `open_listenfd` for a Unix-domain socket: opens a listening socket at a path, by `unlink`,
 * `socket`, `bind` and `listen`.
 *
 * A server that was killed leaves its file behind, and `bind` refuses a path that exists. So a socket
 * on which nobody listens is removed first; a live server's socket and a file of any other kind are
 * left alone. Closing the listener removes the file.
 *
 * @param path The socket's file.
 * @returns The listener, whose clients {@linkcode accept} takes.
 * @throws {Deno.errors.AddrInUse} If a server is alive there.
 * @throws {Deno.errors.AlreadyExists} If the path is a file that is not a socket.
 * @throws {TypeError} If the path is longer than an address holds (107 bytes on Linux).
 * @throws {Error} In any other case in which it cannot bind. The message names the call, the path and
 * the cause.
 *
 * Source: HSE lecture; unix(7).
 *
 * @example
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { openUnixListener } from "@deno-sockets/samples";
 *
 * const path = `${await Deno.makeTempDir()}/socket`;
 * using _listener = await openUnixListener(path);
 * await assertRejects(() => openUnixListener(path), Deno.errors.AddrInUse);
 * ```
 */
export async function openUnixListener(path: string): Promise<Deno.UnixListener> {
  const listen = () => Deno.listen({ transport: "unix", path });
  try {
    return listen();
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw failed(`bind ${path}`, error);
  }
  try {
    await removeStaleSocket(path);
    return listen();
  } catch (error) {
    throw failed(`bind ${path}`, error);
  }
}

/** How long a mark on a stale socket has to stand, in ms: longer than to look at it and to remove it. */
const MARK_TIME = 20;

/** Removes the socket at `path` if nobody listens on it. */
async function removeStaleSocket(path: string): Promise<void> {
  if (statSocket(path) === null || await isAlive(path)) return;
  // Another server may have found the same stale socket, and what it binds there must not be removed.
  // So each marks what it found with a time of its own, waits, and removes it only if its mark still
  // stands (Fischer's algorithm): the last to mark it wins, and a new socket bears no mark.
  const mark = new Date(Math.floor(Math.random() * 1e12));
  try {
    Deno.utimeSync(path, mark, mark);
    await new Promise((resolve) => setTimeout(resolve, MARK_TIME));
    if (await isAlive(path)) return; // a server that was quicker got the mark
    if (statSocket(path)?.mtime?.getTime() === mark.getTime()) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // the other one was quicker
  }
}

function statSocket(path: string): Deno.FileInfo | null {
  try {
    const info = Deno.lstatSync(path);
    if (info.isSocket) return info;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  throw new Deno.errors.AlreadyExists("the file is not a socket");
}

/** Whether a stream socket listens at `path`, found out without disturbing whoever has it. */
async function isAlive(path: string): Promise<boolean> {
  // A datagram does not reach a stream socket: a live one answers that its type is another
  // (EPROTOTYPE), a dead one that the connection is refused. To connect would trouble its accept.
  // An unbound socket has no path, though Deno's type asks for one.
  const unbound = { transport: "unixpacket" } as Deno.UnixListenOptions & {
    transport: "unixpacket";
  };
  const socket = Deno.listenDatagram(unbound);
  try {
    await socket.send(new Uint8Array(), { transport: "unixpacket", path });
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused);
  } finally {
    socket.close();
  }
}
