/**
 * Datagram sockets that can be closed like other resources: Deno's have no `Symbol.dispose`.
 *
 * @module
 */

/**
 * A datagram socket whose `close` may be called twice and removes the file of a Unix socket, which Deno
 * leaves behind; the end of a `using` block calls it.
 */
export type DatagramSocket = Deno.DatagramConn & Disposable;

/** A socket whose address may be removed before it is closed, so that no message comes any more. */
export interface Unlinkable {
  /** Removes the file of a Unix socket, if it has one that is its own. */
  unlink: (() => void) | undefined;
}

/**
 * Turns a socket of Deno's into a {@linkcode DatagramSocket}; the functions that open one do so.
 *
 * @param socket The socket. Takes ownership.
 * @param onClose Called once, after the socket was closed.
 * @param unlink Removes the file of a Unix socket.
 * @returns The same socket, with a `close` that may be called twice.
 */
export function closable(
  socket: Deno.DatagramConn,
  onClose?: () => void,
  unlink?: () => void,
): DatagramSocket & Unlinkable {
  let isOpen = true;
  const systemClose = socket.close.bind(socket);
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    systemClose();
    onClose?.();
  };
  return Object.assign(socket, { close, unlink, [Symbol.dispose]: close });
}
