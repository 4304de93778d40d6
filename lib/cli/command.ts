/**
 * A sample's `main`: its command line, its help, its last words and its exit status.
 *
 * This is the one part of the library that reads `Deno.args`, prints and exits.
 *
 * @module
 */

import { codeOf, failed, strerror } from "../errors.ts";
import { inetPton } from "../address/inet.ts";
import { stderr, stdout } from "../io/line_printer.ts";
import { logError } from "../io/log_error.ts";
import { parsePort } from "../address/services.ts";
import { printable } from "../printable.ts";

/**
 * The command line is not what the program's usage says.
 *
 * See {@linkcode main} for an example.
 */
export class UsageError extends Error {
  /** Its name, as every error has one. */
  override name = "UsageError";
  /** The exit status. */
  readonly status: number;

  /**
   * Makes the error.
   *
   * @param message What is wrong with the command line.
   * @param status The exit status. Default 2.
   */
  constructor(message: string, status: number = 2) {
    super(message);
    this.status = status;
  }
}

/** How long a program waits at its end for its last lines to be printed, in ms. */
const FLUSH_TIME = 1000;

/** What a word on the command line means: its value when it is missing, and how it is read. */
export interface Argument<T> {
  /** The value when it is not given. Without one, the argument is required. */
  default?: T;
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
 * The options of a program, by their names in camel case, each with its default: text, something else
 * ({@linkcode host}, {@linkcode group}, {@linkcode port}, {@linkcode count}, {@linkcode seconds}, {@linkcode mode},
 * {@linkcode oneOf}), or `false` for a flag; or {@linkcode required}.
 */
export type Options = Record<string, string | Argument<unknown> | false>;

/** Options and operands. The last operand may be `[]`: a list of all the words that are left. */
export type Arguments = Record<string, Options[string] | []>;

/** The values that a program receives for its {@linkcode Arguments}. */
export type Values<A extends Arguments> = {
  [N in keyof A]: A[N] extends Argument<infer T> ? T
    : A[N] extends false ? boolean
    : A[N] extends [] ? string[]
    : string;
};

/** Text, for {@linkcode required}: unlike text that has a default, it may be empty. */
export const text: Argument<string> = { parse: (text) => text };

/**
 * An argument that must be given.
 *
 * @param argument How it is read, {@linkcode text} for instance; its default does not count.
 * @returns The same without a default. See {@linkcode main} for an example.
 */
export function required<T>({ parse }: Argument<T>): Argument<T> {
  return { parse };
}

/**
 * An argument that is a host: an IPv4 or IPv6 address, or a name that the resolver may know.
 *
 * @param value The host when none is given. Default `localhost`.
 * @returns How to read it: what can be neither is rejected without a look-up.
 * See {@linkcode main} for an example.
 */
export function host(value: string = "localhost"): Argument<string> {
  return {
    default: value,
    parse(text) {
      // An IPv6 address may name an interface: fe80::1%eth0. A name that ends in a number is an IPv4
      // address to the resolver, and has to be one: 127.0.0.1 and 127.1 are, 127.0.0.256 is not.
      const isV6 = inetPton(6, text.replace(/%.+$/, "")) !== null;
      const isName = /^[\p{L}\p{N}_][\p{L}\p{N}._-]{0,252}$/u.test(text) &&
        URL.canParse(`http://${text}`);
      if (isV6 || isName) return text;
      throw new RangeError(`${JSON.stringify(text)} is neither an address nor a host name`);
    },
  };
}

/**
 * `IN_MULTICAST`: an argument that is a multicast group, an address of 224.0.0.0/4 or ff00::/8.
 *
 * @param value The group when none is given.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function group(value: string): Argument<string> {
  return {
    default: value,
    parse(text) {
      const v4 = inetPton(4, text)?.[0] ?? 0;
      const v6 = inetPton(6, text)?.[0] ?? 0;
      if (v4 >> 4 === 0xe || v6 === 0xff) return text;
      throw new RangeError(`${JSON.stringify(text)} is not the address of a multicast group`);
    },
  };
}

/**
 * An argument that is a port: a number from 0 to 65535 or a service's name.
 *
 * @param value The port when none is given. Default 0, which takes a free one.
 * @returns How to read it. See {@linkcode main} for an example.
 */
export function port(value: number = 0): Argument<number> {
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

/** The arguments that {@linkcode main} reads. */
export interface Syntax<O extends Arguments, P extends Options> {
  /** The operands, in order. If there are too few words, it is the required ones that get them. */
  operands: O;
  /** The options. Default none. */
  options?: P;
  /**
   * The test of `argc`, for a program that has its own words for a wrong number of operands: called with
   * their number before they are read, and throws or exits.
   */
  checkCount?: (count: number) => void;
}

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
 *     mode: mode(0o600),
 *     quiet: false,
 *   },
 * }, ({ host, service, word, work, limit, wait, mode, quiet }) => {
 *   if (work === "discard" && limit !== 80) throw new UsageError("--limit goes with --work=echo");
 *   if (!quiet) console.log(`${work} ${word} at ${host}:${service}`, limit, wait, mode);
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
      const values = await readCommandLine(Deno.args, syntax);
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

/** What `--help` says of every program. */
const DASHES = 'A word after "--" is an operand, even if it begins with a dash.';

/** The error of reading stdin or writing stdout, with the call: all other calls name themselves. */
function ofStandardStream(error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined || !(error instanceof Error) || error.cause !== undefined) return error;
  if (["ENOSPC", "EPIPE", "EFBIG", "EAGAIN"].includes(code)) {
    return failed("write", error, "stdout");
  }
  return code === "EISDIR" ? failed("read", error, "stdin") : error;
}

/** The doc comment at the top of a source, as text. */
function helpText(source: string): string {
  const [, comment = ""] = /\/\*\*\n([^]*?)\n \*\//.exec(source) ?? [];
  return comment.replace(/^ \* ?/gm, "").replace(/^@module$/m, "").trimEnd();
}

/** Whether `--help` is among the options. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? args.length : end).some((arg) => /^--?help$/.test(arg));
}

/** Reads all arguments; throws a UsageError for the first that is wrong. */
async function readCommandLine(
  args: readonly string[],
  { operands, options = {}, checkCount }: Syntax<Arguments, Options>,
): Promise<Record<string, unknown>> {
  const { words, given } = sortWords(args, options);
  checkCount?.(words.length);

  const values: Record<string, unknown> = {};
  // The options first: the value that one lacks may be among the operands.
  for (const [name, argument] of Object.entries(options)) {
    values[name] = await parseValue(`--${optionName(name)}`, given.get(name), argument);
  }
  // The words beyond those that the required operands need are for the others.
  let spare = words.length - Object.values(operands).filter(isRequired).length;
  for (const [name, argument] of Object.entries(operands)) {
    if (Array.isArray(argument)) {
      values[name] = words.splice(0);
    } else if (isRequired(argument) || spare > 0) {
      if (!isRequired(argument)) spare--;
      values[name] = await parseValue(name, words.shift(), argument);
    } else {
      values[name] = await parseValue(name, undefined, argument);
    }
  }
  const [extra] = words;
  if (extra !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(extra)}`);
  return values;
}

/** `getopt_long(3)`: sorts the words of a command line into operands and the texts of options. */
function sortWords(
  args: readonly string[],
  options: Options,
): { words: string[]; given: Map<string, string> } {
  const words: string[] = [];
  const given = new Map<string, string>();
  const names = new Map(Object.keys(options).map((name) => [optionName(name), name]));
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? "";
    if (arg === "--") {
      words.push(...args.slice(index + 1));
      break;
    }
    const [, option, value] = /^--?([^-=][^=]*)(?:=([^]*))?$/.exec(arg) ?? [];
    const name = names.get(option ?? "");
    if (!arg.startsWith("-") || arg === "-") {
      words.push(arg);
    } else if (name === undefined) {
      throw new UsageError(`unknown option ${printable(arg)}; after "--" it would be an operand`);
    } else if (options[name] !== false) {
      given.set(name, value ?? args[++index] ?? "");
    } else if (value === undefined) {
      given.set(name, "");
    } else {
      throw new UsageError(`--${option} takes no value`);
    }
  }
  return { words, given };
}

/** The option `--idle-timeout` is the argument `idleTimeout`. */
function optionName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isRequired(argument: Arguments[string]): boolean {
  return typeof argument === "object" && !Array.isArray(argument) && argument.default === undefined;
}

async function parseValue(
  name: string,
  given: string | undefined,
  argument: Options[string],
): Promise<unknown> {
  if (argument === false) return given !== undefined;
  const { default: value, parse } = typeof argument === "string"
    ? { ...text, default: argument }
    : argument;
  if (given === undefined && value !== undefined) return value;
  const mayBeEmpty = value === undefined && parse === text.parse;
  if (given === undefined || given === "" && !mayBeEmpty) {
    throw new UsageError(`${name}: a value is missing`);
  }
  try {
    return await parse(given);
  } catch (error) {
    throw new UsageError(`${name}: ${strerror(error)}`);
  }
}
