/**
 * Runs programs, and waits for their output.
 *
 * @module
 */

import { readSample, root } from "./header.ts";

/** The time limit of a wait, in ms: far more than any process needs. */
const TIMEOUT = 30_000;

/** A process and its output so far. Disposing kills the process. */
export class Process implements AsyncDisposable {
  stdout = "";
  stderr = "";
  /** The exit status; `undefined` until the process has exited and all its output has been read. */
  code: number | undefined;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #ended: Promise<void>;
  #changed = Promise.withResolvers<void>();

  /**
   * Starts `deno`, or another program.
   *
   * @param args The arguments of the program.
   * @param reads Whether stdin is a pipe; otherwise it is empty.
   * @param onPrint Called with each piece of output.
   * @param program The program. Default `deno`.
   */
  constructor(
    args: string[],
    reads: boolean,
    onPrint?: (stream: "out" | "err", text: string) => void,
    program: string = Deno.execPath(),
  ) {
    // On its first run, Deno reports its downloads on stderr, unless it is quiet.
    const isDeno = program === Deno.execPath();
    const isRun = isDeno && args[0] === "run";
    this.#child = new Deno.Command(program, {
      args: isRun ? ["run", "--quiet", ...args.slice(1)] : args,
      cwd: root,
      clearEnv: true,
      // Another program may run Deno on a terminal, where Deno warns of a damaged cache.
      env: { ...environment(), ...!isDeno && { DENO_DIR: ownDenoDir() } },
      stdin: reads ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    if (reads) this.#stdin = this.#child.stdin.getWriter();
    const collect = async (stream: ReadableStream<Uint8Array>, name: "out" | "err") => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        if (name === "out") this.stdout += text;
        else this.stderr += text;
        onPrint?.(name, text);
        this.#notify();
      }
    };
    this.#ended = Promise.all([
      this.#child.status,
      collect(this.#child.stdout, "out"),
      collect(this.#child.stderr, "err"),
    ]).then(([status]) => {
      this.code = status.code;
      this.#notify();
    });
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Waits until `condition` is true; returns false if the process exits or `deadline` aborts first. */
  async until(condition: () => boolean, deadline: AbortSignal): Promise<boolean> {
    const expired = Promise.withResolvers<void>();
    deadline.addEventListener("abort", () => expired.resolve(), { once: true });
    while (!condition()) {
      if (this.code !== undefined || deadline.aborted) return false;
      await Promise.race([this.#changed.promise, expired.promise]);
    }
    return true;
  }

  /** Waits until stdout or stderr matches `pattern`; returns the match. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    const find = () => pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
    await this.until(() => find() !== null, AbortSignal.timeout(TIMEOUT));
    const found = find();
    if (found === null) throw new Error(`waited for ${pattern}, but it ${this.describe()}`);
    return found;
  }

  /** Waits until stdout is as long as `text`, and asserts that it equals `text`. */
  async assertPrints(text: string): Promise<void> {
    await this.until(() => this.stdout.length >= text.length, AbortSignal.timeout(TIMEOUT));
    if (this.stdout !== text) {
      throw new Error(`expected stdout ${JSON.stringify(text)}, but it ${this.describe()}`);
    }
  }

  /** Waits for the process to exit; returns the exit status. */
  async exits(): Promise<number> {
    await this.until(() => this.code !== undefined, AbortSignal.timeout(TIMEOUT));
    if (this.code === undefined) throw new Error(`waited for its exit, but it ${this.describe()}`);
    return this.code;
  }

  /** Writes to stdin. Bytes that the process does not read are lost. */
  async type(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    await this.#stdin?.write(bytes).catch(() => {});
  }

  /** Closes stdin. */
  async endInput(): Promise<void> {
    await this.#stdin?.close().catch(() => {}); // the process may have closed it
  }

  /** Sends a signal, if the process is still running. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has exited
    }
  }

  /** Describes the state and the output of the process, for a failure message. */
  describe(): string {
    const state = this.code === undefined ? "is still running" : `exited with ${this.code}`;
    return `${state}, stdout ${JSON.stringify(this.stdout)}, stderr ${JSON.stringify(this.stderr)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.endInput();
    await this.#ended;
  }
}

/** The environment variables that change the output or the prompts of Deno, Node or Python. */
const CHANGES_OUTPUT =
  /^(FORCE_COLOR|LANG|LC_\w+|PYTHON\w+|NODE_(DEBUG|OPTIONS)|(DENO|RUST)_LOG|DENO_(NO_PROMPT|TRACE_PERMISSIONS|V8_FLAGS))$/;

/** Returns the environment of this process without the variables that change a program's output. */
export function environment(): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) => !CHANGES_OUTPUT.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}

let denoDir: string | undefined;

/** Returns the path of a private cache for Deno, created at the first call in each worker. */
function ownDenoDir(): string {
  if (denoDir === undefined) {
    const folder = Deno.makeTempDirSync({ prefix: "deno-sockets-" });
    addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    denoDir = `${folder}/deno`;
    makeDenoDir(denoDir);
  }
  return denoDir;
}

/** Creates an empty cache for Deno (DENO_DIR), with a link to the user's npm packages. */
export function makeDenoDir(path: string): void {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  Deno.mkdirSync(path);
  Deno.symlinkSync(npmCache, `${path}/npm`);
}

/**
 * Starts a sample with the flags of its header, with ports and paths in them replaced.
 *
 * @param path The sample.
 * @param args Its arguments.
 * @param grants The replacements in the flags, for example `{ 7007: "0" }`. Default none.
 * @param reads Whether stdin is a pipe; otherwise it is empty. Default `false`.
 */
export function startSample(
  path: string,
  args: string[],
  grants: Record<string, string> = {},
  reads: boolean = false,
): Process {
  const flags = readSample(path).flags.map((flag) => {
    for (const [written, granted] of Object.entries(grants)) {
      flag = flag.replaceAll(written, granted);
    }
    return flag;
  });
  return new Process(["run", ...flags, path, ...args], reads);
}

/** Creates a folder that is removed with its contents at the end of an `await using` block. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "deno-sockets-" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
