/**
 * Compares the results of the echo benchmark with the goals of the servers with system calls.
 *
 * `deno run --allow-read bench/echo/goals.ts` prints bench/results/GOALS.md from RESULTS.md.
 *
 * @module
 */

import { formatTable } from "./report.ts";
import { BASELINE, OURS_POSIX } from "./servers.ts";

/** A goal: a figure of our server, as a ratio to a peer's if one is named. */
interface Goal {
  scenario: string;
  /** The column of RESULTS.md. */
  column: string;
  peer?: string;
  limit: number;
  /** Whether the figure must be at least, or at most, the limit. */
  bound: "at least" | "at most";
}

const RATE = "round trips/s";
const busy = ["tcp 64 x 64 B", "tcp 1000 x 64 B", "tcp 4000 x 64 B"];
const udp = "udp 64 x 64 B";

const goals: Goal[] = [
  ...busy.map((scenario) => atLeast(0.92, scenario, RATE, "C")),
  ...busy.map((scenario) => atLeast(1, scenario, RATE, "bun")),
  atLeast(0.9, "tcp 64 x 64 KiB", RATE, "C"),
  ...busy.map((scenario) => atMost(1.2, scenario, "p99.9 ms", "C")),
  ...busy.map((scenario) => atLeast(0.999, scenario, "Jain")),
  atLeast(0.9, udp, RATE, "C"),
  atLeast(1.2, udp, RATE, "bun"),
  atLeast(1, "tcp 1 x 64 B", RATE, BASELINE),
  atMost(1500, "tcp 4000 idle", "bytes/connection"),
];

function atLeast(limit: number, scenario: string, column: string, peer?: string): Goal {
  return { scenario, column, limit, bound: "at least", ...peer !== undefined && { peer } };
}

function atMost(limit: number, scenario: string, column: string, peer?: string): Goal {
  return { ...atLeast(limit, scenario, column, peer), bound: "at most" };
}

/**
 * Formats the goals beside what was measured.
 *
 * @param results The text of RESULTS.md.
 * @returns The page in Markdown.
 */
export function formatGoals(results: string): string {
  const tables = readTables(results);
  const rows = goals.map(({ scenario, column, peer, limit, bound }) => {
    const of = (server: string) => tables.get(scenario)?.get(server)?.get(column) ?? NaN;
    const value = peer === undefined ? of(OURS_POSIX) : of(OURS_POSIX) / of(peer);
    const digits = limit > 100 ? 0 : limit === 0.999 ? 3 : 2;
    const isMet = bound === "at least" ? value >= limit : value <= limit;
    const figure = peer === undefined ? column : `${column}, x ${peer}`;
    return [scenario, figure, `${bound} ${limit}`, value.toFixed(digits), isMet ? "yes" : "no"];
  });
  return [
    "# Goals of the servers with system calls",
    `What \`${OURS_POSIX}\` reached in the run of [RESULTS.md](RESULTS.md).`,
    formatTable([["scenario", "figure", "goal", "measured", "reached"], ...rows], 3),
  ].join("\n\n") + "\n";
}

/** The figures of RESULTS.md, by scenario, server and column. */
function readTables(page: string): Map<string, Map<string, Map<string, number>>> {
  return new Map(
    page.split("\n## ").slice(1).map((section) => {
      const [title = "", ...lines] = section.split("\n");
      const rows = lines.filter((line) => line.startsWith("|"))
        .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
      const [header = [], , ...servers] = rows;
      const figures = servers.map(([server = "", ...cells]): [string, Map<string, number>] => [
        server,
        new Map(cells.map((cell, i) => [header[i + 1] ?? "", Number(cell.replaceAll(",", ""))])),
      ]);
      return [title, new Map(figures)];
    }),
  );
}

if (import.meta.main) {
  const folder = new URL("../results/", import.meta.url);
  console.log(formatGoals(await Deno.readTextFile(new URL("RESULTS.md", folder))).trimEnd());
}
