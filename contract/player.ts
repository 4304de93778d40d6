/**
 * Plays a transcript: runs its commands as real processes, each with the flags of its header, and compares
 * their output with the transcript. Used by the tests and the demo.
 *
 * @module
 */

import { freePort } from "./ports.ts";
import { Process } from "./process.ts";
import { type Block, type Line, readSample, type Sample } from "./header.ts";

/** The result of playing a transcript. */
export interface Played {
  /** The differences from the transcript, as sentences; empty if there are none. */
  differences: string[];
  /** The stderr of the sample itself, without its peers'. */
  stderr: string;
}

/** The options of {@linkcode play}. */
export interface PlayOptions {
  /**
   * Called with each command, input and output; `terminal` is the index of the block. A command starts, and
   * input is written, when the returned promise has resolved.
   */
  onText?: (
    terminal: number,
    kind: "command" | Line["kind"],
    text: string,
  ) => void | Promise<void>;
  /** Changes the flags of the sample itself, for example removes one. */
  changeFlags?: (flags: string[]) => string[];
  /** Compiles the sample with these flags; the executable is run instead of the script. */
  compile?: (flags: string[]) => Promise<string>;
  /** The time limit for each line and each exit, in ms. Default 30,000, far more than any transcript needs. */
  timeout?: number;
}

/**
 * Plays a sample's transcript.
 *
 * Replaces the ports and the abstract names in "listening on ..." lines, and the paths in flags, by free ones,
 * in the flags, the arguments and the expected output of all commands.
 */
export async function play(sample: Sample, options: PlayOptions = {}): Promise<Played> {
  const { timeout = 30_000 } = options;
  const folder = await Deno.makeTempDir({ prefix: "deno-sockets-" });
  const actual = freeAddresses(sample, folder);
  const terminals: Terminal[] = [];
  for (const [index, block] of sample.transcript.entries()) {
    const args = argsOf(block, sample, options.changeFlags).map((arg) => substitute(arg, actual));
    await options.onText?.(index, "command", ["deno", ...args].join(" "));
    const command = await commandOf(args, sample, options.compile);
    const terminal = new Terminal(block, command, actual, timeout, (kind, text) => {
      return options.onText?.(index, kind, text);
    });
    terminals.push(terminal);
    if (!await terminal.playLines()) break;
  }

  const differences: string[] = [];
  // From the last command to the first, so that clients exit before their server.
  for (const terminal of terminals.toReversed()) {
    // After a failure, the other commands are interrupted: they may wait for the failed peer without a time
    // limit.
    const difference = await terminal.end(differences.length > 0);
    if (difference !== undefined) differences.unshift(difference);
  }
  if (terminals.length < sample.transcript.length) {
    differences.push("the remaining commands did not run");
  }
  await Deno.remove(folder, { recursive: true });
  const own = terminals.filter(({ block }) => block.words.includes(sample.path));
  return { differences, stderr: own.map((terminal) => terminal.stderr).join("") };
}

/** Returns the arguments of `deno` for a block's command, with the flags of its header. */
function argsOf(
  block: Block,
  sample: Sample,
  changeFlags = (flags: string[]): string[] => flags,
): string[] {
  const [path = "", ...args] = block.words;
  if (path === "deno") return args;
  const flags = path === sample.path ? changeFlags(sample.flags) : readSample(path).flags;
  return ["run", ...flags, path, ...args];
}

/** Returns a program and its arguments: `deno`, or the executable if `args` run the compiled sample. */
async function commandOf(
  args: string[],
  sample: Sample,
  compile: PlayOptions["compile"],
): Promise<[program: string, args: string[]]> {
  const index = args.indexOf(sample.path);
  if (compile === undefined || index === -1) return [Deno.execPath(), args];
  return [await compile(args.slice(1, index)), args.slice(index + 1)];
}

/**
 * Maps each port and each abstract name that the transcript listens on, and each path that a flag grants, to a
 * free one.
 */
function freeAddresses(sample: Sample, folder: string): Map<string, string> {
  const actual = new Map<string, string>();
  for (const { words, lines } of sample.transcript) {
    for (const { text } of lines) {
      const [, name, port] = /^listening on (?:@(.+)|.*:(\d+))\n$/.exec(text) ?? [];
      if (name !== undefined) actual.set(name, `${folder.replace(/^.*\//, "")}-${actual.size}`);
      if (port !== undefined) actual.set(port, `${freePort()}`);
    }
    const flags = words[0] === "deno" ? words : readSample(words[0] ?? "").flags;
    for (const [path] of flags.join(" ").matchAll(/\/tmp\/[^ ,]+/g)) {
      if (!actual.has(path)) actual.set(path, `${folder}/${actual.size}`);
    }
  }
  return actual;
}

/** Replaces the ports, names and paths of the transcript by those of this run. */
function substitute(text: string, actual: Map<string, string>): string {
  for (const [written, free] of actual) {
    text = text.replace(new RegExp(`(?<!\\w)${RegExp.escape(written)}(?!\\w)`, "g"), free);
  }
  return text;
}

/** A block and its process. */
class Terminal {
  readonly block: Block;
  readonly #actual: Map<string, string>;
  readonly #process: Process;
  readonly #timeout: number;
  readonly #onText: (kind: Line["kind"], text: string) => void | Promise<void>;

  constructor(
    block: Block,
    [program, args]: [string, string[]],
    actual: Map<string, string>,
    timeout: number,
    onText: (kind: Line["kind"], text: string) => void | Promise<void>,
  ) {
    this.block = block;
    this.#actual = actual;
    this.#timeout = timeout;
    this.#onText = onText;
    const reads = block.key === "^D" || block.lines.some(({ kind }) => kind === "in");
    this.#process = new Process(args, reads, onText, program);
  }

  get stderr(): string {
    return this.#process.stderr;
  }

  /**
   * Writes the input and awaits the output that precede the start of the next command. Reports whether all
   * output was printed in time.
   */
  async playLines(): Promise<boolean> {
    const { lines, key } = this.block;
    const types = lines.some(({ kind }) => kind === "in");
    // A server prints the other lines when its clients connect.
    const rest = lines.findIndex(({ kind }) => kind !== "err");
    const opening = types || rest === -1 ? lines : lines.slice(0, rest);
    const lastTyped = lines.findLastIndex(({ kind }) => kind === "in");
    for (const [index, { kind, text }] of opening.entries()) {
      if (kind === "in") {
        await this.#onText("in", text);
        await this.#process.type(text);
        if (index === lastTyped && key === undefined) await this.#process.endInput();
      } else {
        const soFar = opening.slice(0, index + 1);
        const isPrinted = () =>
          this.#expected(soFar, "out").start.test(this.#process.stdout) &&
          this.#expected(soFar, "err").start.test(this.#process.stderr);
        if (!await this.#until(isPrinted)) return false;
      }
    }
    if (key !== undefined || (!types && opening.length > 0)) return true; // it keeps running
    return await this.#until(() => this.#process.code !== undefined);
  }

  #until(condition: () => boolean): Promise<boolean> {
    return this.#process.until(condition, AbortSignal.timeout(this.#timeout));
  }

  /** Waits for the process to exit; returns a message if its output or exit status differs from the block. */
  async end(interrupt: boolean): Promise<string | undefined> {
    await using process = this.#process;
    if (this.block.key === "^C" || interrupt) process.kill("SIGINT");
    await process.endInput();
    await this.#until(() => process.code !== undefined);

    const { words, lines, status } = this.block;
    const stdout = this.#expected(lines, "out");
    const stderr = this.#expected(lines, "err");
    const matches = process.code === status && stdout.all.test(process.stdout) &&
      stderr.all.test(process.stderr);
    if (matches) return undefined;
    return `${words.join(" ")} ${process.describe()}; expected exit status ${status}, ` +
      `stdout ${JSON.stringify(stdout.text)} and stderr ${JSON.stringify(stderr.text)}`;
  }

  /** Returns the expected output on a stream: its text, and patterns for its start and for all of it. */
  #expected(lines: Line[], kind: "out" | "err"): { text: string; start: RegExp; all: RegExp } {
    const written = lines.filter((line) => line.kind === kind).map((line) => line.text).join("");
    const text = substitute(written, this.#actual);
    const pattern = text.split("*").map((part) => RegExp.escape(part)).join("[^\\n]*");
    return { text, start: new RegExp(`^${pattern}`), all: new RegExp(`^${pattern}$`) };
  }
}
