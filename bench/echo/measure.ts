/**
 * One measurement of the echo benchmark: a server, a load generator, and what the system knows of them.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { Process } from "../../contract/process.ts";
import type { Load } from "./load.ts";
import type { Scenario } from "./scenarios.ts";
import type { Server } from "./servers.ts";

/** What a measurement gives, by name; of idle connections only what applies to them. */
export interface Figures {
  /** Round trips a second of the clients, without the bulk streams. */
  roundTrips?: number;
  /** What came back a second, to clients and bulk streams, in MB. */
  megabytes?: number;
  /** Percentiles of the clients' latency, in ms. */
  p50?: number;
  p99?: number;
  p999?: number;
  /** Jain's fairness index over the clients' round trips. */
  jain?: number;
  /** Clients that got no reply at all. */
  unanswered?: number;
  /** Datagrams that got no reply within a second. */
  lost?: number;
  /** Until all connections were open and had been served once, in ms. */
  connect?: number;
  /** The server's CPU time, in seconds. */
  serverCpu?: number;
  /** The server's CPU time for each round trip, in microseconds. */
  cpuPerRoundTrip?: number;
  /** The part of its time in which the server kept a processor busy, and the load generator. */
  serverShare?: number;
  loadShare?: number;
  /** The server's memory for each connection beyond the first, in bytes. */
  bytesPerConnection?: number;
}

/** What all measurements of a run share. */
export interface Setting {
  /** The load generator's command line, without its arguments. */
  load: string[];
  /** A processor for the server and one for the generator; without them the system chooses. */
  cores?: [server: number, load: number];
  /** How long the load runs before it counts, in seconds. */
  warmup: number;
  /** How long it counts. */
  seconds: number;
  /** Where Unix sockets may be. */
  folder: string;
}

/** Until connections count as idle, in ms: the memory of those just served is not yet all given back. */
const SETTLING = 500;

/** What the system counts a process's CPU time in: 1/100 s on every Linux (`sysconf(_SC_CLK_TCK)`). */
const TICKS = 100;

/** What a load generator prints when all connections are open and the warm-up is over. */
const MEASURING = /^measuring\n/m;

let sockets = 0;

/**
 * Starts a server, puts it under load, and ends both.
 *
 * @returns The figures.
 * @throws {Error} If either fails, with what it printed.
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
  const beside = [["--bulk", `${bulk}`], ["--slow", `${slow}`]].filter(([, count]) =>
    count !== "0"
  );
  const options = ["--size", `${size}`, ...beside.flat()];
  const startLoad = (connections: number, ...more: string[]) =>
    start(
      [...load, transport, address, "--connections", `${connections}`, ...options, ...more],
      cores?.[1],
    );

  if (isIdle) {
    await using first = startLoad(1, "--idle");
    await first.prints(MEASURING);
    const before = await residentBytes(serving.pid);
    await using others = startLoad(connections, "--idle");
    await others.prints(MEASURING);
    const after = await residentBytes(serving.pid);
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
  await loading.until(() => false, AbortSignal.timeout(seconds * 1000)); // or until it fails
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

/** Two processors that this process may use, if the system has taskset(1) to pin others to them. */
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

/** Starts a command with all the descriptors that it may have, on one processor. */
function start(words: string[], core: number | undefined): Process {
  const pinned = core === undefined ? words : ["taskset", "-c", `${core}`, ...words];
  // exec: the process that is measured is the one that is started here
  const script = 'ulimit -n "$(ulimit -Hn)"; exec "$@"';
  return new Process(["-c", script, "sh", ...pinned], true, undefined, "sh");
}

async function result(load: Process): Promise<Load> {
  const [line] = await load.prints(/^\{.*\}\n/m);
  return JSON.parse(line);
}

/** The CPU time that a process has taken so far: proc(5), `utime` and `stime`. */
function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The fields are counted from after the name, which may hold anything, and is the second.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The memory of a process that has come to rest: proc(5), `VmRSS`. */
async function residentBytes(pid: number): Promise<number> {
  await delay(SETTLING);
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kilobytes) * 1024;
}
