/**
 * A sample's `main`: its command line, its help, its last words and its exit status.
 *
 * This is the one part of the library that reads `Deno.args`, prints and exits.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { strerror } from "./errors.ts";
import { stderr, stdout } from "./line_printer.ts";
import { logError } from "./log_error.ts";
import { parsePort } from "./services.ts";

/**
 * The command line is not what the program's usage says; the exit status is 2.
 *
 * See {@linkcode main} for an example.
 */
export class UsageError extends Error {
  /** Its name, as every error has one. */
  override name = "UsageError";
}

/** How long a program waits at its end for its last lines to be printed, in ms. */
const FLUSH_TIME = 1000;

/** What a word on the command line means: its value when it is missing, and how it is read. */
export interface Argument<T> {
  /** The value when it is not given. */
  default: T;
  /**
   * Reads it.
   *
   * @param text The word on the command line.
   * @returns The value.
   * @throws {Error} If there is something wrong with it, which the message says.
   */
  parse(text: string): T | Promise<T>;
}

/**
 * The arguments of a program, by their names in camel case, each with its default: text, something else
 * ({@linkcode port}, {@linkcode count}, {@linkcode seconds}, {@linkcode mode}, {@linkcode oneOf}), or
 * `false` for a flag. The last operand may be `[]`: a list of all the words that are left.
 */
export type Arguments = Record<string, string | Argument<unknown> | false | []>;

/** The values that a program receives for its {@linkcode Arguments}. */
export type Values<A extends Arguments> = {
  [N in keyof A]: A[N] extends Argument<infer T> ? T
    : A[N] extends false ? boolean
    : A[N] extends [] ? string[]
    : string;
};

/**
 * An argument that is a port: a number from 0 to 65535 or a service's name.
 *
 * @param value The port when none is given, or `null` for a program that insists on one.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function port<D extends number | null>(value: D): Argument<number | D> {
  return { default: value, parse: (text) => parsePort(text) };
}

/**
 * An argument that counts something: an integer from 1.
 *
 * @param value The count when none is given.
 * @param max The largest count. Default 999,999,999.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function count(value: number, max: number = 999_999_999): Argument<number> {
  return {
    default: value,
    parse(text) {
      const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
      if (number >= 1 && number <= max) return number;
      throw new RangeError(`${JSON.stringify(text)} is not a whole number from 1 to ${max}`);
    },
  };
}

/**
 * An argument that is a rate: an integer from 0.
 *
 * @param value The rate when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function rate(value: number): Argument<number> {
  return {
    default: value,
    parse(text) {
      if (/^\d{1,9}$/.test(text)) return Number(text);
      throw new RangeError(`${JSON.stringify(text)} is not a whole number from 0`);
    },
  };
}

/**
 * An argument that is a time in seconds, with a fraction if need be.
 *
 * @param value The time when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function seconds(value: number): Argument<number> {
  return {
    default: value,
    parse(text) {
      if (/^\d{1,6}(\.\d+)?$/.test(text)) return Number(text);
      throw new RangeError(`${JSON.stringify(text)} is not a number of seconds`);
    },
  };
}

/**
 * An argument that is a file's mode: three octal digits, as chmod(1) has it.
 *
 * @param value The mode when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function mode(value: number): Argument<number> {
  return {
    default: value,
    parse(text) {
      if (/^0?[0-7]{3}$/.test(text)) return parseInt(text, 8);
      throw new RangeError(`${JSON.stringify(text)} is not a mode of three octal digits`);
    },
  };
}

/**
 * An argument that is one of a few words.
 *
 * @param words The words; the first is the one when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function oneOf<W extends string>(...words: [W, ...W[]]): Argument<W> {
  return {
    default: words[0],
    parse(text) {
      const word = words.find((word) => word === text);
      if (word !== undefined) return word;
      throw new RangeError(`${JSON.stringify(text)} is none of ${words.join(", ")}`);
    },
  };
}

/**
 * C's `main`: reads the command line, runs a program's body, and ends it as a command ends.
 *
 * `--help` prints the program's header and exits with 0. A wrong command line prints what is wrong
 * with it and the usage, and exits with 2. An error that the body throws is printed in one line, and
 * exits with 1. When the body returns, the process ends with 0, whatever still waits.
 *
 * @param header The program's own source. The doc comment at its top is the help; the paragraph in
 * it that begins with "Usage:" is the usage.
 * @param syntax The arguments: operands in their order, and options, anywhere among them and with two
 * dashes or one.
 * @param body The program, called with the values of all of them.
 *
 * @example
 * ```ts ignore
 * import { count, main, mode, oneOf, port, seconds, UsageError } from "@deno-sockets/samples";
 * import header from "./program.ts" with { type: "text" };
 *
 * await main(header, {
 *   operands: { host: "127.0.0.1", service: port(7007) },
 *   options: {
 *     work: oneOf("echo", "discard"),
 *     limit: count(80),
 *     wait: seconds(2),
 *     mode: mode(0o600),
 *     quiet: false,
 *   },
 * }, ({ host, service, work, limit, wait, mode, quiet }) => {
 *   if (work === "discard" && limit !== 80) throw new UsageError("--limit goes with --work=echo");
 *   if (!quiet) console.log(`${work} at ${host}:${service}, ${limit} bytes, ${wait} s, ${mode}`);
 * });
 * ```
 */
export async function main<O extends Arguments, P extends Arguments>(
  header: string,
  syntax: { operands: O; options?: P },
  body: (values: Values<O> & Values<P>) => void | Promise<void>,
): Promise<void> {
  const help = helpText(header);
  const usage = help.split("\n\n").find((paragraph) => paragraph.startsWith("Usage:")) ?? "";
  let status = 0;
  try {
    if (Deno.args.includes("--help")) {
      console.log(help);
    } else {
      const values = await parseCommandLine(Deno.args, syntax.operands, syntax.options ?? {});
      await body(values as Values<O> & Values<P>);
    }
  } catch (error) {
    logError(error);
    status = error instanceof UsageError ? 2 : 1;
    if (status === 2) { for (const line of usage.split("\n")) stderr.print(line); }
  }
  await Promise.all([stdout.flush(FLUSH_TIME), stderr.flush(FLUSH_TIME)]);
  Deno.exit(status); // not before: a call that waits for a peer must not keep the process alive
}

/** The doc comment at the top of a source, as text. */
function helpText(source: string): string {
  const [, comment = ""] = /\/\*\*\n([^]*?)\n \*\//.exec(source) ?? [];
  return comment.replace(/^ \* ?/gm, "").replace(/^@module$/m, "").trimEnd();
}

async function parseCommandLine(
  typed: readonly string[],
  operands: Arguments,
  options: Arguments,
): Promise<Record<string, unknown>> {
  const flags = Object.keys(options).filter((name) => options[name] === false);
  const named = Object.keys(options).filter((name) => options[name] !== false);
  const args = twoDashes(typed, [...flags, ...named].map(optionName));
  const given = parseArgs(args, {
    string: ["_", ...named.map(optionName)],
    boolean: flags.map(optionName),
    unknown: (arg, key) => {
      if (key !== undefined) throw new UsageError(`unknown option ${arg}`);
    },
  });
  const valued = flags.find((name) => args.some((arg) => arg.startsWith(`--${optionName(name)}=`)));
  if (valued !== undefined) throw new UsageError(`--${optionName(valued)} takes no value`);
  const hasList = Object.values(operands).some(Array.isArray);
  const extra = given._[Object.keys(operands).length];
  if (extra !== undefined && !hasList) {
    throw new UsageError(`unexpected argument ${JSON.stringify(extra)}`);
  }

  const values: Record<string, unknown> = {};
  // The options first: the value that one lacks may be among the operands.
  for (const [name, argument] of Object.entries(options)) {
    const option = optionName(name);
    values[name] = await parseValue(`--${option}`, given[option], argument);
  }
  for (const [index, [name, argument]] of Object.entries(operands).entries()) {
    const isList = Array.isArray(argument);
    values[name] = await parseValue(name, isList ? given._.slice(index) : given._[index], argument);
  }
  return values;
}

/** The option `--idle-timeout` is the argument `idleTimeout`. */
function optionName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Writes `-op` as `--op`: parseArgs would take it for the options `-o` and `-p`. */
function twoDashes(args: readonly string[], options: readonly string[]): string[] {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  return args.map((arg, index) => {
    const [, option = ""] = /^-([a-z-]+)(?:=|$)/.exec(arg) ?? [];
    return index < end && options.includes(option) ? `-${arg}` : arg;
  });
}

async function parseValue(
  name: string,
  given: unknown,
  argument: Arguments[string],
): Promise<unknown> {
  if (argument === false) return given === true;
  if (Array.isArray(argument)) return given;
  if (given === "") throw new UsageError(`${name}: a value is missing`);
  if (typeof argument === "string") return given === undefined ? argument : String(given);
  if (given === undefined) return argument.default;
  try {
    return await argument.parse(String(given));
  } catch (error) {
    throw new UsageError(`${name}: ${strerror(error)}`);
  }
}
