/**
 * Who takes part in the echo benchmark: the servers of the suite, and peers of the same shape.
 *
 * @module
 */

import { isHere } from "../../contract/requirements.ts";
import { root } from "../../contract/header.ts";

/** How the clients reach a server. */
export type Transport = "tcp" | "unix" | "udp";

/** An echo server that can be started here. */
export interface Server {
  /** Its name in the tables. */
  name: string;
  /** The version of its runtime or compiler. */
  version: string;
  /** What it serves. */
  transports: Transport[];
  /**
   * Its command line, from the project's root.
   *
   * @param transport What it is to serve.
   * @param path Where, on a Unix socket; otherwise it takes a free port of 127.0.0.1.
   * @returns The words.
   */
  command(transport: Transport, path: string): string[];
}

/** What is installed here. */
export interface Installed {
  servers: Server[];
  /** The names of the peers that are not. */
  missing: string[];
  /** The load generator's command line, without its arguments. */
  load: string[];
}

/** The suite's name in the tables. */
export const OURS = "deno-sockets";

/** The peer to whom the others are compared. */
export const BASELINE = "node";

/** The load generator in TypeScript, which is always here. It serves all its connections alike. */
export const loadInTypeScript: string[] = [
  ...["env", "DENO_TOKIO_MAX_IO_EVENTS_PER_TICK=64", "DENO_TOKIO_EVENT_INTERVAL=3"],
  ...[Deno.execPath(), "run", "--allow-all", "bench/echo/load.ts"],
];

/** The loop that everybody writes first: what fairness may cost is compared to it. */
export const LOOP = "Deno read/write";

/** A program that is run as it is, or compiled first. */
interface Peer {
  name: string;
  transports: Transport[];
  /** The command that tells whether its runtime or compiler is here, and which. */
  asks: string[];
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
    asks: ["go", "version"],
    transports: all,
    build: (output) => ["go", "build", "-o", output, "bench/echo/peers/echo.go"],
  },
  script("python3", "bench/echo/peers/echo.py"),
  gcc("C", "bench/echo/peers/echo.c"),
];

/**
 * Looks for all that is installed, and compiles what has to be.
 *
 * @param folder Where to leave the executables.
 * @returns The servers, the suite's own first, and the load generator, in C if that can be had.
 * @throws {Error} If a compiler is here but fails.
 */
export async function findInstalled(folder: string): Promise<Installed> {
  const found = await Promise.all(peers.map((peer) => find(peer, folder)));
  const load = await find(gcc("load", "bench/echo/load.c"), folder);
  return {
    servers: [ours, ...found.filter((server) => server !== undefined)],
    missing: peers.filter((_, index) => found[index] === undefined).map(({ name }) => name),
    load: load === undefined ? loadInTypeScript : [`${folder}/load`],
  };
}

/** The suite's servers, as a user would start them for many clients. */
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

function deno(name: string, path: string, transports: Transport[]): Peer {
  const run = [Deno.execPath(), "run", "--allow-all", path];
  return { name, transports, asks: [Deno.execPath(), "--version"], run };
}

function script(program: string, path: string): Peer {
  return { name: program, transports: all, asks: [program, "--version"], run: [program, path] };
}

function gcc(name: string, path: string): Peer {
  const build = (output: string) => ["gcc", "-O2", "-o", output, path];
  return { name, transports: all, asks: ["gcc", "--version"], build };
}

async function find(peer: Peer, folder: string): Promise<Server | undefined> {
  const { name, transports, asks, build } = peer;
  const answer = await output(asks);
  if (answer === undefined || (name === "node" && !isHere("node"))) return undefined;
  const [version = ""] = /\d+(\.\d+)+/.exec(answer) ?? [];
  let run = peer.run ?? [];
  if (build !== undefined) {
    run = [`${folder}/${name}`];
    await output(build(`${folder}/${name}`));
  }
  return {
    name,
    version: `${asks[0] === Deno.execPath() ? "deno" : asks[0]} ${version}`,
    transports,
    command: (transport, path) => [...run, transport, ...transport === "unix" ? [path] : []],
  };
}

/** What a command prints; `undefined` if there is none of that name. */
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
