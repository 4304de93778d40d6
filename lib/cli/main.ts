/**
 * A program's `main`: its command line, its help, its error messages and its exit status.
 *
 * @module
 */

import { codeOf, failed } from "../errors.ts";
import { stderr, stdout } from "../io/line_printer.ts";
import { logError } from "../io/log_error.ts";
import { asksForHelp, parseCommandLine } from "./_command_line.ts";
import { formatHelp, formatUsage } from "./_help.ts";
import type { Arguments, Options, Syntax, Values } from "./syntax.ts";
import { UsageError } from "./usage_error.ts";

/** The maximum wait for pending output before the exit, in ms. */
const FLUSH_TIME = 1000;

/**
 * C's `main`: parses the command line, runs the program's body, and exits.
 *
 * Options may come before, between and after the operands, as `--name VALUE`, `--name=VALUE`, or with one
 * dash. `--` ends the options: a word after it is an operand, even if it begins with a dash.
 *
 * The exit status is
 *
 * - 0 when the body returns, even if timers or reads are still pending, and for `--help`, which prints the
 *   program's header, the defaults of its operands and its permission flags;
 * - 1 if the body throws. The error is printed on one line;
 * - 2 if the command line is invalid, or the body throws a {@linkcode UsageError}, which may have another
 *   status. The cause and the usage are printed.
 *
 * Source: getopt_long(3).
 *
 * @param header The program's source, which the program imports as text. The doc comment at its top is the
 * help; the paragraph in it that begins with "Usage:" is the usage.
 * @param syntax The arguments. See {@linkcode Syntax}.
 * @param body The program. Called with the values of all arguments.
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
 *   if (work === "discard" && limit !== 80) throw new UsageError("--limit requires --work=echo");
 *   if (!quiet) console.log(`${work} ${word} at ${host}:${service}`, limit, wait, log, mode);
 * });
 * ```
 *
 * @category Program
 */
export async function main<O extends Arguments, P extends Options>(
  header: string,
  syntax: Syntax<O, P>,
  body: (values: Values<O> & Values<P>) => void | Promise<void>,
): Promise<void> {
  let status = 0;
  try {
    if (asksForHelp(Deno.args)) {
      console.log(formatHelp(header, syntax.operands));
    } else {
      const values = await parseCommandLine(Deno.args, syntax);
      await body(values as Values<O> & Values<P>);
    }
  } catch (error) {
    status = error instanceof UsageError ? error.status : 1;
    if (error instanceof UsageError) {
      const lines = `${error.message}\n${formatUsage(header)}`.split("\n");
      for (const line of lines) stderr.print(line);
    } else {
      logError(nameStandardStream(error));
    }
  }
  await Promise.all([stdout.flush(FLUSH_TIME), stderr.flush(FLUSH_TIME)]);
  Deno.exit(status); // pending calls would keep the process alive
}

/** Adds the call to an error of reading stdin or writing stdout. All other errors already name their call. */
function nameStandardStream(error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error) || error.cause !== undefined) return error;
  if (["ENOSPC", "EPIPE", "EFBIG", "EAGAIN"].includes(code)) {
    return failed("write", error, "stdout");
  }
  return code === "EISDIR" ? failed("read", error, "stdin") : error;
}
