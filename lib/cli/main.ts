/**
 * A sample's `main`: its command line, its help, its last words and its exit status.
 *
 * This is the one part of the library that reads `Deno.args`, prints and exits.
 *
 * @module
 */

import { codeOf, failed } from "../errors.ts";
import { stderr, stdout } from "../io/line_printer.ts";
import { logError } from "../io/log_error.ts";
import { asksForHelp, parseCommandLine } from "./_command_line.ts";
import { DASHES, helpText } from "./_help.ts";
import type { Arguments, Options, Syntax, Values } from "./syntax.ts";
import { UsageError } from "./usage_error.ts";

/** How long a program waits at its end for its last lines to be printed, in ms. */
const FLUSH_TIME = 1000;

/**
 * C's `main`: reads the command line, runs a program's body, and ends it as a command ends.
 *
 * Options may stand before, between and behind the operands, as `--name VALUE`, `--name=VALUE`, or with one
 * dash. `--` ends the options: a word behind it is an operand, even if it begins with a dash.
 *
 * `--help` prints the program's header and exits with 0. A wrong command line prints what is wrong
 * with it and the usage, and exits with 2. An error that the body throws is printed in one line, and
 * exits with 1. When the body returns, the process ends with 0, whatever still waits.
 *
 * @param header The program's own source. The doc comment at its top is the help; the paragraph in
 * it that begins with "Usage:" is the usage.
 * @param syntax The arguments. See {@linkcode Syntax}.
 * @param body The program, called with the values of all of them.
 *
 * @example
 * ```ts ignore
 * import {
 *   count,
 *   host,
 *   main,
 *   mode,
 *   oneOf,
 *   optional,
 *   port,
 *   required,
 *   seconds,
 *   text,
 *   UsageError,
 * } from "@deno-sockets/samples/cli";
 * import header from "./program.ts" with { type: "text" };
 *
 * await main(header, {
 *   operands: { host: host("127.0.0.1"), service: port(7007), word: required(text) },
 *   options: {
 *     work: oneOf("echo", "discard"),
 *     limit: count(80),
 *     wait: seconds(2),
 *     log: optional(text),
 *     mode: mode(0o600),
 *     quiet: false,
 *   },
 * }, ({ host, service, word, work, limit, wait, log, mode, quiet }) => {
 *   if (work === "discard" && limit !== 80) throw new UsageError("--limit goes with --work=echo");
 *   if (!quiet) console.log(`${work} ${word} at ${host}:${service}`, limit, wait, log, mode);
 * });
 * ```
 */
export async function main<O extends Arguments, P extends Options>(
  header: string,
  syntax: Syntax<O, P>,
  body: (values: Values<O> & Values<P>) => void | Promise<void>,
): Promise<void> {
  const help = helpText(header);
  const usage = help.split("\n\n").find((paragraph) => paragraph.startsWith("Usage:")) ?? "";
  let status = 0;
  try {
    if (asksForHelp(Deno.args)) {
      console.log(`${help}\n\n${DASHES}`);
    } else {
      const values = await parseCommandLine(Deno.args, syntax);
      await body(values as Values<O> & Values<P>);
    }
  } catch (error) {
    status = error instanceof UsageError ? error.status : 1;
    if (!(error instanceof UsageError)) logError(ofStandardStream(error));
    else for (const line of `${error.message}\n${usage}`.split("\n")) stderr.print(line);
  }
  await Promise.all([stdout.flush(FLUSH_TIME), stderr.flush(FLUSH_TIME)]);
  Deno.exit(status); // not before: a call that waits for a peer must not keep the process alive
}

/** The error of reading stdin or writing stdout, with the call: all other calls name themselves. */
function ofStandardStream(error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error) || error.cause !== undefined) return error;
  if (["ENOSPC", "EPIPE", "EFBIG", "EAGAIN"].includes(code)) {
    return failed("write", error, "stdout");
  }
  return code === "EISDIR" ? failed("read", error, "stdin") : error;
}
