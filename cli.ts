/**
 * The command line of a program: {@linkcode main}, arguments, a server's options, output that is safe on a
 * terminal, and exit messages.
 *
 * A server, `upper.ts`, with two operands and the options of a production server:
 *
 * ```ts ignore
 * import {
 *   accept,
 *   BufferedReader,
 *   openListener,
 *   terminationSignal,
 *   writeText,
 * } from "@deno-sockets/samples";
 * import {
 *   host,
 *   logListening,
 *   main,
 *   port,
 *   serverOptions,
 * } from "@deno-sockets/samples/cli";
 * import header from "./upper.ts" with { type: "text" };
 *
 * await main(header, {
 *   operands: { host: host("127.0.0.1"), service: port(7007) },
 *   options: serverOptions,
 * }, async ({ host, service, ...limits }) => {
 *   using listener = await openListener(service, { hostname: host });
 *   logListening(listener.addr);
 *   const signal = terminationSignal();
 *   for await (const conn of accept(listener, { signal, ...limits })) {
 *     conn.serve(async (conn) => {
 *       for await (const line of new BufferedReader(conn).lines()) {
 *         await writeText(conn, `${line.toUpperCase()}\n`);
 *       }
 *     });
 *   }
 * });
 * ```
 *
 * ```sh
 * deno run --allow-net=127.0.0.1:7007 upper.ts --max-connections=100
 * ```
 *
 * The program imports its own source as text: `--help` prints the doc comment at its top. If the command line
 * is invalid, the program prints the paragraph of that comment that begins with `Usage:`.
 *
 * Only these functions read `Deno.args` and print results. The functions of `mod.ts` throw errors, and print
 * only those that no caller can catch.
 *
 * ## Contents
 *
 * - **Program**, entry point and exit: {@linkcode main}, {@linkcode UsageError},
 *   {@linkcode dieWithSystemMessage}, {@linkcode dieWithUserMessage}
 * - **Arguments**, operands and options: {@linkcode count}, {@linkcode group}, {@linkcode host},
 *   {@linkcode mode}, {@linkcode oneOf}, {@linkcode optional}, {@linkcode port}, {@linkcode rate},
 *   {@linkcode required}, {@linkcode seconds}, {@linkcode text}
 * - **Servers**, options and log lines: {@linkcode logListening}, {@linkcode logTruncated},
 *   {@linkcode serverOptions}
 * - **Output**, in the background, safe on a terminal, or as a dump: {@linkcode stderr},
 *   {@linkcode stdout}, {@linkcode terminalOutput}, {@linkcode TerminalWriter}, {@linkcode bytesLiteral},
 *   {@linkcode hexBytes}, {@linkcode hexChars}
 *
 * @module
 */

// Program and arguments.
export { main } from "./lib/cli/main.ts";
export { UsageError } from "./lib/cli/usage_error.ts";
export {
  count,
  group,
  host,
  mode,
  oneOf,
  optional,
  port,
  rate,
  required,
  seconds,
  text,
} from "./lib/cli/arguments.ts";
export type { Argument, Arguments, Options, Syntax, Values } from "./lib/cli/syntax.ts";

// Options and log lines of servers.
export { logListening, logTruncated, serverOptions } from "./lib/cli/server.ts";

// Output: in the background, and safe on a terminal.
export { stderr, stdout } from "./lib/io/line_printer.ts";
export { terminalOutput, TerminalWriter } from "./lib/cli/terminal.ts";
export { bytesLiteral, hexBytes, hexChars } from "./lib/cli/dump.ts";

// Exit messages.
export { dieWithSystemMessage, dieWithUserMessage } from "./lib/cli/die.ts";
