#!/usr/bin/env -S deno run --allow-ffi=/lib/x86_64-linux-gnu/libc.so.6
/**
 * A server that sends a file to each client with sendfile(2): the kernel copies the file to the
 * socket, and no byte of it passes through the program.
 *
 * Usage: posix/send_file.ts file [host] [port] [OPTION...]
 *   --wait SECONDS  how long to wait for the first byte of a client (1)
 *
 * `--allow-ffi` lets the program call every function of the C library, and outranks all other
 * flags. A host name requires `--allow-net=NAME`, too.
 *
 * MSG_PEEK shows the first byte of the client without receiving it: if it is the G of GET, the client
 * is a browser or curl, and the response begins with an HTTP header. Other clients receive only the
 * file: those that send something else, that close their sending side, or that send nothing for a
 * second. After this time, the server calls shutdown(2) with SHUT_RD, so that recv returns 0, as at
 * the end of the stream.
 *
 * Over TCP, SHUT_RD sends nothing to the client. Linux still accepts data from it, and recv returns
 * this data. After the server has shut down its sending side too, Linux answers data with a
 * reset: a client that was silent at first, and then sends, may lose the end of the file. Over a
 * Unix-domain socket, the client's send fails with EPIPE.
 *
 * The server aborts a connection whose client, for five minutes, does not read, or does not close it
 * after the end of the file.
 *
 * ```console
 * $ posix/send_file.ts .gitignore 127.0.0.1 7046
 * ! listening on 127.0.0.1:7046
 * Sent 49 bytes to 127.0.0.1:*
 * Sent 49 bytes over HTTP to 127.0.0.1:*
 * ^C
 * $ deno run --allow-net=127.0.0.1:7046 clients/telnet.ts 127.0.0.1 7046
 * > hello
 * /dist/
 * /coverage/
 * /docs/reference/
 * node_modules/
 * $ deno run --allow-net=127.0.0.1:7046 clients/telnet.ts 127.0.0.1 7046
 * > GET / HTTP/1.0
 * HTTP/1.0 200 OK*
 * *
 * /dist/
 * /coverage/
 * /docs/reference/
 * node_modules/
 * ```
 *
 * @module
 */

import { host, logListening, main, port, required, seconds, stdout, text } from "../cli.ts";
import { formatAddress, getAddrInfo, logError, terminationSignal, withContext } from "../mod.ts";
import {
  acceptEvents,
  addressFamily,
  bind,
  type Descriptor,
  EAGAIN,
  EPOLLIN,
  EPOLLOUT,
  type EventConnection,
  getsockname,
  listen,
  MSG_PEEK,
  O_NONBLOCK,
  O_RDONLY,
  open,
  Poller,
  read,
  recv,
  setsockopt,
  SHUT_RD,
  SHUT_WR,
  SO_REUSEADDR,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
} from "../posix.ts";
// This file as text: main() prints its header for --help.
import header from "./send_file.ts" with { type: "text" };

const HTTP_HEADER = new TextEncoder().encode("HTTP/1.0 200 OK\r\n\r\n");
const G = 0x47;

/** Receives what clients send after the first byte. */
const discarded = new Uint8Array(65536);

/** The maximum number of bytes of one sendfile(2), after which the other clients are served. */
const PIECE = 1 << 20;

await main(header, {
  operands: { file: required(text), host: host("127.0.0.1"), port: port(7046) },
  options: { wait: seconds(1) },
}, async ({ file, host, port, wait }) => {
  checkFile(file);
  // getaddrinfo, socket, bind, listen
  const [address] = await getAddrInfo(host, port, { socktype: "stream" });
  using listener = socket(addressFamily(address), SOCK_STREAM);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, 1);
  bind(listener, address);
  listen(listener, 4096);
  const signal = terminationSignal();
  logListening(getsockname(listener));

  // accept
  using poller = new Poller();
  for await (const conn of acceptEvents(listener, poller, { signal })) {
    // shutdown: from then on, recv returns 0 if the client has sent nothing
    const timer = setTimeout(() => conn.shutdown(SHUT_RD), wait);
    const steps = sendFile(conn, file);
    conn.serve(() => {
      clearTimeout(timer);
      steps.next();
    }, (error) => {
      clearTimeout(timer);
      steps.return(); // closes the file
      logError(error);
    });
  }
});

/** Opens a file. A FIFO without a writer does not block. */
function openFile(path: string): Descriptor {
  return open(path, O_RDONLY | O_NONBLOCK);
}

/** Throws if the file does not exist, or is a folder. */
function checkFile(path: string): void {
  using file = openFile(path);
  try {
    read(file, new Uint8Array(1));
  } catch (error) {
    throw withContext(path, error);
  }
}

/** Sends the file to a client. At each `yield` it waits until the connection is ready. */
function* sendFile(conn: EventConnection, path: string): Generator<void, void, void> {
  // recv: the byte stays in the socket
  const byte = new Uint8Array(1);
  const isHttp = recv(conn, byte, MSG_PEEK) > 0 && byte[0] === G;
  // open
  using file = openFile(path);
  // send: a new connection has room for it
  if (isHttp) conn.send(HTTP_HEADER);

  // sendfile, until the end of the file
  conn.waitFor(EPOLLOUT);
  let total = 0;
  for (let sent: number; (sent = conn.sendfile(file, PIECE)) !== 0;) {
    if (sent !== -EAGAIN) total += sent;
    yield;
  }
  stdout.print(
    `Sent ${total} bytes ${isHttp ? "over HTTP " : ""}to ${formatAddress(conn.remoteAddr)}`,
  );

  // shutdown, recv: to close with unread data would reset the connection, and lose the end of the file
  conn.shutdown(SHUT_WR);
  conn.waitFor(EPOLLIN);
  while (conn.recv(discarded) !== 0) yield;
  // close
  conn.close();
}
