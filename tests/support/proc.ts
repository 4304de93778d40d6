/**
 * The memory and the processor time of a process, from /proc.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { Process } from "../../contract/process.ts";

/** Whether this system tells what a process uses, in the files of Linux. */
const hasProc: boolean = Deno.build.os === "linux";

/** How much memory a process has in use, VmRSS, in MB. */
function memoryOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ??
    [];
  return Number(kilobytes) / 1024;
}

/** Asserts that a process has not grown by more than 64 MB when `act` has ended, where that can be seen. */
export async function assertStaysFlat(
  process: Process,
  act: () => Promise<unknown>,
): Promise<void> {
  const before = hasProc ? memoryOf(process.pid) : 0;
  await act();
  const grown = hasProc ? memoryOf(process.pid) - before : 0;
  assert(grown < 64, `it has grown by ${grown} MB`);
}

/** How much processor time a process uses in `ms` milliseconds, in seconds; 0 where that is unknown. */
export async function processorTimeDuring(pid: number, ms: number): Promise<number> {
  if (!hasProc) return 0;
  const before = processorTimeOf(pid);
  await new Promise((resolve) => setTimeout(resolve, ms)); // the time is what is measured
  return processorTimeOf(pid) - before;
}

/** How much processor time a process has used, utime and stime, in seconds. */
function processorTimeOf(pid: number): number {
  const [, fields = ""] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") "); // after its name
  const [utime, stime] = fields.split(" ").slice(11, 13);
  return (Number(utime) + Number(stime)) / 100; // in ticks, of which Linux shows 100 a second
}
