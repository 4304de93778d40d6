/**
 * The options of a server's program, and its log lines.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import { stderr } from "../io/line_printer.ts";
import type { Datagram } from "../socket/datagram.ts";
import { count, rate, seconds } from "./arguments.ts";
import type { Argument } from "./syntax.ts";

/**
 * The options of a production server, for {@linkcode main}. Their values are the limits of
 * {@linkcode AcceptOptions}.
 *
 * @category Servers
 */
export const serverOptions: Record<
  "maxConnections" | "idleTimeout" | "minRate" | "grace",
  Argument<number>
> = {
  maxConnections: count(1024),
  idleTimeout: seconds(300),
  minRate: rate(4),
  grace: seconds(5),
};

/**
 * Logs the address of a listening socket on stderr.
 *
 * @param addr The address.
 *
 * @example
 * ```ts
 * import { logListening } from "@deno-sockets/samples/cli";
 * import { openListener } from "@deno-sockets/samples";
 *
 * using listener = await openListener(0);
 * logListening(listener.addr); // listening on 127.0.0.1:40123
 * ```
 *
 * @category Servers
 */
export function logListening(addr: Deno.Addr): void {
  stderr.print(`listening on ${formatAddress(addr)}`);
}

/**
 * Logs a truncated datagram on stderr. Logs nothing if the datagram is complete.
 *
 * @param datagram The datagram.
 * @param max The limit with which it was received, in bytes.
 *
 * @example
 * ```ts
 * import { logTruncated } from "@deno-sockets/samples/cli";
 * import { openDatagram, recvFrom, sendTo } from "@deno-sockets/samples";
 *
 * using socket = await openDatagram(0);
 * await sendTo(socket, new TextEncoder().encode("hello"), socket.addr);
 * logTruncated(await recvFrom(socket, 4), 4); // 127.0.0.1:40123: message truncated to 4 bytes
 * ```
 *
 * @category Servers
 */
export function logTruncated(datagram: Datagram, max: number): void {
  const { from, truncated } = datagram;
  if (truncated) stderr.print(`${formatAddress(from)}: message truncated to ${max} bytes`);
}
