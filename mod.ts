/**
 * Berkeley sockets in Deno: byte order, addresses, robust reads and writes, datagrams, and servers
 * that survive.
 *
 * @module
 */

// Numbers as they go over the wire: byte order, binary records, fields of any width.
export * from "./lib/byte_order.ts";
export * from "./lib/pack.ts";
export * from "./lib/bits.ts";
export * from "./lib/sockaddr.ts";
export * from "./lib/calculator.ts";

// Addresses and the names of services.
export * from "./lib/address.ts";
export * from "./lib/inet.ts";
export * from "./lib/services.ts";
export * from "./lib/names.ts";

// Sockets, opened.
export * from "./lib/tcp.ts";
export * from "./lib/unix.ts";
export * from "./lib/datagram.ts";
export * from "./lib/connected_datagram.ts";
export * from "./lib/node_sockets.ts";

// Reading and writing a stream: short counts, lines, frames, deadlines, the echo service.
export * from "./lib/robust_io.ts";
export * from "./lib/framing.ts";
export * from "./lib/deadline.ts";
export * from "./lib/echo.ts";

// Servers that survive: the accept loop, its connections, and the signals that end it.
export * from "./lib/accept.ts";
export * from "./lib/connection.ts";
export * from "./lib/signals.ts";

// Programs: their main, their errors, and what they print of what a peer sent.
export * from "./lib/command.ts";
export * from "./lib/die.ts";
export { failed, isClosed, type SocketError, strerror, withContext } from "./lib/errors.ts";
export * from "./lib/line_printer.ts";
export { logError } from "./lib/log_error.ts";
export * from "./lib/permissions.ts";
export * from "./lib/terminal.ts";
export * from "./lib/text.ts";
