// The files of Unix-domain sockets: binds them, makes them private, and removes them.

import { delay } from "@std/async/delay";
import { codeOf, failed } from "../errors.ts";
import { logError } from "../io/log_error.ts";
import { nameAllMissing, unixPermissions } from "./permissions.ts";

/** The wait between marking a stale socket and removing it, in ms: longer than a check and a removal take. */
const MARK_TIME = 20;

/** Identifies a file independently of its path. */
type FileId = Pick<Deno.FileInfo, "dev" | "ino">;

/** The file of a bound socket. */
export class SocketFile {
  readonly #path: string;
  readonly #id: FileId;
  #isRemoved = false;

  /**
   * @param path The path that the socket is bound to.
   * @param id The file at the path.
   */
  constructor(path: string, id: FileId) {
    this.#path = path;
    this.#id = id;
  }

  /** Reports whether another file has taken its place. */
  isReplaced(): boolean {
    try {
      const { dev, ino } = Deno.lstatSync(this.#path);
      return dev !== this.#id.dev || ino !== this.#id.ino;
    } catch {
      return false; // there is no file
    }
  }

  /** Removes the file, once, unless it was replaced. Logs errors, so that a server that drains continues. */
  unlink(): void {
    if (this.#isRemoved) return;
    this.#isRemoved = true;
    try {
      if (!this.isReplaced()) removeIfExists(this.#path);
    } catch (error) {
      logError(failed("unlink", error, this.#path));
    }
  }
}

/** The files of the sockets that {@linkcode bindFile} bound. */
const files = new WeakMap<object, SocketFile>();

/**
 * Removes the file of a Unix-domain socket before the socket is closed, so that no new client can connect.
 *
 * @param socket A listener or a datagram socket. Nothing is removed for a socket without a file.
 */
export function unlinkSocket(socket: object): void {
  files.get(socket)?.unlink();
}

/**
 * `unlink(2)`, `bind(2)` and `chmod(2)`: binds a path, after removing a stale socket there.
 *
 * @param path The path.
 * @param mode The mode bits of the file.
 * @param bind Binds the path.
 * @returns The socket and its file.
 * @throws {Error} As {@linkcode openUnixListener} documents.
 */
export async function bindFile<S extends { close(): void }>(
  path: string,
  mode: number,
  bind: () => S,
): Promise<[S, SocketFile]> {
  let socket: S | undefined;
  try {
    try {
      socket = bind();
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      await removeStaleSocket(path);
      socket = bind();
    }
    const file = setMode(path, mode);
    files.set(socket, file);
    return [socket, file];
  } catch (error) {
    socket?.close(); // bound to an empty path or an abstract address: without a file
    throw failed("bind", nameAllMissing(error, () => unixPermissions(path)), path);
  }
}

/** Sets the mode of a new socket's file. chmod(2) follows a symbolic link, so it checks for one. */
function setMode(path: string, mode: number): SocketFile {
  checkFolder(path);
  const id = statSocket(path);
  if (id === null) throw new Deno.errors.NotFound("the socket has no file");
  const file = new SocketFile(path, id);
  Deno.chmodSync(path, mode);
  if (file.isReplaced()) throw new Deno.errors.PermissionDenied("its file was replaced");
  return file;
}

/** Rejects a folder in which others may replace the socket's file, if the program may read the folder. */
function checkFolder(path: string): void {
  const folder = dirname(path);
  const { state } = Deno.permissions.querySync({ name: "read", path: folder });
  if (state !== "granted") return;
  const { mode, uid } = Deno.statSync(folder);
  const isSticky = ((mode ?? 0) & 0o1000) !== 0; // only the owners of the file and of the folder may replace it
  const isShared = ((mode ?? 0) & 0o022) !== 0;
  const isOthers = uid !== 0 && uid !== statSocket(path)?.uid;
  if (!isOthers && (isSticky || !isShared)) return;
  removeIfExists(path);
  throw new Deno.errors.PermissionDenied(`others may replace files in ${folder}`);
}

/** `dirname(3)`, without loading node:path. */
function dirname(path: string): string {
  const end = path.lastIndexOf("/");
  if (end === -1) return ".";
  return end === 0 ? "/" : path.slice(0, end);
}

function removeIfExists(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes the socket at `path` if no process has it open. */
async function removeStaleSocket(path: string): Promise<void> {
  // Imported here, because the import takes 20 ms, and few programs find a stale socket.
  const { lutimesSync } = await import("node:fs");
  if (statSocket(path) === null || await isAlive(path)) return;
  // Another server may find the same stale socket, and must not remove the socket that this one binds. So each
  // server marks the file with a random modification time, waits, and removes it only if the mark is unchanged
  // (Fischer's algorithm): the last server to mark it wins, and a new socket has no mark.
  const mark = new Date(Math.floor(Math.random() * 1e9) * 1000); // whole seconds, which are stored exactly
  try {
    lutimesSync(path, mark, mark); // not utimes, which follows a symbolic link
    await delay(MARK_TIME);
    if (await isAlive(path)) return; // a faster server has bound it
    if (statSocket(path)?.mtime?.getTime() === mark.getTime()) Deno.removeSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error; // another server was faster
  }
}

/** `lstat(2)` of a socket; `null` if there is no file. */
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
 * Reports whether a process has the socket at `path` open. It connects: a stale socket refuses the
 * connection, a stream listener accepts it, and for a datagram socket connect(2) fails with `EPROTOTYPE`
 * without an effect on the socket. A datagram, even an empty one, would be a message.
 */
async function isAlive(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}
