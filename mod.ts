/**
 * Berkeley sockets in Deno: byte order, addresses, robust reads and writes, datagrams, and servers
 * that survive.
 *
 * @module
 */

// Numbers as they go over the wire: byte order, binary records, fields of any width.
export * from "./lib/wire/byte_order.ts";
export * from "./lib/wire/pack.ts";
export * from "./lib/wire/bit_fields.ts";
export * from "./lib/address/sockaddr.ts";

// Addresses and the names of services.
export * from "./lib/address/format.ts";
export * from "./lib/address/inet.ts";
export * from "./lib/address/services.ts";
export * from "./lib/address/addrinfo.ts";

// Sockets, opened.
export * from "./lib/socket/tcp.ts";
export * from "./lib/socket/unix.ts";
export * from "./lib/socket/datagram.ts";
export * from "./lib/socket/connected_datagram.ts";
export * from "./lib/socket/node_sockets.ts";

// Reading and writing a stream: short counts, lines, frames, deadlines, the echo service.
export * from "./lib/io/robust_io.ts";
export * from "./lib/io/framing.ts";
export * from "./lib/io/timeout.ts";
export * from "./lib/server/echo.ts";

// Servers that survive: the accept loop, its connections, and the signals that end it.
export * from "./lib/server/accept.ts";
export * from "./lib/socket/connection.ts";
export * from "./lib/server/signals.ts";

// Programs: their main, their errors, and what they print of what a peer sent.
export * from "./lib/cli/command.ts";
export * from "./lib/cli/die.ts";
export { failed, isClosed, type SocketError, strerror, withContext } from "./lib/errors.ts";
export * from "./lib/io/line_printer.ts";
export { logError } from "./lib/io/log_error.ts";
export * from "./lib/socket/permissions.ts";
export * from "./lib/cli/terminal.ts";
export * from "./lib/printable.ts";
