/**
 * The memory and the processor time of a process, from /proc, and its limit of descriptors.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Process } from "../../contract/process.ts";

/** Whether the system has the /proc of Linux. */
const hasProc: boolean = Deno.build.os === "linux";

/** The resident memory of a process, VmRSS, in MB. */
function memoryOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ??
    [];
  return Number(kilobytes) / 1024;
}

/** Asserts that a process grows by less than 64 MB during `act`, where /proc shows it. */
export async function assertStaysFlat(
  process: Process,
  act: () => Promise<unknown>,
): Promise<void> {
  const before = hasProc ? memoryOf(process.pid) : 0;
  await act();
  const grown = hasProc ? memoryOf(process.pid) - before : 0;
  assert(grown < 64, `the process grew by ${grown} MB`);
}

/** The processor time that a process uses in `ms` milliseconds, in seconds; 0 without /proc. */
export async function processorTimeDuring(pid: number, ms: number): Promise<number> {
  if (!hasProc) return 0;
  const before = processorTimeOf(pid);
  await new Promise((resolve) => setTimeout(resolve, ms)); // the time is what is measured
  return processorTimeOf(pid) - before;
}

/** The processor time that a process has used, utime and stime, in seconds. */
function processorTimeOf(pid: number): number {
  const [, fields = ""] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") "); // after its name
  const [utime, stime] = fields.split(" ").slice(11, 13);
  return (Number(utime) + Number(stime)) / 100; // Linux counts 100 ticks a second
}

/** The number of descriptors that this process, and those that it starts, may have open. */
export const [descriptorLimit = 0]: number[] = new TextDecoder()
  .decode(new Deno.Command("sh", { args: ["-c", "ulimit -n"] }).outputSync().stdout)
  .split("\n").map((limit) => limit === "unlimited" ? Infinity : Number(limit));
