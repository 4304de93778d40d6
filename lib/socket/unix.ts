/**
 * Unix-domain sockets, opened: streams and datagrams, and what becomes of their files.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { lutimesSync } from "node:fs";
import { dirname } from "node:path";
import { Connection } from "./connection.ts";
import { closable, type DatagramSocket } from "./_closable.ts";
import { codeOf, failed } from "../errors.ts";
import { logError } from "../io/log_error.ts";
import { refused, unixPermissions } from "./_refused.ts";
import { sendersOf } from "./_unix_senders.ts";
import { requireUnstableNet } from "./_unstable.ts";

/** How many spare sockets a datagram socket has to send from. */
const SPARES = 31;

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
    throw failed("connect", refused(error, () => unixPermissions(path)), path);
  }
}

/**
 * `open_listenfd` for a Unix-domain socket: opens a listening socket at a path, by `unlink`,
 * `socket`, `bind` and `listen`.
 *
 * A server that was killed leaves its file behind, and `bind` refuses a path that exists. So a socket
 * on which nobody listens is removed first; a live server's socket and a file of any other kind are
 * left alone. To find out, the path is connected to: a live server accepts a connection without data.
 *
 * Closing the listener removes the file, unless another file has taken its place. Deno would remove that
 * too: then the listener only stops accepting, and the program must end by `Deno.exit()`, as
 * {@linkcode main} does.
 *
 * Until the file has its mode, a moment after bind(2), its mode is what the umask leaves, and every user
 * who may write to the file may connect: others may if the umask is 002 or 000. Where that matters, choose a
 * folder that only the user may enter (mode 0700). A folder in which another user may replace the file is
 * refused, if the program may read the folder: one that the group or all may write to, unless it is
 * sticky as `/tmp`, and one of another user's.
 *
 * @param path The socket's file.
 * @param mode Who may connect: the file's mode bits. Default 0o600, nobody but the same user.
 * @returns The listener, whose clients {@linkcode accept} takes.
 * @throws {Deno.errors.AddrInUse} If a server is alive there.
 * @throws {Deno.errors.PermissionDenied} If others may replace files in the folder.
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
  const [listener, file] = await bindPath(
    path,
    mode,
    () => Deno.listen({ transport: "unix", path }),
  );
  const systemAccept = listener.accept.bind(listener);
  const systemClose = listener.close.bind(listener);
  let isOpen = true;
  let interrupt: ((error: Error) => void) | undefined;

  const accept = async () => {
    if (!isOpen) throw new Deno.errors.BadResource("Listener has been closed");
    const { promise, resolve, reject } = Promise.withResolvers<Deno.UnixConn>();
    interrupt = reject;
    systemAccept().then(resolve, reject);
    return await promise;
  };
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    if (!isReplaced(path, file)) return systemClose();
    interrupt?.(new Deno.errors.Interrupted("Listener has been closed"));
    listener.unref();
  };
  // For accept(): new clients must not come while it serves those that wait.
  const unlink = fileRemover(path, file);
  return Object.assign(listener, { accept, close, unlink, [Symbol.dispose]: close });
}

/**
 * `unlink(2)`, `socket(2)` and `bind(2)` for Unix-domain datagrams: opens a datagram socket at a path.
 *
 * What is there already, and the file, are treated as {@linkcode openUnixListener} does. A live datagram
 * socket does not notice it.
 *
 * The socket sends from 31 spare sockets of the same name, so that a peer that does not receive keeps
 * neither it nor other peers waiting: see {@linkcode sendTo}. A spare socket is taken while an empty
 * message waits for such a peer (Deno keeps a core busy meanwhile), and while about 80 small replies from
 * it are unread: seven silent peers, with full queues. When all are taken, 31 peers for empty messages and
 * some 200 for others, nothing can be sent until some of it is read. To a peer that has
 * connected to the socket (connect(2)) the socket itself must send: if such peers leave some 200 KB
 * (`net.core.wmem_default`) unread, it does not receive until they read.
 *
 * @param path The socket's file. It is removed when the socket is closed, unless another is in its place.
 * @param mode Who may send: the file's mode bits. Default 0o600, nobody but the same user.
 * @returns The socket.
 * @throws {Deno.errors.AddrInUse} If a live socket is there.
 * @throws {Deno.errors.PermissionDenied} If others may replace files in the folder.
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
  const address = { transport: "unixpacket", path } as const;
  const spares: Deno.DatagramConn[] = [];
  const closeSpares = () => spares.splice(0).forEach((spare) => spare.close());
  const bind = () => {
    closeSpares(); // of a first try
    while (spares.length < SPARES) {
      spares.push(Deno.listenDatagram(address));
      Deno.removeSync(path); // a socket keeps its name without a file
    }
    return Deno.listenDatagram(address);
  };
  const [socket, file] = await bindPath(path, mode, bind).catch((error) => {
    closeSpares();
    throw error;
  });
  sendersOf(socket, spares);
  const unlink = fileRemover(path, file);
  const onClose = () => {
    closeSpares();
    unlink();
  };
  return closable(socket, onClose, unlink);
}

/** A file, to tell it from another one of the same name. */
type FileId = Pick<Deno.FileInfo, "dev" | "ino">;

/** Binds a path, after the removal of a stale socket there, and gives the file its mode. */
async function bindPath<S extends { close(): void }>(
  path: string,
  mode: number,
  bind: () => S,
): Promise<[S, FileId]> {
  let socket: S | undefined;
  try {
    try {
      socket = bind();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      await removeStaleSocket(path);
      socket = bind();
    }
    return [socket, setMode(path, mode)];
  } catch (error) {
    socket?.close(); // it has no file: an empty path, or an abstract address
    throw failed("bind", refused(error, () => unixPermissions(path)), path);
  }
}

/** Gives the file of a new socket its mode. chmod(2) follows a symbolic link put in its place. */
function setMode(path: string, mode: number): FileId {
  refuseUnsafeFolder(path);
  const file = statSocket(path);
  if (file === null) throw new Deno.errors.NotFound("the socket has no file");
  Deno.chmodSync(path, mode);
  if (isReplaced(path, file)) throw new Deno.errors.PermissionDenied("its file was replaced");
  return file;
}

/** Throws, and removes a socket's file, if others may replace it, as far as the folder may be read. */
function refuseUnsafeFolder(path: string): void {
  const folder = dirname(path);
  const { state } = Deno.permissions.querySync({ name: "read", path: folder });
  if (state !== "granted") return;
  const { mode, uid } = Deno.statSync(folder);
  const isSticky = ((mode ?? 0) & 0o1000) !== 0; // only a file's owner may replace it
  const isShared = ((mode ?? 0) & 0o022) !== 0;
  const isOthers = uid !== 0 && uid !== statSocket(path)?.uid;
  if (isSticky || !isShared && !isOthers) return;
  removeIfThere(path);
  throw new Deno.errors.PermissionDenied(`others may replace files in ${folder}`);
}

/** Whether there is another file at `path`. */
function isReplaced(path: string, file: FileId): boolean {
  try {
    const { dev, ino } = Deno.lstatSync(path);
    return dev !== file.dev || ino !== file.ino;
  } catch {
    return false; // there is none
  }
}

/** Returns what removes a socket's file, once, unless it was replaced. It does not throw: a server drains. */
function fileRemover(path: string, file: FileId): () => void {
  let isThere = true;
  return () => {
    if (!isThere) return;
    isThere = false;
    try {
      if (!isReplaced(path, file)) removeIfThere(path);
    } catch (error) {
      logError(failed("unlink", error, path));
    }
  };
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** How long a mark on a stale socket has to stand, in ms: longer than to look at it and to remove it. */
const MARK_TIME = 20;

/** Removes the socket at `path` if nobody has it any more. */
async function removeStaleSocket(path: string): Promise<void> {
  if (statSocket(path) === null || await isAlive(path)) return;
  // Another server may have found the same stale socket, and what it binds there must not be removed.
  // So each marks what it found with a time of its own, waits, and removes it only if its mark still
  // stands (Fischer's algorithm): the last to mark it wins, and a new socket bears no mark.
  const mark = new Date(Math.floor(Math.random() * 1e9) * 1000); // whole seconds are set exactly
  try {
    lutimesSync(path, mark, mark); // not utimes, which follows a symbolic link
    await delay(MARK_TIME);
    if (await isAlive(path)) return; // a server that was quicker got the mark
    if (statSocket(path)?.mtime?.getTime() === mark.getTime()) Deno.removeSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error; // the other one was quicker
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

/**
 * Whether there is a live socket at `path`: a stale one refuses a connection. A stream listener accepts it,
 * and a datagram socket, which is of the wrong type (`EPROTOTYPE`), does not notice. A datagram of no
 * bytes, the other way to find out, would be a message.
 */
async function isAlive(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}
