/**
 * The header contract, played: runs a transcript as real processes, each under its own header's
 * flags, and compares what they print. The tests and the demo both stand on it.
 *
 * @module
 */

import { Process } from "./process.ts";
import { type Block, type Line, readSample, type Sample } from "./transcript.ts";

/** What became of a transcript. */
export interface Played {
  /** Where it was not as written, in words; empty if all was. */
  differences: string[];
  /** Everything that the sample itself, not its peers, printed on stderr. */
  stderr: string;
}

/** How {@linkcode play} plays. */
export interface PlayOptions {
  /** Is told what is typed and printed, as it happens; `terminal` is the index of the block. */
  onText?: (terminal: number, kind: "command" | Line["kind"], text: string) => void;
  /** Changes the flags of the sample itself, for instance to take one away. */
  changeFlags?: (flags: string[]) => string[];
  /** How long it may take, in ms. The default is far more than any transcript needs. */
  patience?: number;
}

/**
 * Plays a sample's transcript.
 *
 * Ports and socket paths are not those that are written but free ones. Which they are, the lines
 * "listening on ..." tell: a command that listens is given port 0, and the port that it then reports
 * stands for the written one in everything after.
 */
export async function play(sample: Sample, options: PlayOptions = {}): Promise<Played> {
  const deadline = AbortSignal.timeout(options.patience ?? 30_000);
  const folder = await Deno.makeTempDir({ prefix: "deno-sockets-" });
  const actual = new Map<string, string>(); // what stands for a written port or path
  const terminals: Terminal[] = [];
  for (const [index, block] of sample.transcript.entries()) {
    const { path, port } = boundAddress(block);
    if (path !== undefined) actual.set(path, `${folder}/${actual.size}`);
    if (port !== undefined) actual.set(port, "0");
    const args = argsOf(block, sample, options.changeFlags).map((arg) => substitute(arg, actual));
    options.onText?.(index, "command", ["deno", ...args].join(" "));
    const terminal = new Terminal(block, args, actual, (kind, text) => {
      options.onText?.(index, kind, text);
    });
    terminals.push(terminal);
    if (port !== undefined) {
      const free = await terminal.boundPort(deadline);
      if (free === undefined) break;
      actual.set(port, free);
    }
    if (!await terminal.playLines(deadline)) break;
  }

  const differences: string[] = [];
  // From the last command to the first, so that clients go before their server.
  for (const terminal of terminals.toReversed()) {
    const difference = await terminal.end(deadline);
    if (difference !== undefined) differences.unshift(difference);
  }
  if (terminals.length < sample.transcript.length) differences.push("the rest was not played");
  await Deno.remove(folder, { recursive: true });
  const own = terminals.filter(({ block }) => block.words.includes(sample.path));
  return { differences, stderr: own.map((terminal) => terminal.stderr).join("") };
}

/** The arguments of `deno` that run a block's command, with its header's flags. */
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

/** The port or the path in the block's line "listening on ...". */
function boundAddress(block: Block): { port?: string; path?: string } {
  for (const { kind, text } of block.lines) {
    const address = kind === "err" ? /^listening on (\S+)\n$/.exec(text)?.[1] : undefined;
    if (address === undefined) continue;
    const port = /:(\d+)$/.exec(address)?.[1];
    return port === undefined ? { path: address } : { port };
  }
  return {};
}

/** Puts the ports and paths of this run in the place of those that are written. */
function substitute(text: string, actual: Map<string, string>): string {
  for (const [written, free] of actual) {
    const whole = /^\d/.test(written) ? `\\b${written}\\b` : RegExp.escape(written);
    text = text.replace(new RegExp(whole, "g"), free);
  }
  return text;
}

/** A block's process, and what is typed into it. */
class Terminal {
  readonly block: Block;
  readonly #actual: Map<string, string>;
  readonly #process: Process;
  readonly #onText: (kind: Line["kind"], text: string) => void;

  constructor(
    block: Block,
    args: string[],
    actual: Map<string, string>,
    onText: (kind: Line["kind"], text: string) => void,
  ) {
    this.block = block;
    this.#actual = actual;
    this.#onText = onText;
    const reads = block.key === "^D" || block.lines.some(({ kind }) => kind === "in");
    this.#process = new Process(args, reads, onText);
  }

  get stderr(): string {
    return this.#process.stderr;
  }

  /** The port in its line "listening on ...", or undefined if it ends without one. */
  async boundPort(deadline: AbortSignal): Promise<string | undefined> {
    const port = () => /^listening on .*:(\d+)$/m.exec(this.stderr)?.[1];
    await this.#process.until(() => port() !== undefined, deadline);
    return port();
  }

  /** Types and awaits what the next command has to wait for; true if all came. */
  async playLines(deadline: AbortSignal): Promise<boolean> {
    const { lines, key } = this.block;
    const types = lines.some(({ kind }) => kind === "in");
    // A server prints the rest when its clients come.
    const rest = lines.findIndex(({ kind }) => kind !== "err");
    const opening = types || rest === -1 ? lines : lines.slice(0, rest);
    for (const [index, { kind, text }] of opening.entries()) {
      if (kind === "in") {
        this.#onText("in", text);
        await this.#process.type(text);
      } else {
        const soFar = opening.slice(0, index + 1);
        const came = () =>
          this.#expected(soFar, "out").start.test(this.#process.stdout) &&
          this.#expected(soFar, "err").start.test(this.#process.stderr);
        if (!await this.#process.until(came, deadline)) return false;
      }
    }
    if (key !== undefined || (!types && opening.length > 0)) return true; // it goes on beside the next
    await this.#process.endInput();
    return await this.#process.until(() => this.#process.code !== undefined, deadline);
  }

  /** Lets the process end, and tells how what it did differs from what the block says. */
  async end(deadline: AbortSignal): Promise<string | undefined> {
    await using process = this.#process;
    if (this.block.key === "^C") process.kill("SIGINT");
    await process.endInput();
    await process.until(() => process.code !== undefined, deadline);

    const { words, lines, status } = this.block;
    const stdout = this.#expected(lines, "out");
    const stderr = this.#expected(lines, "err");
    const asWritten = process.code === status && stdout.all.test(process.stdout) &&
      stderr.all.test(process.stderr);
    if (asWritten) return undefined;
    return `${words.join(" ")} ${process.describe()}; its transcript says ${status}, ` +
      `${JSON.stringify(stdout.text)} and ${JSON.stringify(stderr.text)}`;
  }

  #expected(lines: Line[], kind: "out" | "err"): { text: string; start: RegExp; all: RegExp } {
    const written = lines.filter((line) => line.kind === kind).map((line) => line.text).join("");
    const text = substitute(written, this.#actual);
    const pattern = text.split("*").map((part) => RegExp.escape(part)).join("[^\\n]*");
    return { text, start: new RegExp(`^${pattern}`), all: new RegExp(`^${pattern}$`) };
  }
}
