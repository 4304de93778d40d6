/**
 * Berkeley sockets in Deno: byte order, addresses, robust reads and writes, datagrams, and fault-tolerant
 * servers.
 *
 * A server that echoes lines, with its limits on:
 *
 * ```ts ignore
 * import {
 *   accept,
 *   BufferedReader,
 *   openListener,
 *   terminationSignal,
 *   writeText,
 * } from "@deno-sockets/samples";
 *
 * using listener = await openListener(7007);
 * for await (const conn of accept(listener, { signal: terminationSignal() })) {
 *   conn.serve(async (conn) => {
 *     for await (const line of new BufferedReader(conn).lines()) await writeText(conn, `${line}\n`);
 *   });
 * }
 * ```
 *
 * The names of C's functions are kept in camel case: `getaddrinfo` is {@linkcode getAddrInfo}. Functions throw
 * errors that name the call, the address and the cause; {@linkcode strerror} formats them in one line.
 *
 * @module
 */

// Byte order and records: numbers and structures as they are transmitted.
export { htonl, htonll, htons, ntohl, ntohll, ntohs } from "./lib/wire/byte_order.ts";
export {
  calcSize,
  pack,
  type PackRepeat,
  type PackValue,
  type PackValues,
  unpack,
} from "./lib/wire/pack.ts";
export { packBits, unpackBits } from "./lib/wire/bit_fields.ts";

// Addresses: text and bytes, names of hosts and services.
export { inetNtop, inetPton } from "./lib/address/inet.ts";
export { formatAddress, unmapAddress } from "./lib/address/format.ts";
export { packSockaddr } from "./lib/address/sockaddr.ts";
export { type AddrInfo, type AddrInfoHints, getAddrInfo } from "./lib/address/addrinfo.ts";
export { getNameInfo, type NameInfoFlags } from "./lib/address/nameinfo.ts";
export { type AddrInfoCode, AddrInfoError } from "./lib/address/addrinfo_error.ts";
export { getServByName, getServByPort, parsePort } from "./lib/address/services.ts";

// Sockets: TCP, Unix-domain and datagram sockets, opened.
export { Connection } from "./lib/socket/connection.ts";
export {
  type ConnectOptions,
  type ListenOptions,
  openClient,
  openListener,
  openListeners,
} from "./lib/socket/tcp.ts";
export {
  openUnixClient,
  openUnixDatagram,
  openUnixListener,
  type UnixBindOptions,
} from "./lib/socket/unix.ts";
export {
  type BindOptions,
  type Datagram,
  type DatagramSocket,
  openDatagram,
  openDatagramTo,
  recvFrom,
  sendTo,
} from "./lib/socket/datagram.ts";
export {
  connectDatagram,
  ConnectedDatagram,
  connectUnixDatagram,
} from "./lib/socket/connected_datagram.ts";
export { openNodeClient, openNodeDatagram } from "./lib/socket/node_sockets.ts";
export { requirePermissions } from "./lib/socket/permissions.ts";

// Streams: short counts, lines, frames, timeouts.
export { copy, type Reader, readN, writeN, type Writer, writeText } from "./lib/io/read_write.ts";
export { BufferedReader, MAXLINE } from "./lib/io/buffered_reader.ts";
export { chomp } from "./lib/io/chomp.ts";
export { TimeoutReader, withTimeout } from "./lib/io/timeout.ts";
export {
  encodeDelimited,
  encodeJsonLine,
  encodeLengthFrame,
  MAXFRAME,
  readDelimited,
  readJsonLine,
  readLengthFrame,
} from "./lib/io/framing.ts";

// Servers: the loops that accept and receive, their connections, and the signals that stop them.
export { accept, type AcceptOptions } from "./lib/server/accept.ts";
export type { ServerConnection } from "./lib/server/server_connection.ts";
export { datagrams, type ReceiveOptions } from "./lib/server/datagrams.ts";
export { echo } from "./lib/server/echo.ts";
export { terminationSignal } from "./lib/server/signals.ts";
export { LinePrinter } from "./lib/io/line_printer.ts";
export { logError } from "./lib/io/log_error.ts";

// Errors and text.
export { isClosedError, type SocketError, strerror, withContext } from "./lib/errors.ts";
export { printable } from "./lib/printable.ts";
