/**
 * Draws the results of the echo benchmark: round trips per second, relative to the baseline.
 *
 * @module
 */

import { ratio, type Results, type Row, type ScenarioResult } from "./report.ts";
import { BASELINE, OURS, OURS_POSIX } from "./servers.ts";

// In pixels. A panel shows a scenario: its title, then a row per server with name, bar and ratio.
const WIDTH = 960;
const COLUMNS = 3;
const PANEL = WIDTH / COLUMNS;
const MARGIN = 12;
const HEADING = 76;
const TITLE = 34;
const NAMES = 128;
const VALUES = 36;
const ROW = 17;
const BAR = 12;
const GAP = 16;

/** The background is opaque, so that the chart is legible on a dark page. */
const colors = {
  background: "#ffffff",
  text: "#24292f",
  ours: "#1f6feb",
  baseline: "#57606a",
  others: "#afb8c1",
};

/**
 * Draws a panel per scenario, except those with idle connections. All bars have the same scale.
 *
 * @param results The results of a run that includes the baseline.
 * @returns The chart as SVG.
 */
export function drawChart(results: Results): string {
  const scenarios = results.scenarios.filter(({ isIdle }) => !isIdle);
  const ratios = scenarios.flatMap(({ rows }) => rows.map(({ server }) => ratioOf(rows, server)));
  const scale = (PANEL - NAMES - VALUES) / Math.max(1, ...ratios.filter(Number.isFinite));
  const panelHeight = TITLE + Math.max(0, ...scenarios.map(({ rows }) => rows.length)) * ROW + GAP;
  const height = HEADING + Math.ceil(scenarios.length / COLUMNS) * panelHeight;
  const panels = scenarios.map((scenario, i) => {
    const left = (i % COLUMNS) * PANEL;
    const top = HEADING + Math.floor(i / COLUMNS) * panelHeight;
    return [`<g transform="translate(${left} ${top})">`, ...drawPanel(scenario, scale), "</g>"];
  });
  const title = 'font-size="16" font-weight="bold"';
  const subtitle = `fill="${colors.baseline}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11" fill="${colors.text}">`,
    `<rect width="${WIDTH}" height="${height}" fill="${colors.background}"/>`,
    text(MARGIN, 27, `Round trips per second, ${BASELINE} = 1`, title),
    text(MARGIN, 48, `${results.date.slice(0, 10)}, ${results.machine}`, subtitle),
    text(MARGIN, 63, versions(results), subtitle),
    ...panels.flat(),
    "</svg>\n",
  ].join("\n");
}

function drawPanel({ name, rows }: ScenarioResult, scale: number): string[] {
  const one = round(NAMES + scale);
  return [
    text(MARGIN, 22, name, 'font-size="12" font-weight="bold"'),
    `<path d="M${one} ${TITLE}v${rows.length * ROW}" stroke="${colors.baseline}" ` +
    'stroke-dasharray="1 2"/>',
    ...rows.flatMap(({ server }, i) =>
      drawRow(server, ratioOf(rows, server), TITLE + i * ROW, scale)
    ),
  ];
}

function drawRow(server: string, value: number, top: number, scale: number): string[] {
  const isMeasured = Number.isFinite(value);
  const length = isMeasured ? round(value * scale) : 0;
  const baseline = top + ROW / 2 + 4; // centers digits of this size
  // The stroke interrupts the dotted line behind the ratio.
  const halo = `stroke="${colors.background}" stroke-width="5" paint-order="stroke"`;
  return [
    text(NAMES - 8, baseline, server, 'text-anchor="end"'),
    `<rect x="${NAMES}" y="${top + (ROW - BAR) / 2}" width="${length}" height="${BAR}" ` +
    `fill="${colorOf(server)}"/>`,
    text(round(NAMES + length + 5), baseline, isMeasured ? value.toFixed(2) : "-", halo),
  ];
}

function text(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<text x="${x}" y="${y}" ${attributes}>${escaped}</text>`;
}

function round(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}

function ratioOf(rows: readonly Row[], server: string): number {
  return ratio(rows, server, "roundTrips");
}

/** Returns each version once: several servers can share a runtime. */
function versions({ versions }: Results): string {
  return [...new Set(Object.values(versions))].join(", ");
}

function colorOf(server: string): string {
  if (server === OURS || server === OURS_POSIX) return colors.ours;
  return server === BASELINE ? colors.baseline : colors.others;
}
