// Parses a command line, as getopt_long(3) does.

import { strerror } from "../errors.ts";
import { printable } from "../printable.ts";
import { text } from "./arguments.ts";
import type { Arguments, Options, Syntax } from "./syntax.ts";
import { UsageError } from "./usage_error.ts";

/** Reports whether `--help` is among the options. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? args.length : end).some((arg) => /^--?help$/.test(arg));
}

/** Parses all arguments; throws a UsageError for the first invalid one. */
export async function parseCommandLine(
  args: readonly string[],
  { operands, options = {}, checkCount }: Syntax<Arguments, Options>,
): Promise<Record<string, unknown>> {
  const { words, given } = sortWords(args, options);
  checkCount?.(words.length);

  const values: Record<string, unknown> = {};
  // Options are parsed first, so that their errors are reported first: an option without a value has taken an
  // operand as its value.
  for (const [name, argument] of Object.entries(options)) {
    values[name] = await parseValue(`--${optionName(name)}`, given.get(name), argument);
  }
  // The number of words left for operands that have a default.
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

/** `getopt_long(3)`: separates the operands from the options and their values. */
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
      throw new UsageError(
        `unknown option ${printable(arg)}; to pass it as an operand, write "--" before it`,
      );
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

/** Returns the name of an argument on the command line: `idle-timeout` for `idleTimeout`. */
function optionName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function isRequired(argument: Arguments[string]): boolean {
  return typeof argument === "object" && !Array.isArray(argument) && !("default" in argument);
}

async function parseValue(
  name: string,
  given: string | undefined,
  argument: Options[string],
): Promise<unknown> {
  if (argument === false) return given !== undefined;
  const kind = typeof argument === "string" ? { ...text, default: argument } : argument;
  if (given === undefined && !isRequired(kind)) return kind.default;
  const mayBeEmpty = isRequired(kind) && kind.parse === text.parse;
  if (given === undefined || given === "" && !mayBeEmpty) {
    throw new UsageError(`${name}: a value is missing`);
  }
  try {
    return await kind.parse(given);
  } catch (error) {
    throw new UsageError(`${name}: ${strerror(error)}`);
  }
}
