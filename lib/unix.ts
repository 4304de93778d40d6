/**
 * Unix-domain sockets, opened: streams and datagrams, and what becomes of their files.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Connection } from "./connection.ts";
import { closable, type DatagramSocket } from "./closable.ts";
import { openDatagramTo } from "./datagram.ts";
import { failed } from "./errors.ts";
import { refused, unixPermissions } from "./refused.ts";
import { requireUnstableNet } from "./unstable.ts";

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
    throw failed(`connect ${path}`, refused(error, () => unixPermissions(path)));
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
 * @param mode Who may connect: the file's mode bits. Default 0o600, nobody but the same user.
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
export async function openUnixListener(
  path: string,
  mode: number = 0o600,
): Promise<Deno.UnixListener> {
  return await bindPath(path, mode, isAliveStream, () => Deno.listen({ transport: "unix", path }));
}

/**
 * `unlink(2)`, `socket(2)` and `bind(2)` for Unix-domain datagrams: opens a datagram socket at a path.
 *
 * What is there already is treated as {@linkcode openUnixListener} does.
 *
 * @param path The socket's file. It is removed when the socket is closed.
 * @param mode Who may send: the file's mode bits. Default 0o600, nobody but the same user.
 * @returns The socket.
 * @throws {Deno.errors.AddrInUse} If a live socket is there.
 * @throws {Deno.errors.AlreadyExists} If the path is a file that is not a socket.
 * @throws {TypeError} If the path is longer than an address holds (107 bytes on Linux).
 * @throws {Error} In any other case in which it cannot bind. The message names the call, the path and
 * the cause.
 *
 * Source: HSE lecture; unix(7).
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDatagramTo, openUnixDatagram, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * const path = `${await Deno.makeTempDir()}/socket`;
 * using receiver = await openUnixDatagram(path);
 * using sender = await openDatagramTo(receiver.addr);
 * await sendTo(sender, new TextEncoder().encode("hello"), receiver.addr);
 * assertEquals((await recvFrom(receiver, 80)).message.length, 5);
 * ```
 */
export async function openUnixDatagram(
  path: string,
  mode: number = 0o600,
): Promise<DatagramSocket> {
  requireUnstableNet("datagrams");
  const bind = () => Deno.listenDatagram({ transport: "unixpacket", path });
  const socket = await bindPath(path, mode, isAliveDatagram, bind);
  return closable(socket, () => Deno.removeSync(path));
}

/** Binds a path, after the removal of a stale socket there, and gives the file its mode. */
async function bindPath<S extends { close(): void }>(
  path: string,
  mode: number,
  isAlive: (path: string) => Promise<boolean>,
  bind: () => S,
): Promise<S> {
  let socket: S | undefined;
  try {
    try {
      socket = bind();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      await removeStaleSocket(path, isAlive);
      socket = bind();
    }
    Deno.chmodSync(path, mode);
    return socket;
  } catch (error) {
    socket?.close(); // it has no file: an empty path, or an abstract address
    throw failed(`bind ${path}`, refused(error, () => unixPermissions(path)));
  }
}

/** How long a mark on a stale socket has to stand, in ms: longer than to look at it and to remove it. */
const MARK_TIME = 20;

/** Removes the socket at `path` if nobody has it any more. */
async function removeStaleSocket(
  path: string,
  isAlive: (path: string) => Promise<boolean>,
): Promise<void> {
  if (statSocket(path) === null || await isAlive(path)) return;
  // Another server may have found the same stale socket, and what it binds there must not be removed.
  // So each marks what it found with a time of its own, waits, and removes it only if its mark still
  // stands (Fischer's algorithm): the last to mark it wins, and a new socket bears no mark.
  const mark = new Date(Math.floor(Math.random() * 1e12));
  try {
    Deno.utimeSync(path, mark, mark);
    await delay(MARK_TIME);
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

// A live socket is found out without disturbing whoever has it, by a call of the wrong type: it answers
// EPROTOTYPE, a dead one ECONNREFUSED.

/** Whether a stream socket listens at `path`. To connect would trouble its accept. */
async function isAliveStream(path: string): Promise<boolean> {
  const address: Deno.UnixAddr = { transport: "unixpacket", path };
  using socket = await openDatagramTo(address);
  return await isNotRefused(socket.send(new Uint8Array(), address));
}

/** Whether a datagram socket is bound at `path`. A datagram would reach it. */
async function isAliveDatagram(path: string): Promise<boolean> {
  return await isNotRefused(Deno.connect({ transport: "unix", path }).then((conn) => conn.close()));
}

async function isNotRefused(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}
