/**
 * The ends of processes.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Process } from "../../contract/process.ts";
import { modeOf } from "./files.ts";
import { stopwatch } from "./time.ts";

/** Waits for a process to exit; asserts its status and all that it printed. */
export async function assertEnds(
  process: Process,
  code: number,
  stdout: string,
  stderr: string | RegExp,
): Promise<void> {
  await process.exits();
  const isRight = process.code === code && process.stdout === stdout &&
    (typeof stderr === "string" ? process.stderr === stderr : stderr.test(process.stderr));
  const expected = `${code}, ${JSON.stringify(stdout)} and ${stderr}`;
  assert(isRight, `expected ${expected}, but it ${process.describe()}`);
}

/** Waits for a process to exit; asserts its status, and that the exit took less than `ms`. */
export async function assertEndsInTime(process: Process, code: number, ms: number): Promise<void> {
  const elapsed = stopwatch();
  assertEquals(await process.exits(), code, process.describe());
  assert(elapsed() < ms, `exited after ${elapsed()} ms: ${process.describe()}`);
}

/** Waits for a server to exit; asserts that it exits with 0, and that its socket's file is gone. */
export async function assertEndsWithoutFile(server: Process, path: string): Promise<void> {
  assertEquals(await server.exits(), 0, server.describe());
  assertEquals(modeOf(path), null, `${path} still exists`);
}

/** Interrupts a server, as Ctrl-C does; asserts that it exits with 0. Returns its stdout. */
export async function stop(server: Process): Promise<string> {
  server.kill("SIGINT");
  assertEquals(await server.exits(), 0, server.describe());
  return server.stdout;
}
