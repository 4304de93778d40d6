/**
 * Formats the results of the echo benchmark as tables.
 *
 * @module
 */

import type { Figures } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";
import { BASELINE, LOOP } from "./servers.ts";
import { median } from "./statistics.ts";

/** The results of a run, as printed by `--json`. */
export interface Results {
  /** The start of the run in ISO 8601. */
  date: string;
  /** Processors and operating system. */
  machine: string;
  method: { rounds: number; seconds: number; load: string; isPinned: boolean };
  /** The version of each server's runtime or compiler. */
  versions: Record<string, string>;
  /** The peers that are not installed. */
  missing: string[];
  scenarios: ScenarioResult[];
}

/** A scenario with a row per server. */
export interface ScenarioResult extends Scenario {
  rows: Row[];
}

/** A server's results in a scenario. */
export interface Row {
  server: string;
  /** The median of each figure over the rounds. */
  figures: Figures;
  /** The figures of each round that succeeded. */
  rounds: Figures[];
  /** The error message of each round that failed. */
  failures: string[];
}

/** A process that uses a larger share of its processor is saturated. */
const SATURATED = 0.95;

/** Returns the median of each figure over the rounds. */
export function medians(rounds: readonly Figures[]): Figures {
  const names = new Set(rounds.flatMap((figures) => Object.keys(figures))) as Set<keyof Figures>;
  const of = (name: keyof Figures) => rounds.flatMap((figures) => figures[name] ?? []);
  return Object.fromEntries([...names].map((name) => [name, median(of(name))]));
}

/** Returns a server's figure divided by the baseline's in the same scenario; NaN if one is missing. */
export function ratio(
  rows: readonly Row[],
  server: string,
  figure: keyof Figures,
  baseline: string = BASELINE,
): number {
  const of = (name: string) => rows.find((row) => row.server === name)?.figures[figure] ?? NaN;
  return of(server) / of(baseline);
}

/** Reports whether the load generator, and not the server, limits the result. */
export function isLoadSaturated({ loadShare = 0, serverShare = 0 }: Figures): boolean {
  return loadShare > SATURATED && serverShare <= SATURATED;
}

/** A column of a table. */
interface Column {
  title: string;
  cell(row: Row, rows: readonly Row[]): string;
}

const columns = {
  server: { title: "server", cell: ({ server }) => server },
  roundTrips: figure("round trips/s", "roundTrips", thousands),
  ratio: {
    title: `x ${BASELINE}`,
    cell: ({ server }, rows) => fixed(ratio(rows, server, "roundTrips"), 2),
  },
  megabytes: figure("MB/s", "megabytes", significant),
  p50: figure("p50 ms", "p50", significant),
  p99: figure("p99 ms", "p99", significant),
  p99Ratio: {
    title: `p99 x ${LOOP}`,
    cell: ({ server }, rows) => fixed(ratio(rows, server, "p99", LOOP), 2),
  },
  p999: figure("p99.9 ms", "p999", significant),
  jain: figure("Jain", "jain", (value) => fixed(value, 3)),
  unanswered: figure("unanswered", "unanswered", thousands),
  lost: figure("lost", "lost", thousands),
  connect: figure("connect ms", "connect", significant),
  serverCpu: figure("server CPU s", "serverCpu", (value) => fixed(value, 2)),
  cpuPerRoundTrip: figure("CPU us/round trip", "cpuPerRoundTrip", significant),
  load: {
    title: "generator CPU",
    cell({ figures }) {
      const share = `${fixed((figures.loadShare ?? NaN) * 100, 0)} %`;
      return isLoadSaturated(figures) ? `${share} (bottleneck)` : share;
    },
  },
  bytesPerConnection: figure("bytes/connection", "bytesPerConnection", thousands),
} satisfies Record<string, Column>;

/** Formats the results as a page of Markdown. */
export function formatResults(results: Results): string {
  const { date, machine, method, versions, missing, scenarios } = results;
  const { rounds, seconds, load, isPinned } = method;
  const facts = [
    `- ${date.slice(0, 10)}, ${machine}`,
    `- medians of ${rounds} interleaved rounds, ${seconds} s per server and round`,
    `- load generator: ${load}`,
    isPinned
      ? "- server and load generator pinned to a processor each"
      : "- server and load generator not pinned to processors",
    ...missing.length > 0 ? [`- not installed: ${missing.join(", ")}`] : [],
  ];
  const table = formatTable([["server", "version"], ...Object.entries(versions)], 2);
  const sections = scenarios.map((scenario) =>
    `## ${scenario.name}\n\n${formatScenario(scenario)}`
  );
  return ["# Echo servers under load", facts.join("\n"), table, ...sections].join("\n\n");
}

/** Formats the table of one scenario. */
export function formatScenario({ transport, slow, isIdle, rows }: ScenarioResult): string {
  const { server, connect, bytesPerConnection, lost, p99Ratio, ...busy } = columns;
  const shown: Column[] = isIdle ? [server, bytesPerConnection, connect] : [
    ...[server, ...Object.values(busy), transport === "udp" ? lost : connect],
    ...slow > 0 ? [p99Ratio] : [],
  ];
  return formatTable([
    shown.map(({ title }) => title),
    ...rows.map((row) => shown.map(({ cell }) => cell(row, rows))),
  ]);
}

/** Formats a Markdown table like `deno fmt`, with the columns after the first ones aligned right. */
export function formatTable(rows: string[][], leftColumns = 1): string {
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(3, ...rows.map((row) => row[i]?.length ?? 0))
  );
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const pad = (cell: string, i: number) =>
    i < leftColumns ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  const rule = widths.map((width, i) =>
    i < leftColumns ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  const [header, ...body] = rows.map((row) => line(row.map(pad)));
  return [header, line(rule), ...body].join("\n");
}

function figure(title: string, name: keyof Figures, format: (value: number) => string): Column {
  return { title, cell: ({ figures }) => format(figures[name] ?? NaN) };
}

/** Formats a number with fixed decimals; a missing figure as a dash. */
function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}

/** Formats an integer with a comma between groups of three digits. */
function thousands(value: number): string {
  return fixed(value, 0).replace(/\d(?=(\d{3})+$)/g, "$&,");
}

/** Formats a number with three significant digits; from 100 as an integer. */
function significant(value: number): string {
  return value < 10 ? fixed(value, 2) : value < 100 ? fixed(value, 1) : thousands(value);
}
