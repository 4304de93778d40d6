/**
 * Berkeley sockets for Deno: TCP, UDP and Unix-domain sockets, complete reads and writes, lines and frames,
 * addresses, byte order, and fault-tolerant servers.
 *
 * A concurrent server, and a client with a timeout:
 *
 * ```ts
 * import {
 *   accept,
 *   BufferedReader,
 *   openClient,
 *   openListener,
 *   writeText,
 * } from "@deno-sockets/samples";
 *
 * // Answers each line in upper case.
 * async function serve(listener: Deno.TcpListener): Promise<void> {
 *   for await (const conn of accept(listener)) {
 *     conn.serve(async (conn) => {
 *       for await (const line of new BufferedReader(conn).lines()) {
 *         await writeText(conn, `${line.toUpperCase()}\n`);
 *       }
 *     });
 *   }
 * }
 *
 * using listener = await openListener(0); // any free port
 * serve(listener);
 *
 * const { port } = listener.addr;
 * using client = await openClient("127.0.0.1", port, { timeout: 5000 });
 * await writeText(client, "hello\n");
 * const { value } = await new BufferedReader(client).lines().next();
 * console.log(value); // HELLO
 * ```
 *
 * To drain a server on SIGTERM, pass the {@linkcode terminationSignal} to {@linkcode accept}.
 *
 * ## Contents
 *
 * - **Sockets**, to open and connect: {@linkcode Connection}, {@linkcode openClient},
 *   {@linkcode openListener}, {@linkcode openListeners}, {@linkcode openUnixClient},
 *   {@linkcode openUnixDatagram}, {@linkcode openUnixListener}, {@linkcode openDatagram},
 *   {@linkcode openDatagramTo}, {@linkcode recvFrom}, {@linkcode sendTo}, {@linkcode connectDatagram},
 *   {@linkcode ConnectedDatagram}, {@linkcode connectUnixDatagram}, {@linkcode openNodeClient},
 *   {@linkcode openNodeDatagram}, {@linkcode requirePermissions}
 * - **Streams**, short counts, lines, timeouts: {@linkcode copy}, {@linkcode readN}, {@linkcode writeN},
 *   {@linkcode writeText}, {@linkcode BufferedReader}, {@linkcode MAXLINE}, {@linkcode chomp},
 *   {@linkcode TimeoutReader}, {@linkcode withTimeout}
 * - **Framing**, message boundaries on a stream: {@linkcode encodeDelimited}, {@linkcode encodeJsonLine},
 *   {@linkcode encodeLengthFrame}, {@linkcode MAXFRAME}, {@linkcode readDelimited},
 *   {@linkcode readJsonLine}, {@linkcode readLengthFrame}
 * - **Servers**, loops that accept and receive, and logs: {@linkcode accept},
 *   {@linkcode ServerConnection}, {@linkcode datagrams}, {@linkcode echo}, {@linkcode terminationSignal},
 *   {@linkcode LinePrinter}, {@linkcode logError}
 * - **Addresses**, of hosts and services: {@linkcode inetNtop}, {@linkcode inetPton},
 *   {@linkcode formatAddress}, {@linkcode unmapAddress}, {@linkcode packSockaddr},
 *   {@linkcode getAddrInfo}, {@linkcode getNameInfo}, {@linkcode AddrInfoError},
 *   {@linkcode getServByName}, {@linkcode getServByPort}, {@linkcode parsePort}
 * - **Byte order and records**, numbers in messages: {@linkcode htonl}, {@linkcode htonll},
 *   {@linkcode htons}, {@linkcode ntohl}, {@linkcode ntohll}, {@linkcode ntohs}, {@linkcode calcSize},
 *   {@linkcode pack}, {@linkcode unpack}, {@linkcode packBits}, {@linkcode unpackBits}
 * - **Errors and text**, messages to print: {@linkcode isClosedError}, {@linkcode strerror},
 *   {@linkcode withContext}, {@linkcode printable}
 *
 * ## Conventions
 *
 * - C's names are in camel case: `getaddrinfo` is {@linkcode getAddrInfo}. The documentation of a function
 *   begins with its counterpart in C, if there is one.
 * - A read returns the number of bytes read, or `null` at EOF, as in Deno. Times are in milliseconds.
 * - An error of a socket call keeps Deno's class and names the call, the address and the cause: see
 *   {@linkcode SocketError}.
 * - `using` closes sockets and connections.
 * - A function requires the permissions of the Deno calls that it makes, such as `--allow-net=127.0.0.1:7007`.
 *   Datagrams and shared ports require `--unstable-net`, or `"unstable": ["net"]` in deno.json.
 *
 * @module
 */

// Sockets: TCP, Unix-domain and datagram sockets.
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

// Streams: short counts, lines, timeouts.
export { copy, type Reader, readN, writeN, type Writer, writeText } from "./lib/io/read_write.ts";
export { BufferedReader, MAXLINE } from "./lib/io/buffered_reader.ts";
export { chomp } from "./lib/io/chomp.ts";
export { TimeoutReader, withTimeout } from "./lib/io/timeout.ts";

// Framing: message boundaries on a stream.
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
export { accept } from "./lib/server/accept.ts";
export type { AcceptOptions } from "./lib/server/accept_loop.ts";
export type { ServerConnection } from "./lib/server/server_connection.ts";
export { datagrams, type ReceiveOptions } from "./lib/server/datagrams.ts";
export { echo } from "./lib/server/echo.ts";
export { terminationSignal } from "./lib/server/signals.ts";
export { LinePrinter } from "./lib/io/line_printer.ts";
export { logError } from "./lib/io/log_error.ts";

// Addresses: text and bytes, names of hosts and services.
export { inetNtop, inetPton } from "./lib/address/inet.ts";
export { formatAddress, unmapAddress } from "./lib/address/format.ts";
export { packSockaddr } from "./lib/address/sockaddr.ts";
export { type AddrInfo, type AddrInfoHints, getAddrInfo } from "./lib/address/addrinfo.ts";
export { getNameInfo, type NameInfoFlags } from "./lib/address/nameinfo.ts";
export { type AddrInfoCode, AddrInfoError } from "./lib/address/addrinfo_error.ts";
export { getServByName, getServByPort, parsePort } from "./lib/address/services.ts";

// Byte order and records: numbers and structures in messages.
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

// Errors and text: messages to print.
export { isClosedError, type SocketError, strerror, withContext } from "./lib/errors.ts";
export { printable } from "./lib/printable.ts";
