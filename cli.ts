/**
 * A program's command line: `main`, its arguments, its output and its exit messages.
 *
 * The library itself ({@link ./mod.ts}) prints errors only, and never exits; these functions do.
 *
 * @module
 */

// The command line.
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

// A server's options, and what it logs.
export { logListening, logTruncated, serverOptions } from "./lib/cli/server.ts";

// Output: in the background, and safe on a terminal.
export { stderr, stdout } from "./lib/io/line_printer.ts";
export { terminalOutput, TerminalWriter } from "./lib/cli/terminal.ts";
export { bytesLiteral, hexBytes, hexChars } from "./lib/cli/dump.ts";

// Exit messages.
export { dieWithSystemMessage, dieWithUserMessage } from "./lib/cli/die.ts";
