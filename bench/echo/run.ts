/**
 * Measures the project's echo servers under load, and typical echo servers for other runtimes.
 *
 * Usage: deno task bench:echo [OPTION...]
 *   --rounds N         number of rounds; the tables show the medians (3)
 *   --seconds SECONDS  duration of each measurement (2)
 *   --only TEXT        run only scenarios whose names contain TEXT
 *   --chart FILE       also write a chart of the ratios to node as SVG
 *   --summary FILE     also write a chart of three scenarios
 *   --json             print all measurements as JSON instead of tables
 *
 * Uses node, bun, go, python3 and gcc if they are installed. Each round measures each server once, in
 * a different order. If taskset(1) is installed, the server and the load generator are each pinned to a
 * processor. Run it on an idle machine, and compare ratios within one run only.
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
import { scenarios, summary as summarized } from "./scenarios.ts";
import { BASELINE, findInstalled, loadInTypeScript } from "./servers.ts";

/** The duration of the warm-up in seconds, long enough for the JIT compilers. */
const WARMUP = 0.5;

await main(header, {
  operands: {},
  options: {
    rounds: count(3),
    seconds: seconds(2),
    only: optional(text),
    json: false,
    chart: optional(text),
    summary: optional(text),
  },
}, async ({ rounds, seconds: duration, only, json, chart, summary }) => {
  const chosen = scenarios.filter(({ name }) => only === undefined || name.includes(only));
  if (chosen.length === 0) {
    const names = scenarios.map(({ name }) => name).join(", ");
    throw new UsageError(
      `--only: no scenario's name contains ${JSON.stringify(only)}; choose from ${names}`,
    );
  }

  const signal = terminationSignal();
  await using folder = await temporaryFolder();
  const { servers, missing, load } = await findInstalled(folder.path);
  for (const [option, file] of Object.entries({ chart, summary })) {
    if (file === undefined || !missing.includes(BASELINE)) continue;
    throw new Error(`--${option}: ratios require ${BASELINE}, which is not installed`);
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
  if (summary !== undefined) {
    const shown = results.scenarios.filter(({ name }) => summarized.includes(name));
    await Deno.writeTextFile(summary, drawChart({ ...results, scenarios: shown }));
  }
});

/** Prints a line on stderr. On a terminal it replaces the previous line. */
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
