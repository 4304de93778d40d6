// Draws a chart: ECharts' options on stdin as JSON, with the size; an SVG on stdout. It is run as a
// process of its own, without the lock file, and deno.json excludes it: what is in that file is fetched
// before the first sample runs, and this library is larger than all the rest.

import { init } from "npm:echarts@6.1.0";

const { width, height, option } = await new Response(Deno.stdin.readable).json();
const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
chart.setOption(option);
console.log(chart.renderToSVGString());
chart.dispose();
