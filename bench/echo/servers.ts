/**
 * The servers of the echo benchmark: the project's own, and peers written for other runtimes.
 *
 * @module
 */

import { libc } from "../../contract/libc.ts";
import { isHere } from "../../contract/requirements.ts";
import { root } from "../../contract/header.ts";

/** The transport between clients and server. */
export type Transport = "tcp" | "unix" | "udp";

/** An echo server whose runtime or compiler is installed. */
export interface Server {
  /** The name in the tables. */
  name: string;
  /** The version of the runtime or compiler. */
  version: string;
  /** The transports that it supports. */
  transports: Transport[];
  /**
   * Returns the command that starts the server, to be run in the project's root.
   *
   * @param transport The transport to serve.
   * @param path The path of the Unix socket. TCP and UDP use a free port of 127.0.0.1.
   * @returns The program and its arguments.
   */
  command(transport: Transport, path: string): string[];
}

/** The result of {@linkcode findInstalled}. */
export interface Installed {
  servers: Server[];
  /** The names of the peers that are not installed. */
  missing: string[];
  /** The load generator's command, without its arguments. */
  load: string[];
}

/** The names of the project's servers in the tables: with Deno's sockets, and with system calls (posix.ts). */
export const OURS = "deno-sockets";
export const OURS_POSIX = "deno-sockets posix";

/** The peer that ratios refer to. */
export const BASELINE = "node";

/**
 * The load generator in TypeScript, used if gcc is not installed. The environment variables make Deno poll
 * for ready sockets often enough to serve all connections equally.
 */
export const loadInTypeScript: string[] = [
  ...["env", "DENO_TOKIO_MAX_IO_EVENTS_PER_TICK=64", "DENO_TOKIO_EVENT_INTERVAL=3"],
  ...[Deno.execPath(), "run", "--allow-all", "bench/echo/load.ts"],
];

/** The peer that awaits each read and write in a plain loop; the reference for the cost of fairness. */
export const LOOP = "Deno read/write";

/** A program to run or to compile. */
interface Peer {
  name: string;
  transports: Transport[];
  /** The command that prints the version of the runtime or compiler. */
  versionCommand: string[];
  run?: string[];
  build?: (output: string) => string[];
}

const all: Transport[] = ["tcp", "unix", "udp"];

const peers: Peer[] = [
  deno(LOOP, "bench/echo/peers/echo_deno_loop.ts", all),
  deno("Deno pipeTo", "bench/echo/peers/echo_deno_pipe.ts", ["tcp", "unix"]),
  script("node", "bench/echo/peers/echo_node.mjs"),
  script("bun", "bench/echo/peers/echo_bun.mjs"),
  {
    name: "go",
    versionCommand: ["go", "version"],
    transports: all,
    build: (output) => ["go", "build", "-o", output, "bench/echo/peers/echo.go"],
  },
  script("python3", "bench/echo/peers/echo.py"),
  gcc("C", "bench/echo/peers/echo.c"),
];

/**
 * Finds the installed peers and compiles those that need it.
 *
 * @param folder The folder for the executables.
 * @returns The servers, the project's own first, and the load generator, in C if gcc is installed.
 * @throws {Error} If a command fails. The message includes its stderr.
 */
export async function findInstalled(folder: string): Promise<Installed> {
  const found = await Promise.all(peers.map((peer) => find(peer, folder)));
  const load = await find(gcc("load", "bench/echo/load.c"), folder);
  return {
    servers: [
      ours,
      ...libc === undefined ? [] : [oursPosix],
      ...found.filter((server) => server !== undefined),
    ],
    missing: peers.filter((_, index) => found[index] === undefined).map(({ name }) => name),
    load: load === undefined ? loadInTypeScript : [`${folder}/load`],
  };
}

/** The project's servers, with options for many clients. */
export const ours: Server = {
  name: OURS,
  version: `deno ${Deno.version.deno}`,
  transports: all,
  command(transport, path) {
    const run = [Deno.execPath(), "run"];
    if (transport === "udp") {
      return [...run, "--allow-net=127.0.0.1", "servers/udp_echo.ts", "127.0.0.1", "0", "--quiet"];
    }
    const options = ["--quiet", "--max-connections", "10000"];
    if (transport === "tcp") {
      const sample = "servers/tcp_echo_concurrent.ts";
      return [...run, "--allow-net=127.0.0.1:0", sample, "127.0.0.1", "0", ...options];
    }
    const flags = [`--allow-net=unix:${path}`, `--allow-read=${path}`, `--allow-write=${path}`];
    return [...run, ...flags, "unix/stream_echo_server.ts", path, ...options];
  },
};

/** The project's servers with system calls, on Linux. */
export const oursPosix: Server = {
  name: OURS_POSIX,
  version: `deno ${Deno.version.deno}`,
  transports: ["tcp", "udp"],
  command(transport) {
    const run = [Deno.execPath(), "run", `--allow-ffi=${libc}`];
    const sample = transport === "udp" ? "udp_batch_echo_server" : "epoll_echo_server";
    const options = transport === "udp" ? [] : ["--max-connections", "10000"];
    return [...run, `posix/${sample}.ts`, "127.0.0.1", "0", "--quiet", ...options];
  },
};

function deno(name: string, path: string, transports: Transport[]): Peer {
  const run = [Deno.execPath(), "run", "--allow-all", path];
  return { name, transports, versionCommand: [Deno.execPath(), "--version"], run };
}

function script(program: string, path: string): Peer {
  return {
    name: program,
    transports: all,
    versionCommand: [program, "--version"],
    run: [program, path],
  };
}

function gcc(name: string, path: string): Peer {
  const build = (output: string) => ["gcc", "-O2", "-o", output, path];
  return { name, transports: all, versionCommand: ["gcc", "--version"], build };
}

async function find(peer: Peer, folder: string): Promise<Server | undefined> {
  const { name, transports, versionCommand, build } = peer;
  const text = await output(versionCommand);
  if (text === undefined || (name === "node" && !isHere("node"))) return undefined;
  const [version = ""] = /\d+(\.\d+)+/.exec(text) ?? [];
  let run = peer.run ?? [];
  if (build !== undefined) {
    run = [`${folder}/${name}`];
    await output(build(`${folder}/${name}`));
  }
  return {
    name,
    version: `${versionCommand[0] === Deno.execPath() ? "deno" : versionCommand[0]} ${version}`,
    transports,
    command: (transport, path) => [...run, transport, ...transport === "unix" ? [path] : []],
  };
}

/** Returns the stdout of a command; `undefined` if the program is not installed. */
async function output(words: string[]): Promise<string | undefined> {
  const [program = "", ...args] = words;
  try {
    const command = new Deno.Command(program, { args, cwd: root });
    const { success, stdout, stderr } = await command.output();
    if (success) return new TextDecoder().decode(stdout);
    throw new Error(`${words.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
