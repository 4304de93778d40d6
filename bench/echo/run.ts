/**
 * The echo servers of the suite under load, beside those that one would write for other runtimes.
 *
 * Usage: deno task bench:echo [OPTION...]
 *   --rounds N         measure everything so often, and take medians (3)
 *   --seconds SECONDS  measure each server so long (2)
 *   --only TEXT        leave out the scenarios without this in their names
 *   --chart FILE       draw the ratios to node into an SVG file, too
 *   --json             print all that was measured as JSON, in place of the tables
 *
 * Takes part who is installed: node, bun, go, python3 and gcc. In each round each server is measured
 * once, in another order than before. The server has one processor to itself and the load generator
 * another, where taskset(1) can see to that; the machine should have nothing else to do. Figures of
 * different runs do not compare, only ratios within one.
 *
 * @module
 */

import { cpus } from "node:os";
import { count, main, optional, seconds, text, UsageError } from "../../cli.ts";
import { temporaryFolder } from "../../contract/process.ts";
import { terminationSignal } from "../../mod.ts";
import header from "./run.ts" with { type: "text" };
import { drawChart } from "./chart.ts";
import { freeCores, measure, type Setting } from "./measure.ts";
import { formatResults, type Results } from "./report.ts";
import { measureAll } from "./rounds.ts";
import { scenarios } from "./scenarios.ts";
import { BASELINE, findInstalled, loadInTypeScript } from "./servers.ts";

/** How long the load runs before it counts, in seconds: until the compilers of all have settled. */
const WARMUP = 0.5;

await main(header, {
  operands: {},
  options: {
    rounds: count(3),
    seconds: seconds(2),
    only: optional(text),
    json: false,
    chart: optional(text),
  },
}, async ({ rounds, seconds: duration, only, json, chart }) => {
  const chosen = scenarios.filter(({ name }) => only === undefined || name.includes(only));
  if (chosen.length === 0) {
    const names = scenarios.map(({ name }) => name).join(", ");
    throw new UsageError(`--only: no scenario has ${JSON.stringify(only)} in its name: ${names}`);
  }

  const signal = terminationSignal();
  await using folder = await temporaryFolder();
  const { servers, missing, load } = await findInstalled(folder.path);
  if (chart !== undefined && missing.includes(BASELINE)) {
    throw new Error(`--chart: there are no ratios without ${BASELINE}, which is not installed`);
  }
  const seconds = duration / 1000;
  const cores = freeCores();
  const setting: Setting = {
    load,
    warmup: WARMUP,
    seconds,
    folder: folder.path,
    ...cores && { cores },
  };
  const results: Results = {
    date: new Date().toISOString(),
    machine: describeMachine(),
    method: {
      rounds,
      seconds,
      load: load === loadInTypeScript ? "bench/echo/load.ts" : "bench/echo/load.c",
      isPinned: cores !== undefined,
    },
    versions: Object.fromEntries(servers.map(({ name, version }) => [name, version])),
    missing,
    scenarios: await measureAll(chosen, servers, rounds, {
      measure: (server, scenario) => measure(server, scenario, setting),
      onProgress: showProgress,
      onFailure: (text) => {
        showProgress("");
        console.error(text);
      },
      signal,
    }),
  };
  console.log(json ? JSON.stringify(results, null, 2) : formatResults(results));
  if (chart !== undefined) await Deno.writeTextFile(chart, drawChart(results));
});

/** Writes a line on stderr; on a terminal in place of the last one. */
function showProgress(text: string): void {
  if (Deno.stderr.isTerminal()) {
    Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${text}`));
  } else if (text !== "") {
    console.error(text);
  }
}

function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model ?? "unknown processor";
  return `${processors.length} x ${model}, ${Deno.build.os} ${Deno.osRelease()}`;
}
