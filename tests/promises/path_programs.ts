/**
 * The programs that bind a Unix path: the servers of the table, and a client.
 *
 * @module
 */

import { assert } from "@std/assert";
import { type Process, startSample } from "../../contract/process.ts";
import { withTimeout } from "../../lib/io/timeout.ts";
import { recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import { openUnixDatagram } from "../../lib/socket/unix.ts";
import { argsAt, ownPaths, servers, type Subject } from "../support/servers.ts";

/** The time limit for a client's first message, in ms. */
const PATIENCE = 30_000;

/** A program that binds a path. */
export interface PathProgram {
  sample: string;
  /** Its arguments, where it is to bind `path`. */
  args: (path: string) => string[];
  /** What replaces the paths in its flags. */
  grants: (path: string) => Record<string, string>;
  /** Whether it reads stdin. */
  reads: boolean;
  /** What it prints when it has bound the path, if it prints something. */
  ready?: RegExp;
}

/** The programs that bind a path. */
export const pathPrograms: PathProgram[] = [
  ...servers.filter(({ path }) => path.startsWith("unix/")).map((subject: Subject) => ({
    sample: subject.path,
    args: (path: string) => argsAt(subject, path),
    grants: ownPaths,
    reads: false,
    ready: /^listening on /m,
  })),
  {
    sample: "unix/dgram_echo_client.ts",
    args: (path) => [`${path}.server`, path, "--timeout=60"],
    grants: (path) => ({
      "/tmp/dgram_echo.sock": `${path}.server`,
      "/tmp/dgram_echo_client.sock": path,
    }),
    reads: true,
  },
];

/** The program with this path. */
export function pathProgram(sample: string): PathProgram {
  const program = pathPrograms.find((program) => program.sample === sample);
  assert(program, `${sample} is not in the table`);
  return program;
}

/** Starts a program that binds a path, and waits until it has done so. */
export async function startAt(program: PathProgram, path: string): Promise<Process> {
  const { sample, args, grants, reads, ready } = program;
  if (ready !== undefined) {
    const process = startSample(sample, args(path), grants(path), reads);
    await process.prints(ready);
    return process;
  }
  // A client prints nothing when it has bound the path. So it echoes a line.
  using server = await openUnixDatagram(`${path}.server`);
  const process = startSample(sample, args(path), grants(path), reads);
  await process.type("ready\n");
  const message = `${sample} does not send`;
  const request = await withTimeout(recvFrom(server, 80), PATIENCE, message);
  await sendTo(server, request.message, request.from);
  await process.prints(/^ready\n/);
  return process;
}
