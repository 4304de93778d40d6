/**
 * The results of the echo benchmark as a picture: each server's round trips beside the baseline's.
 *
 * @module
 */

// Not in deno.json: what stands there is fetched for every sample, and goes into every executable.
import { type EChartsOption, init } from "npm:echarts@6.1.0";
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
 */
export function drawChart(results: Results): string {
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

  const option: EChartsOption = {
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
      type: "category" as const,
      data: servers,
      inverse: true,
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: colors.text, fontSize: 11, interval: 0 },
    })),
    series: panels.map(({ index, servers, ratios }) => ({
      type: "bar" as const,
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
        position: "right" as const,
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
        lineStyle: { color: colors.baseline, type: "dotted" as const },
      },
    })),
  };
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
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
