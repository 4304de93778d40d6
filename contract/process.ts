/**
 * Processes with what they have printed so far, to be waited for: the samples, and their peers.
 *
 * @module
 */

import { readSample, root } from "./header.ts";

/** How long a process may take for what a test waits for, in ms: far more than any needs. */
const PATIENCE = 30_000;

/** A running process, and all that it printed. Disposing of it kills it. */
export class Process implements AsyncDisposable {
  stdout = "";
  stderr = "";
  /** Its exit status, once it has ended and all that it printed is here. */
  code: number | undefined;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #ended: Promise<void>;
  #changed = Promise.withResolvers<void>();

  /**
   * Starts `deno`, or another program.
   *
   * @param args What follows the program on the command line.
   * @param reads Whether something will be typed on its stdin; otherwise that is empty.
   * @param onPrint Is told what it prints, as it comes.
   * @param program The program.
   */
  constructor(
    args: string[],
    reads: boolean,
    onPrint?: (stream: "out" | "err", text: string) => void,
    program: string = Deno.execPath(),
  ) {
    // When Deno runs for the first time, it says on stderr what it downloads, and that is not the program's.
    const isDeno = program === Deno.execPath();
    const isRun = isDeno && args[0] === "run";
    this.#child = new Deno.Command(program, {
      args: isRun ? ["run", "--quiet", ...args.slice(1)] : args,
      cwd: root,
      clearEnv: true,
      // Another program may run Deno on a terminal, where Deno warns of damage in its cache.
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

  /** Waits until `condition` holds; false if the process or the time ended before. */
  async until(condition: () => boolean, deadline: AbortSignal): Promise<boolean> {
    const expired = Promise.withResolvers<void>();
    deadline.addEventListener("abort", () => expired.resolve(), { once: true });
    while (!condition()) {
      if (this.code !== undefined || deadline.aborted) return false;
      await Promise.race([this.#changed.promise, expired.promise]);
    }
    return true;
  }

  /** Waits until stdout and stderr together match `pattern`; returns the match. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    const find = () => pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
    await this.until(() => find() !== null, AbortSignal.timeout(PATIENCE));
    const found = find();
    if (found === null) throw new Error(`waited for ${pattern}, but it ${this.describe()}`);
    return found;
  }

  /** Waits until it has printed as much as `text` on stdout, and asserts that this is all. */
  async assertPrints(text: string): Promise<void> {
    await this.until(() => this.stdout.length >= text.length, AbortSignal.timeout(PATIENCE));
    if (this.stdout !== text) throw new Error(`not ${JSON.stringify(text)}: it ${this.describe()}`);
  }

  /** Waits for the end of the process; returns its exit status. */
  async exits(): Promise<number> {
    await this.until(() => this.code !== undefined, AbortSignal.timeout(PATIENCE));
    if (this.code === undefined) throw new Error(`waited for its end, but it ${this.describe()}`);
    return this.code;
  }

  /** Writes to its stdin; what it does not read any more is lost. */
  async type(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    await this.#stdin?.write(bytes).catch(() => {});
  }

  /** Ends its stdin. */
  async endInput(): Promise<void> {
    await this.#stdin?.close().catch(() => {}); // the process may have closed it
  }

  /** Sends it a signal, if it still runs. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
  }

  /** What it did, for the message of a test that fails. */
  describe(): string {
    const state = this.code === undefined ? "still runs" : `ended with ${this.code}`;
    return `${state}, printed ${JSON.stringify(this.stdout)} ` +
      `and on stderr ${JSON.stringify(this.stderr)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.endInput();
    await this.#ended;
  }
}

/** The variables that change what Deno, Node or Python print, or ask. */
const CHANGES_OUTPUT =
  /^(FORCE_COLOR|LANG|LC_\w+|PYTHON\w+|NODE_(DEBUG|OPTIONS)|(DENO|RUST)_LOG|DENO_(NO_PROMPT|TRACE_PERMISSIONS|V8_FLAGS))$/;

/** The environment of a process whose output is compared: the user's, without what would change that. */
export function environment(): Record<string, string> {
  const kept = Object.entries(Deno.env.toObject()).filter(([name]) => !CHANGES_OUTPUT.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}

let denoDir: string | undefined;

/** A cache for Deno that no other program uses, made once in each worker that needs it. */
function ownDenoDir(): string {
  if (denoDir === undefined) {
    const folder = Deno.makeTempDirSync({ prefix: "deno-sockets-" });
    addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    denoDir = `${folder}/deno`;
    makeDenoDir(denoDir);
  }
  return denoDir;
}

/** Makes a cache for Deno (DENO_DIR) that is empty but for npm's packages, which are those of the user. */
export function makeDenoDir(path: string): void {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  Deno.mkdirSync(path);
  Deno.symlinkSync(npmCache, `${path}/npm`);
}

/** The ports from which {@linkcode freePort} takes: those below are others', those above clients get. */
const [FIRST_PORT, LAST_PORT] = [10_000, 30_000];

/** How many of them a worker has. */
const BLOCK = 200;

/**
 * This worker's block of ports, by its first port. The listener on that keeps other workers, and other
 * processes, out of the block; the system closes it when the worker ends.
 */
const block = takeBlock();
let lastPort = block.addr.port;

function takeBlock(): Deno.TcpListener {
  const blocks = (LAST_PORT - FIRST_PORT) / BLOCK;
  const start = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const listener = listenIfFree(FIRST_PORT + (start + i) % blocks * BLOCK);
    if (listener !== undefined) return listener;
  }
  throw new Error(`all ports from ${FIRST_PORT} to ${LAST_PORT} are taken`);
}

function listenIfFree(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/**
 * A port on which nobody listens. It is below the range from which the system takes ports for clients,
 * so that none of them gets it before the server does; and no other test file gets it.
 */
export function freePort(): number {
  for (;;) {
    const offset = (lastPort - block.addr.port) % (BLOCK - 1) + 1;
    lastPort = block.addr.port + offset;
    const listener = listenIfFree(lastPort);
    if (listener === undefined) continue;
    listener.close();
    return lastPort;
  }
}

/**
 * Starts a sample under its header's flags, with other ports and paths granted in their place.
 *
 * @param path The sample.
 * @param args Its arguments.
 * @param grants Replaces in the flags what is written there, for example `{ 7007: "0" }`.
 * @param reads Whether something will be typed on its stdin.
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

/** Starts a sample that listens on a free port of 127.0.0.1; returns it and the port. */
export async function startServer(
  path: string,
  ...options: string[]
): Promise<{ server: Process; port: number }> {
  const server = startSample(path, ["127.0.0.1", "0", ...options], { 7007: "0" });
  const [, port] = await server.prints(/^listening on .*:(\d+)$/m);
  return { server, port: Number(port) };
}

/** Starts the Unix echo server on a path. */
export async function startUnixServer(path: string, ...options: string[]): Promise<Process> {
  const sample = "unix/stream_echo_server.ts";
  const server = startSample(sample, [path, ...options], { "/tmp/stream_echo.sock": path });
  await server.prints(/^listening on /m);
  return server;
}

/** A folder that is removed, with all that is in it, at the end of an `await using` block. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "deno-sockets-" });
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
