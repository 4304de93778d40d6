/**
 * The results of the echo benchmark, and their tables.
 *
 * @module
 */

import type { Figures } from "./measure.ts";
import type { Scenario } from "./scenarios.ts";
import { BASELINE, LOOP } from "./servers.ts";
import { median } from "./statistics.ts";

/** All that a run gives: what `--json` prints. */
export interface Results {
  /** When, as an ISO date. */
  date: string;
  /** Where: processors and system. */
  machine: string;
  /** What was run with, and who took part and did not. */
  method: { rounds: number; seconds: number; load: string; isPinned: boolean };
  versions: Record<string, string>;
  missing: string[];
  scenarios: ScenarioResult[];
}

/** A scenario, and what each server did. */
export interface ScenarioResult extends Scenario {
  rows: Row[];
}

/** A server in a scenario. */
export interface Row {
  server: string;
  /** The median of each figure over the rounds. */
  figures: Figures;
  /** What was measured in each round. */
  rounds: Figures[];
  /** Why a round has no figures. */
  failures: string[];
}

/** The load generator, or a server, that takes more of its processor than this can do no more. */
const SATURATED = 0.95;

/** The median of each figure over rounds. */
export function medians(rounds: readonly Figures[]): Figures {
  const names = new Set(rounds.flatMap((figures) => Object.keys(figures))) as Set<keyof Figures>;
  const of = (name: keyof Figures) => rounds.flatMap((figures) => figures[name] ?? []);
  return Object.fromEntries([...names].map((name) => [name, median(of(name))]));
}

/** How a server's figure compares with the baseline's in the same scenario; NaN where either is missing. */
export function ratio(
  rows: readonly Row[],
  server: string,
  figure: keyof Figures,
  baseline: string = BASELINE,
): number {
  const of = (name: string) => rows.find((row) => row.server === name)?.figures[figure] ?? NaN;
  return of(server) / of(baseline);
}

/** Whether what was measured is how fast the generator is, and not the server. */
export function isLoadSaturated({ loadShare = 0, serverShare = 0 }: Figures): boolean {
  return loadShare > SATURATED && serverShare <= SATURATED;
}

/** A column of a table: its title, and what it says of a row. */
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
      return isLoadSaturated(figures) ? `${share}, saturated first` : share;
    },
  },
  bytesPerConnection: figure("bytes/connection", "bytesPerConnection", thousands),
} satisfies Record<string, Column>;

/** The results as a page of Markdown. */
export function formatResults(results: Results): string {
  const { date, machine, method, versions, missing, scenarios } = results;
  const { rounds, seconds, load, isPinned } = method;
  const facts = [
    `- ${date.slice(0, 10)}, ${machine}`,
    `- medians of ${rounds} interleaved rounds, ${seconds} s for each server in each of them`,
    `- load generator: ${load}`,
    isPinned
      ? "- the server on one processor, the load generator on another"
      : "- server and load generator on whatever processors the system chose",
    ...missing.length > 0 ? [`- not installed: ${missing.join(", ")}`] : [],
  ];
  const table = formatTable([["server", "version"], ...Object.entries(versions)], 2);
  const sections = scenarios.map((scenario) =>
    `## ${scenario.name}\n\n${formatScenario(scenario)}`
  );
  return ["# Echo servers under load", facts.join("\n"), table, ...sections].join("\n\n");
}

/** One scenario's table. */
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

/** A table in Markdown as `deno fmt` writes it. All but the first columns are numbers. */
function formatTable(rows: string[][], leftColumns = 1): string {
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

/** What was not measured is a dash. */
function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}

/** A whole number, in groups of three digits. */
function thousands(value: number): string {
  return fixed(value, 0).replace(/\d(?=(\d{3})+$)/g, "$&,");
}

/** Three significant digits, and all of those before the point. */
function significant(value: number): string {
  return value < 10 ? fixed(value, 2) : value < 100 ? fixed(value, 1) : thousands(value);
}
