/**
 * The results of the echo benchmark as a picture: each server's round trips beside the baseline's.
 *
 * @module
 */

import { ratio, type Results, type ScenarioResult } from "./report.ts";
import { BASELINE, OURS } from "./servers.ts";

// All in pixels. A panel is a scenario: its title above its bars, the servers' names left of them.
const WIDTH = 960;
const COLUMNS = 3;
const PANEL = WIDTH / COLUMNS;
const NAMES = 110;
const VALUES = 36;
const TITLE = 34;
const BAR = 17;
const GAP = 16;
const HEADING = 76;

/** The picture has a ground of its own, so that it is legible on a dark page, too. */
const colors = { ground: "#ffffff", text: "#24292f", ours: "#1f6feb", baseline: "#57606a" };
const OTHERS = "#afb8c1";

/**
 * Draws the ratios to the baseline, one panel a scenario, all to the same scale.
 *
 * @param results Of a run in which the baseline took part.
 * @returns An SVG file.
 * @throws {Error} If it cannot be drawn, with what draw.ts printed.
 */
export async function drawChart(results: Results): Promise<string> {
  const scenarios = results.scenarios.filter(({ isIdle }) => !isIdle);
  const bars = Math.max(...scenarios.map(({ rows }) => rows.length));
  const panelHeight = TITLE + bars * BAR + GAP;
  const height = HEADING + Math.ceil(scenarios.length / COLUMNS) * panelHeight;
  const panels = scenarios.map((scenario, index) => ({
    index,
    title: scenario.name,
    left: (index % COLUMNS) * PANEL,
    top: HEADING + Math.floor(index / COLUMNS) * panelHeight,
    servers: scenario.rows.map(({ server }) => server),
    ratios: ratios(scenario),
  }));
  const largest = Math.max(1, ...panels.flatMap(({ ratios }) => ratios.filter(Number.isFinite)));

  const option = {
    animation: false,
    backgroundColor: colors.ground,
    textStyle: { fontFamily: "sans-serif", color: colors.text },
    title: [
      {
        text: `Round trips a second, ${BASELINE} = 1`,
        subtext: `${results.date.slice(0, 10)}, ${results.machine}\n${versions(results)}`,
        left: 12,
        top: 8,
        textStyle: { fontSize: 16, color: colors.text },
        subtextStyle: { fontSize: 11, color: colors.baseline },
      },
      ...panels.map(({ title, left, top }) => ({
        text: title,
        left: left + 12,
        top: top + TITLE - 22,
        padding: 0,
        textStyle: { fontSize: 12, color: colors.text },
      })),
    ],
    grid: panels.map(({ left, top, servers }) => ({
      left: left + NAMES,
      top: top + TITLE,
      width: PANEL - NAMES - VALUES,
      height: servers.length * BAR,
    })),
    xAxis: panels.map(({ index }) => ({ gridIndex: index, show: false, max: largest })),
    yAxis: panels.map(({ index, servers }) => ({
      gridIndex: index,
      type: "category",
      data: servers,
      inverse: true,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: colors.text, fontSize: 11, interval: 0 },
    })),
    series: panels.map(({ index, servers, ratios }) => ({
      type: "bar",
      xAxisIndex: index,
      yAxisIndex: index,
      barWidth: BAR - 5,
      data: ratios.map((value, i) => ({
        value: Number.isFinite(value) ? value : 0,
        itemStyle: { color: colorOf(servers[i]) },
        label: { formatter: Number.isFinite(value) ? value.toFixed(2) : "-" },
      })),
      label: {
        show: true,
        position: "right",
        distance: 2,
        padding: [1, 3],
        color: colors.text,
        backgroundColor: colors.ground,
        fontSize: 11,
      },
      markLine: {
        silent: true,
        z: 1, // under the bars and their labels
        symbol: "none",
        data: [{ xAxis: 1 }],
        label: { show: false },
        lineStyle: { color: colors.baseline, type: "dotted" },
      },
    })),
  };
  return await draw({ width: WIDTH, height, option });
}

/** Runs draw.ts. */
async function draw(chart: { width: number; height: number; option: unknown }): Promise<string> {
  const drawing = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-lock", "--allow-all", `${import.meta.dirname}/draw.ts`],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = drawing.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify(chart)));
  await input.close();
  const { success, stdout, stderr } = await drawing.output();
  if (!success) throw new Error(`the chart: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

function ratios({ rows }: ScenarioResult): number[] {
  return rows.map(({ server }) => ratio(rows, server, "roundTrips"));
}

/** Each version once: those who share a runtime have the same. */
function versions({ versions }: Results): string {
  return [...new Set(Object.values(versions))].join(", ");
}

function colorOf(server: string | undefined): string {
  return server === OURS ? colors.ours : server === BASELINE ? colors.baseline : OTHERS;
}
