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

/**
 * Turns a socket of Deno's into a {@linkcode DatagramSocket}; the functions that open one do so.
 *
 * @param socket The socket, which is the caller's no longer.
 * @param onClose Is called once, after the socket was closed.
 * @returns The same socket, with a `close` that may be called twice.
 */
export function closable(socket: Deno.DatagramConn, onClose?: () => void): DatagramSocket {
  let isOpen = true;
  const systemClose = socket.close.bind(socket);
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    systemClose();
    onClose?.();
  };
  return Object.assign(socket, { close, [Symbol.dispose]: close });
}
