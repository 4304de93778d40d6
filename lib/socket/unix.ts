/**
 * Unix-domain sockets: streams and datagrams.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import { failed } from "../errors.ts";
import { bindFile } from "./_socket_file.ts";
import { sendersOf } from "./_unix_senders.ts";
import { requireUnstableNet } from "./_unstable.ts";
import { Connection } from "./connection.ts";
import { type DatagramSocket, ownDatagramSocket } from "./datagram.ts";
import { nameAllMissing, unixPermissions } from "./permissions.ts";

/** The number of spare sockets that a datagram socket sends from. */
const SPARES = 31;

/**
 * Options of {@linkcode openUnixListener} and {@linkcode openUnixDatagram}.
 *
 * @category Sockets
 */
export interface UnixBindOptions {
  /** The mode bits of the socket's file: who may connect or send. Default 0o600, the same user. */
  mode?: number;
}

/**
 * `open_clientfd` for a Unix-domain socket: `socket` and `connect`.
 *
 * Source: HSE lecture; unix(7).
 *
 * @param path The path of the server's socket.
 * @returns The connection.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {Deno.errors.ConnectionRefused} If the socket is stale: no server listens on it.
 * @throws {TypeError} If the path is longer than an address holds (107 bytes on Linux).
 * @throws {Error} If it cannot connect for another reason. The message names the call, the path and the
 * cause.
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
 *
 * @category Sockets
 */
export async function openUnixClient(path: string): Promise<Connection<Deno.UnixAddr>> {
  const address = { transport: "unix", path } as const;
  try {
    return new Connection(await Deno.connect(address));
  } catch (error) {
    const cause = nameAllMissing(error, () => unixPermissions(path));
    throw failed("connect", cause, formatAddress(address));
  }
}

/**
 * `open_listenfd` for a Unix-domain socket: `unlink`, `socket`, `bind` and `listen`.
 *
 * A server that was killed leaves its file, and `bind` fails if the path exists. A stale socket is therefore
 * removed first; a live server's socket or a file of another type is not. The test is a connect(2): a live
 * server accepts a connection that closes without data.
 *
 * Closing the listener removes the file, unless another file has replaced it. Because Deno's `close` would
 * remove that file, the listener then only stops accepting, and the program must end by `Deno.exit()`, as
 * {@linkcode main} does.
 *
 * Between bind(2) and chmod(2), the umask determines the file's mode: with a umask of 002 or 000, other users
 * may connect. To prevent that, use a folder that only the user may enter (mode 0700).
 *
 * A folder in which another user may replace the file is rejected: a folder that another user owns who is not
 * root, and a folder that is writable by the group or by others and not sticky, as `/tmp` is. A folder that the
 * program may not read is not checked.
 *
 * Source: HSE lecture; unix(7).
 *
 * @param path The path of the socket.
 * @param options See {@linkcode UnixBindOptions}.
 * @returns The listener; {@linkcode accept} accepts its clients.
 * @throws {Deno.errors.AddrInUse} If a live server has the path.
 * @throws {Deno.errors.PermissionDenied} If others may replace files in the folder.
 * @throws {Deno.errors.AlreadyExists} If the path is a file that is not a socket.
 * @throws {TypeError} If the path is longer than an address holds (107 bytes on Linux).
 * @throws {Error} If it cannot bind for another reason. The message names the call, the path and the cause.
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
 *
 * @category Sockets
 */
export async function openUnixListener(
  path: string,
  options?: UnixBindOptions,
): Promise<Deno.UnixListener> {
  const { mode = 0o600 } = options ?? {};
  const bind = () => Deno.listen({ transport: "unix", path });
  const [listener, file] = await bindFile(path, mode, bind);
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
    if (!file.isReplaced()) return systemClose();
    interrupt?.(new Deno.errors.Interrupted("Listener has been closed"));
    listener.unref();
  };
  return Object.assign(listener, { accept, close, [Symbol.dispose]: close });
}

/**
 * `unlink(2)`, `socket(2)` and `bind(2)` for a Unix-domain datagram socket.
 *
 * It treats the path and the file as {@linkcode openUnixListener} does. The check for a live server does not
 * affect a live datagram socket.
 *
 * The socket sends from 31 spare sockets with the same path, so that a peer that does not receive delays
 * neither this socket nor other peers: see {@linkcode sendTo}. Limits:
 *
 * - A spare socket is in use while an empty message waits for such a peer (Deno then keeps a core busy), or
 *   while about 80 small replies from it are unread: the full queues of seven peers.
 * - While all spare sockets are in use, by empty messages to 31 peers or other messages to about 200, nothing
 *   can be sent until a peer reads.
 * - A peer that has connected to the socket (connect(2)) receives from the socket itself only. If such peers
 *   leave about 200 KB unread (`net.core.wmem_default`), the socket does not receive until they read.
 *
 * Source: HSE lecture; unix(7).
 *
 * @param path The path of the socket. Its file is removed when the socket is closed, unless another file
 * has replaced it.
 * @param options See {@linkcode UnixBindOptions}.
 * @returns The socket.
 * @throws {Deno.errors.AddrInUse} If a live socket has the path.
 * @throws {Deno.errors.PermissionDenied} If others may replace files in the folder.
 * @throws {Deno.errors.AlreadyExists} If the path is a file that is not a socket.
 * @throws {TypeError} If the path is longer than an address holds (107 bytes on Linux).
 * @throws {Error} If it cannot bind for another reason. The message names the call, the path and the cause.
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
 *
 * @category Sockets
 */
export async function openUnixDatagram(
  path: string,
  options?: UnixBindOptions,
): Promise<DatagramSocket<Deno.UnixAddr>> {
  requireUnstableNet("datagrams");
  const { mode = 0o600 } = options ?? {};
  const address = { transport: "unixpacket", path } as const;
  const spares: Deno.DatagramConn[] = [];
  const closeSpares = () => spares.splice(0).forEach((spare) => spare.close());
  const bind = () => {
    closeSpares(); // those of a failed first attempt
    while (spares.length < SPARES) {
      spares.push(Deno.listenDatagram(address));
      Deno.removeSync(path); // a socket keeps its address without a file
    }
    return Deno.listenDatagram(address);
  };
  const [socket, file] = await bindFile(path, mode, bind).catch((error) => {
    closeSpares();
    throw error;
  });
  sendersOf(socket, spares);
  return ownDatagramSocket<Deno.UnixAddr>(socket, () => {
    closeSpares();
    file.unlink();
  });
}
