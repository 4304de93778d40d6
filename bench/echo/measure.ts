/**
 * Measures one server in one scenario of the echo benchmark.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Process } from "../../contract/process.ts";
import type { Load } from "./load.ts";
import type { Scenario } from "./scenarios.ts";
import type { Server } from "./servers.ts";

/** The figures of a measurement. A figure that does not apply to the scenario is absent. */
export interface Figures {
  /** Round trips per second of the clients, without the bulk streams. */
  roundTrips?: number;
  /** MB per second echoed to clients and bulk streams. */
  megabytes?: number;
  /** Percentiles of the clients' latency, in ms. */
  p50?: number;
  p99?: number;
  p999?: number;
  /** Jain's fairness index over the clients' round trips. */
  jain?: number;
  /** Clients that completed no round trip. */
  unanswered?: number;
  /** Datagrams that were not answered within a second. */
  lost?: number;
  /** The time until every client had completed its first round trip, in ms. */
  connect?: number;
  /** The server's CPU time, in seconds. */
  serverCpu?: number;
  /** The server's CPU time per round trip, in microseconds. */
  cpuPerRoundTrip?: number;
  /** CPU time divided by elapsed time, from 0 to 1, of the server and of the load generator. */
  serverShare?: number;
  loadShare?: number;
  /** The server's private memory per idle connection, in bytes. */
  bytesPerConnection?: number;
}

/** The settings that all measurements of a run share. */
export interface Setting {
  /** The load generator's command, without its arguments. */
  load: string[];
  /** The processors to pin the server and the load generator to. Default: not pinned. */
  cores?: [server: number, load: number];
  /** The duration of the warm-up before the measurement, in seconds. */
  warmup: number;
  /** The duration of the measurement, in seconds. */
  seconds: number;
  /** The folder for Unix sockets. */
  folder: string;
}

/** The delay before measuring memory, in ms: a server frees some memory after the last reply. */
const SETTLING = 500;

/** The clock ticks per second in proc(5), `sysconf(_SC_CLK_TCK)`: 100 on every Linux. */
const TICKS = 100;

/** What a load generator prints when all connections are open and the warm-up is over. */
const MEASURING = /^measuring\n/m;

let sockets = 0;

/**
 * Starts a server and a load generator, measures, and stops both.
 *
 * @param server The server to measure.
 * @param scenario The load.
 * @param setting The settings of the run.
 * @returns The figures.
 * @throws {Error} If either process fails. The message includes its output.
 */
export async function measure(
  server: Server,
  scenario: Scenario,
  setting: Setting,
): Promise<Figures> {
  const { transport, connections, size, bulk, slow, isIdle } = scenario;
  const { load, cores, warmup, seconds } = setting;

  const path = `${setting.folder}/${++sockets}.sock`;
  await using serving = start(server.command(transport, path), cores?.[0]);
  const [, address = ""] = await serving.prints(/^listening on (.+)\n/m);
  const options = ["--size", `${size}`];
  if (bulk > 0) options.push("--bulk", `${bulk}`);
  if (slow > 0) options.push("--slow", `${slow}`);
  const startLoad = (connections: number, ...more: string[]) =>
    start(
      [...load, transport, address, "--connections", `${connections}`, ...options, ...more],
      cores?.[1],
    );

  if (isIdle) {
    await using first = startLoad(1, "--idle");
    await first.prints(MEASURING);
    const before = await privateBytes(serving.pid);
    await using others = startLoad(connections, "--idle");
    await others.prints(MEASURING);
    const after = await privateBytes(serving.pid);
    await others.endInput();
    const { connectMs } = await result(others);
    return { connect: connectMs, bytesPerConnection: (after - before) / connections };
  }

  await using loading = startLoad(
    connections,
    ...["--warmup", `${warmup}`, "--seconds", `${seconds}`],
  );
  await loading.prints(MEASURING);
  const cpu = cpuSeconds(serving.pid);
  // Returns early if the load generator fails.
  await loading.until(() => false, AbortSignal.timeout(seconds * 1000));
  const measured = await result(loading);
  const serverCpu = cpuSeconds(serving.pid) - cpu;
  return {
    roundTrips: measured.roundTrips / measured.seconds,
    megabytes: (measured.bytes + measured.bulkBytes) / 1e6 / measured.seconds,
    p50: measured.p50Us / 1000,
    p99: measured.p99Us / 1000,
    p999: measured.p999Us / 1000,
    jain: measured.jain,
    unanswered: measured.unanswered,
    lost: measured.lost,
    connect: measured.connectMs,
    serverCpu,
    cpuPerRoundTrip: serverCpu / measured.roundTrips * 1e6,
    serverShare: serverCpu / measured.seconds,
    loadShare: measured.cpuSeconds / measured.seconds,
  };
}

/** Returns two processors to pin processes to; `undefined` without taskset(1) or a second processor. */
export function freeCores(): [number, number] | undefined {
  try {
    const { stdout } = new Deno.Command("taskset", { args: ["-cp", `${Deno.pid}`] }).outputSync();
    const [, list = ""] = /: (.*)/.exec(new TextDecoder().decode(stdout)) ?? [];
    const cores = list.split(",").flatMap((range) => {
      const [first = NaN, last = first] = range.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
    const [server, load] = cores;
    return server === undefined || load === undefined ? undefined : [server, load];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Starts a command, pinned to a processor, with the file descriptor limit at its maximum. */
function start(words: string[], core: number | undefined): Process {
  const pinned = core === undefined ? words : ["taskset", "-c", `${core}`, ...words];
  // exec keeps the process ID, by which the server is measured.
  const script = 'ulimit -n "$(ulimit -Hn)"; exec "$@"';
  return new Process(["-c", script, "sh", ...pinned], true, undefined, "sh");
}

async function result(load: Process): Promise<Load> {
  const [line] = await load.prints(/^\{.*\}\n/m);
  return JSON.parse(line);
}

/** Returns the CPU time that a process has used: proc(5), `utime` and `stime`. */
function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The second field, the name in parentheses, can contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Returns the private memory of an idle process, without the pages of its executable: proc(5), `RssAnon`. */
async function privateBytes(pid: number): Promise<number> {
  await delay(SETTLING);
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kilobytes) * 1024;
}
