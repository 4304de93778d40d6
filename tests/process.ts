/**
 * Processes with what they have printed so far, to be waited for: the samples, and their peers.
 *
 * @module
 */

import { readSample, root } from "./transcript.ts";

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
    const isRun = program === Deno.execPath() && args[0] === "run";
    this.#child = new Deno.Command(program, {
      args: isRun ? ["run", "--quiet", ...args.slice(1)] : args,
      cwd: root,
      env: { NO_COLOR: "1" },
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

let lastPort = 10_000 + (Deno.pid * 101) % 20_000;

/**
 * A port on which nobody listens. It is below the range from which the system takes ports for clients,
 * so that none of them gets it before the server does; and each process begins elsewhere.
 */
export function freePort(): number {
  for (;;) {
    lastPort = lastPort < 30_000 ? lastPort + 1 : 10_000;
    try {
      Deno.listen({ hostname: "127.0.0.1", port: lastPort }).close();
      return lastPort;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
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
