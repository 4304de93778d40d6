import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { drawChart } from "../../bench/echo/chart.ts";
import { formatGoals } from "../../bench/echo/goals.ts";
import type { Load } from "../../bench/echo/load.ts";
import { type Figures, freeCores, measure, type Setting } from "../../bench/echo/measure.ts";
import {
  formatResults,
  isLoadSaturated,
  medians,
  ratio,
  type Results,
  type Row,
} from "../../bench/echo/report.ts";
import { measureAll } from "../../bench/echo/rounds.ts";
import { type Scenario, scenarios, summary } from "../../bench/echo/scenarios.ts";
import {
  findInstalled,
  loadInTypeScript,
  ours,
  oursPosix,
  type Server,
  type Transport,
} from "../../bench/echo/servers.ts";
import { jain, Latencies, median, percentile } from "../../bench/echo/statistics.ts";
import { openDatagram, recvFrom, sendTo } from "../../lib/socket/datagram.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { flood } from "../support/peers.ts";
import { randomBytes } from "../support/bytes.ts";
import { readAll } from "../support/streams.ts";
import { root } from "../../contract/header.ts";
import { libc } from "../../contract/libc.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";

// The echo benchmark: statistics, tables and chart of made-up figures; the peers, which must be echo servers;
// and the load generators, which must report what a server does. No test depends on speed.

const folder = await Deno.makeTempDir({ prefix: "deno-sockets-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const { servers, missing, load } = await findInstalled(folder);
const hasGcc = load !== loadInTypeScript;

Deno.test("percentile() returns the nearest rank", () => {
  const values = Array.from({ length: 1000 }, (_, i) => i + 1);
  assertEquals([0, 0.5, 0.99, 0.999, 1].map((p) => percentile(values, p)), [
    ...[1, 501, 991, 1000, 1000],
  ]);
  assertEquals(percentile([7], 0.5), 7);
  assertEquals(percentile([], 0.5), 0);
});

Deno.test("median() accepts values in any order", () => {
  assertEquals(median([3, 1, 20]), 3);
  assertEquals(median([4, 1, 20, 2]), 3);
  assertEquals(median([]), NaN);
});

Deno.test("jain() returns 1 for equal shares and 1/n if all shares but one are 0", () => {
  assertEquals(jain([5, 5, 5, 5]), 1);
  assertEquals(jain([0, 8, 0, 0]), 1 / 4);
  assertEquals(jain([1, 3]), 16 / 20);
  assertEquals(jain([0, 0]), 0);
});

Deno.test("Latencies keeps any number of values and sorts them", () => {
  const latencies = new Latencies();
  latencies.add(-1);
  latencies.clear();
  const count = 200_000;
  for (let i = 0; i < count; i++) latencies.add((i * 7919) % count);
  assertEquals(latencies.sorted(), Float64Array.from({ length: count }, (_, i) => i));
});

const tcp64: Scenario = {
  name: "tcp 64 x 64 B",
  transport: "tcp",
  connections: 64,
  size: 64,
  bulk: 0,
  slow: 0,
  isIdle: false,
};

/** Returns a row with the given figures. */
function row(server: string, ...rounds: Figures[]): Row {
  return { server, figures: medians(rounds), rounds, failures: [] };
}

const busy: Figures = {
  roundTrips: 100_000.4,
  megabytes: 6.4,
  p50: 0.5,
  p99: 12.34,
  p999: 123.4,
  jain: 0.9994,
  unanswered: 0,
  lost: 0,
  connect: 1234.5,
  serverCpu: 2,
  cpuPerRoundTrip: 9.876,
  serverShare: 0.99,
  loadShare: 0.5,
};

const results: Results = {
  date: "2026-11-20T12:00:00.000Z",
  machine: "2 x Some <Processor>, linux 6.1",
  method: { rounds: 3, seconds: 2, load: "bench/echo/load.c", isPinned: true },
  versions: { "deno-sockets": "deno 2.9.6", "node": "node 20.20.2", "C": "gcc 12.2.0" },
  missing: ["go"],
  scenarios: [
    {
      ...tcp64,
      rows: [
        row("deno-sockets", { ...busy, roundTrips: 1 }, { ...busy, roundTrips: 125_000.5 }, {
          ...busy,
          roundTrips: 200_000,
        }),
        row("node", busy),
        row("C", { ...busy, roundTrips: 250_001, serverShare: 0.8, loadShare: 0.99 }),
        row("bun"),
      ],
    },
    {
      ...tcp64,
      name: "tcp idle",
      isIdle: true,
      rows: [row("deno-sockets", { bytesPerConnection: 8123.4, connect: 5 })],
    },
    {
      ...tcp64,
      name: "tcp 1 x 64 B with 4000 slow clients",
      slow: 4000,
      rows: [row("deno-sockets", busy), row("Deno read/write", { ...busy, p99: 24.68 })],
    },
    {
      ...tcp64,
      name: "udp 64 x 64 B",
      transport: "udp",
      rows: [row("node", { ...busy, lost: 1234 })],
    },
  ],
};

Deno.test("medians() returns the median of each figure over the rounds that have it", () => {
  assertEquals(medians([{ p50: 1, jain: 1 }, { p50: 5 }, { p50: 2 }]), { p50: 2, jain: 1 });
  assertEquals(medians([]), {});
});

Deno.test("ratio() divides by the figure of node in the same scenario", () => {
  const rows = results.scenarios[0]?.rows ?? [];
  assertEquals(ratio(rows, "C", "roundTrips").toFixed(3), "2.500");
  assertEquals(ratio(rows, "node", "p999"), 1);
  assertEquals(ratio(rows, "bun", "roundTrips"), NaN);
  assertEquals(ratio([row("C", busy)], "C", "roundTrips"), NaN);
});

Deno.test("isLoadSaturated() reports a load generator that is saturated before the server", () => {
  assertEquals(isLoadSaturated({ loadShare: 0.97, serverShare: 0.9 }), true);
  assertEquals(isLoadSaturated({ loadShare: 0.97, serverShare: 0.97 }), false);
  assertEquals(isLoadSaturated({ loadShare: 0.9, serverShare: 0.8 }), false);
  assertEquals(isLoadSaturated({}), false);
});

Deno.test("formatResults() prints all figures, formatted like `deno fmt`", async () => {
  const page = formatResults(results);
  const after = (title: string) => {
    const section = page.split("\n## ").find((section) => section.startsWith(`${title}\n`)) ?? "";
    const [header = [], , ...body] = section.split("\n").filter((line) => line.startsWith("|"))
      .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
    return body.map((row) => Object.fromEntries(header.map((name, i) => [name, row[i]])));
  };
  const [suite, node, c, bun] = after("tcp 64 x 64 B");
  assertEquals(suite, {
    "server": "deno-sockets",
    "round trips/s": "125,001",
    "x node": "1.25",
    "MB/s": "6.40",
    "p50 ms": "0.50",
    "p99 ms": "12.3",
    "p99.9 ms": "123",
    "Jain": "0.999",
    "unanswered": "0",
    "server CPU s": "2.00",
    "CPU us/round trip": "9.88",
    "generator CPU": "50 %",
    "connect ms": "1,235",
  });
  assertEquals(node?.["x node"], "1.00");
  assertEquals(c?.["generator CPU"], "99 % (bottleneck)");
  assertEquals(bun?.["round trips/s"], "-");
  assertEquals(after("tcp idle"), [
    { "server": "deno-sockets", "bytes/connection": "8,123", "connect ms": "5.00" },
  ]);
  const [slow] = after("tcp 1 x 64 B with 4000 slow clients");
  assertEquals(slow?.["p99 x Deno read/write"], "0.50");
  assertEquals(after("udp 64 x 64 B")[0]?.["lost"], "1,234");
  for (const fact of ["2026-11-20", "Some <Processor>", "3 interleaved", "not installed: go"]) {
    assert(page.includes(fact), fact);
  }

  const source = `${folder}/results.md`;
  await Deno.writeTextFile(source, `${page}\n`);
  await using fmt = new Process(["fmt", "--line-width=100", "--check", source], false);
  assertEquals(await fmt.exits(), 0, fmt.stderr);
});

/** A panel of a chart, as parsed from the SVG. */
interface Panel {
  title: string;
  left: number;
  top: number;
  rows: { server: string; y: number; width: number; ratio: string }[];
}

function readPanels(svg: string): Panel[] {
  const group = /<g transform="translate\((\d+) (\d+)\)">\n<text [^>]*>(.*)<\/text>\n([^]*?)<\/g>/g;
  return [...svg.matchAll(group)].map(([, left, top, title = "", content = ""]) => ({
    title,
    left: Number(left),
    top: Number(top),
    rows: [...content.matchAll(
      /<text [^>]*>(.*)<\/text>\n<rect x="128" y="([\d.]+)" width="([\d.]+)" [^>]*>\n<text [^>]*>(.*)<\/text>\n/g,
    )].map(([, server = "", y, width, ratio = ""]) => ({
      server,
      y: Number(y),
      width: Number(width),
      ratio,
    })),
  }));
}

/** Returns the title of each panel, and the servers with their ratios. */
function readRatios(svg: string): [title: string, rows: [server: string, ratio: string][]][] {
  return readPanels(svg).map(({ title, rows }) => [
    title,
    rows.map(({ server, ratio }) => [server, ratio]),
  ]);
}

Deno.test("drawChart() draws a panel per scenario and a bar per server", () => {
  const svg = drawChart(results);
  assertMatch(svg, /^<svg [^>]*width="960"/);
  assertEquals(readRatios(svg), [
    ["tcp 64 x 64 B", [["deno-sockets", "1.25"], ["node", "1.00"], ["C", "2.50"], ["bun", "-"]]],
    ["tcp 1 x 64 B with 4000 slow clients", [["deno-sockets", "-"], ["Deno read/write", "-"]]],
    ["udp 64 x 64 B", [["node", "1.00"]]],
  ]);
  assertEquals(drawChart(results), svg);
});

Deno.test("drawChart() draws bars in proportion to the ratios, below each other", () => {
  const panels = readPanels(drawChart(results));
  const [node, c] = panels[0]?.rows.slice(1) ?? [];
  assert(node !== undefined && c !== undefined && node.width > 0);
  for (const { rows } of panels) {
    for (const { server, width, ratio } of rows) {
      const expected = ratio === "-" ? 0 : Number(ratio) * node.width;
      assert(Math.abs(width - expected) < 0.05, `${server}: ${width}, not ${expected}`);
    }
    const tops = rows.map(({ y }) => y);
    assertEquals(tops, tops.toSorted((a, b) => a - b));
    assertEquals(new Set(tops).size, tops.length);
  }
  assert(128 + c.width < 320, `a bar of ${c.width} pixels leaves its panel`);
});

Deno.test("drawChart() places the panels in three columns without overlaps", () => {
  const [busyScenario] = results.scenarios;
  assert(busyScenario !== undefined);
  const four = drawChart({ ...results, scenarios: Array(4).fill(busyScenario) });
  const [, height] = /height="(\d+)"/.exec(four) ?? [];
  const panels = readPanels(four);
  assertEquals(panels.map(({ left }) => left), [0, 320, 640, 0]);
  const [first = NaN, second, third, fourth = NaN] = panels.map(({ top }) => top);
  assertEquals([second, third], [first, first]);
  const lowest = Math.max(...panels.flatMap(({ rows }) => rows.map(({ y }) => y + 12)));
  assert(fourth >= first + lowest, `${fourth} overlaps the row above it`);
  assert(fourth + lowest <= Number(height), `${height} is less than the panels take`);
});

Deno.test("drawChart() escapes text and writes well-formed XML", () => {
  const scenario = { ...tcp64, name: "a & b", rows: [row("<node>", busy), row("node", busy)] };
  const svg = drawChart({ ...results, scenarios: [scenario] });
  assert(svg.includes("2 x Some &#60;Processor&#62;, linux 6.1"));
  assertEquals(readRatios(svg), [["a &#38; b", [["&#60;node&#62;", "1.00"], ["node", "1.00"]]]]);
  assert(!/NaN|Infinity/.test(svg), svg);
  const open: (string | undefined)[] = [];
  for (const [tag, slash, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/gi)) {
    if (slash) assertEquals(open.pop(), name, tag);
    else if (!empty) open.push(name);
  }
  assertEquals(open, []);
});

Deno.test("the charts in bench/results/ show the ratios of RESULTS.md", async () => {
  const page = await Deno.readTextFile(`${root}bench/results/RESULTS.md`);
  const expected = page.split("\n## ").slice(1).flatMap((section) => {
    const [title = "", ...lines] = section.split("\n");
    const rows = lines.filter((line) => line.startsWith("|")).slice(2).map((line) => {
      const [, server = "", , ratio = ""] = line.split("|").map((cell) => cell.trim());
      return [server, ratio];
    });
    return title.endsWith(" idle") ? [] : [[title, rows]];
  });
  const readChart = async (name: string) =>
    readRatios(await Deno.readTextFile(`${root}bench/results/${name}`));
  assertEquals(await readChart("echo.svg"), expected);
  const short = expected.filter(([title]) => summary.includes(`${title}`));
  assertEquals(short.length, summary.length);
  assertEquals(await readChart("summary.svg"), short);
});

Deno.test("bench/results/GOALS.md shows what RESULTS.md has", async () => {
  const read = (name: string) => Deno.readTextFile(`${root}bench/results/${name}`);
  assertEquals(await read("GOALS.md"), formatGoals(await read("RESULTS.md")));
});

Deno.test("measureAll() measures each server once per round, in a different order", async () => {
  const server = (name: string, transports: Server["transports"]): Server => ({
    name,
    version: "1",
    transports,
    command: () => [],
  });
  const udp: Scenario = { ...tcp64, name: "udp", transport: "udp" };
  const measured: string[] = [];
  const failures: string[] = [];
  const results = await measureAll(
    [tcp64, udp],
    [server("a", ["tcp", "udp"]), server("b", ["tcp"]), server("c", ["tcp"])],
    3,
    {
      measure({ name }, { transport }) {
        measured.push(`${name} ${transport}`);
        if (name === "c") return Promise.reject(new Error("c does not start"));
        return Promise.resolve({ p50: measured.length });
      },
      onProgress: () => {},
      onFailure: (text) => failures.push(text),
      signal: new AbortController().signal,
    },
  );
  assertEquals(
    measured.join(),
    [
      ...["a tcp", "b tcp", "c tcp", "a udp"],
      ...["b tcp", "c tcp", "a tcp", "a udp"],
      ...["c tcp", "a tcp", "b tcp", "a udp"],
    ].join(),
  );
  assertEquals(results.map(({ rows }) => rows.map(({ server }) => server)), [
    ["a", "b", "c"],
    ["a"],
  ]);
  const [a, , c] = results[0]?.rows ?? [];
  assertEquals(a?.figures, { p50: 7 });
  assertEquals(c?.figures, {});
  assertEquals(c?.failures.length, 3);
  assertEquals(failures[0], "tcp 64 x 64 B: c: c does not start");
});

Deno.test("measureAll() rejects when the signal aborts", async () => {
  const run = {
    measure: () => Promise.resolve({}),
    onProgress: () => {},
    onFailure: () => {},
    signal: AbortSignal.abort(),
  };
  await assertRejects(() => measureAll([tcp64], servers, 1, run), Error, "interrupted");
});

/** Checks of an echo server, by transport. */
const checks: Record<Transport, (address: string) => Promise<void>> = {
  tcp: checkStream,
  unix: checkStream,
  udp: checkDatagrams,
};

async function checkStream(address: string): Promise<void> {
  using whole = await connect(address);
  for (const size of [1, 64, 65536, 1]) {
    const message = randomBytes(size, size);
    const reply = new Uint8Array(size);
    await Promise.all([writeN(whole, message), readN(whole, reply)]);
    assertEquals(reply, message);
  }

  // The server stops reading from a client that never reads, and still serves the others.
  using greedy = await connect(address);
  const limit = 100_000_000;
  assert(await flood(greedy, limit) < limit, "the server buffers without a limit");
  await writeN(whole, new Uint8Array([7]));
  assertEquals(await readN(whole, new Uint8Array(1)), 1);

  // As much as the socket buffers hold while the client does not read, then a half-close.
  const sent = randomBytes(60_000, 6);
  await writeN(whole, sent);
  await whole.closeWrite();
  assertEquals(await readAll(whole), sent);
}

async function checkDatagrams(address: string): Promise<void> {
  const { hostname, port } = new URL(`udp://${address}`);
  const to = { transport: "udp" as const, hostname, port: Number(port) };
  using a = await openDatagram(0);
  using b = await openDatagram(0);
  for (const [i, socket] of [a, b, a].entries()) {
    const message = randomBytes(64, i);
    await sendTo(socket, message, to);
    assertEquals((await recvFrom(socket, 80)).message, message);
  }
}

function connect(address: string): Promise<Deno.Conn> {
  if (address.startsWith("/")) return Deno.connect({ transport: "unix", path: address });
  const { hostname, port } = new URL(`tcp://${address}`);
  return Deno.connect({ hostname, port: Number(port) });
}

/** Starts an echo server; returns its process and its address. */
async function startServer(
  server: Server,
  transport: Transport,
  folder: string,
): Promise<{ process: Process; address: string }> {
  const [program, ...args] = server.command(transport, `${folder}/socket`);
  const process = new Process(args, false, undefined, program);
  const [, address = ""] = await process.prints(/^listening on (.+)\n/m);
  return { process, address };
}

for (const server of servers) {
  Deno.test(`${server.name} is an echo server: ${server.transports.join(", ")}`, async () => {
    await using folder = await temporaryFolder();
    await Promise.all(server.transports.map(async (transport) => {
      const { process, address } = await startServer(server, transport, folder.path);
      await using _ = process;
      await checks[transport](address);
      assertEquals(process.stderr, `listening on ${address}\n`);
      assertEquals(process.stdout, "");
    }));
  });
}

for (const name of missing) {
  Deno.test({ name: `${name} is an echo server (not installed)`, ignore: true, fn: () => {} });
}

/** Runs a load generator; returns its result. */
async function run(generator: string[], ...args: string[]): Promise<Load> {
  const [program, ...words] = generator;
  await using process = new Process([...words, ...args], true, undefined, program);
  await process.prints(/^measuring\n/m);
  await process.endInput();
  assertEquals(await process.exits(), 0, process.stderr);
  const [, json = "", ...rest] = process.stdout.split("\n");
  assertEquals(rest, [""], "the result is the last line");
  return JSON.parse(json);
}

const generators: Record<string, string[]> = {
  "load.ts": loadInTypeScript,
  ...hasGcc ? { "load.c": load } : {},
};
if (!hasGcc) Deno.test({ name: "load.c (no gcc)", ignore: true, fn: () => {} });

const SECONDS = 0.4;
const BRIEFLY = ["--warmup", "0.05", "--seconds", `${SECONDS}`];

for (const [name, generator] of Object.entries(generators)) {
  Deno.test(`${name} measures the project's servers over each transport`, async () => {
    await using folder = await temporaryFolder();
    const servers = libc === undefined ? [ours] : [ours, oursPosix];
    const subjects = servers.flatMap((server) =>
      server.transports.map((transport) => ({ server, transport }))
    );
    await Promise.all(subjects.map(async ({ server, transport }) => {
      const { process, address } = await startServer(server, transport, folder.path);
      await using _ = process;
      const clients = ["--connections", "5", "--size", "60"];
      const load = await run(generator, transport, address, ...clients, ...BRIEFLY);
      assertSane(load, SECONDS);
      assertEquals(load.bytes, load.roundTrips * 60);
      assert(load.roundTrips >= 5, `${load.roundTrips} round trips`);
      assert(load.jain > 1 / 5 && load.p50Us > 0, JSON.stringify(load));
      assertEquals([load.unanswered, load.lost, load.bulkBytes], [0, 0, 0]);
    }));
  });

  Deno.test(`${name} measures large messages with bulk streams`, async () => {
    const { process, address } = await startServer(ours, "tcp", "");
    await using _ = process;
    const clients = ["--connections", "2", "--size", "65536", "--bulk", "2"];
    const load = await run(generator, "tcp", address, ...clients, ...BRIEFLY);
    assertSane(load, SECONDS);
    assertEquals(load.bytes, load.roundTrips * 65536);
    assert(load.bulkBytes > 65536, `${load.bulkBytes} bytes of the bulk streams`);
  });

  Deno.test(`${name} measures a client with slow ones`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = `127.0.0.1:${listener.addr.port}`;
    const clients = ["--connections", "1", "--size", "60", "--slow", "3"];
    const running = run(
      generator,
      "tcp",
      address,
      ...clients,
      "--warmup",
      "0.05",
      "--seconds",
      "0.8",
    );
    const conns: Deno.Conn[] = [];
    while (conns.length < 4) conns.push(await listener.accept());
    const received = await Promise.all(conns.map(async (conn) => {
      using _ = conn;
      const buffer = new Uint8Array(80);
      let bytes = 0;
      try {
        for (let count; (count = await conn.read(buffer)) !== null;) {
          bytes += count;
          await writeN(conn, buffer.subarray(0, count));
        }
      } catch { // the generator exits with unread replies
      }
      return bytes;
    }));
    const load = await running;
    assertSane(load, 0.8);
    assertEquals([load.bytes, load.unanswered], [load.roundTrips * 60, 0]);
    const [slow = 0, , slowest = 0, client = 0] = received.toSorted((a, b) => a - b);
    assert(slow >= 1 && slowest < 60, `a byte each at a time: ${received}`);
    assert(client >= load.bytes + 60, `including the first round trip: ${received}`);
  });

  Deno.test(`${name} includes the age of unanswered requests in the latencies`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = `127.0.0.1:${listener.addr.port}`;
    const running = run(generator, "tcp", address, "--connections", "3", ...BRIEFLY);
    using stack = new DisposableStack();
    for (let i = 0; i < 3; i++) {
      const conn = stack.use(await listener.accept());
      const message = new Uint8Array(64);
      await readN(conn, message);
      await writeN(conn, message); // answers the first message only
    }
    const load = await running;
    assertSane(load, SECONDS);
    assertEquals([load.roundTrips, load.unanswered, load.jain], [0, 3, 0]);
    assert(load.p50Us >= SECONDS * 1e6, `${load.p50Us} us`);
  });

  Deno.test(`${name} --idle keeps connections idle after a round trip each, until its stdin ends`, async () => {
    const { process, address } = await startServer(ours, "tcp", "");
    await using _ = process;
    const load = await run(generator, "tcp", address, "--connections", "20", "--idle");
    assertSane(load, 0);
    assertEquals([load.roundTrips, load.unanswered, load.jain], [20, 0, 1]);
  });

  Deno.test(`${name} fails when the server closes a connection`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const [program, ...words] = generator;
    const args = [...words, "tcp", `127.0.0.1:${listener.addr.port}`];
    await using process = new Process(args, false, undefined, program);
    (await listener.accept()).close();
    assertEquals(await process.exits(), 1);
    assert(process.stderr !== "", "no message on stderr");
  });
}

Deno.test(`${Object.keys(generators).join(" and ")} send lost datagrams again`, async () => {
  await Promise.all(
    Object.values(generators).map(async (generator) => {
      using socket = await openDatagram(0);
      const { port } = socket.addr as Deno.NetAddr;
      const args = ["--connections", "2", "--warmup", "0", "--seconds", "2.5"];
      const running = run(generator, "udp", `127.0.0.1:${port}`, ...args);
      for (let i = 0; i < 2; i++) {
        const { message, from } = await recvFrom(socket, 80);
        await sendTo(socket, message, from);
      }
      // Not answered: a datagram from each client, and the same again.
      for (let i = 0; i < 4; i++) await recvFrom(socket, 80);
      const load = await running;
      assertSane(load, 2.5);
      assert(load.lost >= 2, `${load.lost} lost`);
      assertEquals(load.unanswered, 2);
    }),
  );
});

/** Asserts that a result has all its fields, with possible values. */
function assertSane(load: Load, seconds: number): void {
  assertEquals(Object.keys(load), [
    ...["connectMs", "seconds", "roundTrips", "bytes", "bulkBytes"],
    ...["p50Us", "p99Us", "p999Us", "maxUs", "jain", "unanswered", "lost", "cpuSeconds"],
  ]);
  const text = JSON.stringify(load);
  for (const value of Object.values(load)) assert(Number.isFinite(value) && value >= 0, text);
  assert(load.connectMs > 0 && load.seconds >= seconds && load.jain <= 1, text);
  const { p50Us, p99Us, p999Us, maxUs } = load;
  assert(p50Us <= p99Us && p99Us <= p999Us && p999Us <= maxUs, text);
}

Deno.test({
  name: "measure() adds the CPU time and memory of the server",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using folder = await temporaryFolder();
    const setting: Setting = { load, warmup: 0.05, seconds: 0.3, folder: folder.path };
    const figures = await measure(ours, { ...tcp64, connections: 8 }, setting);
    for (const [name, value] of Object.entries(figures)) assert(Number.isFinite(value), name);
    const { roundTrips = 0, megabytes = 0, serverCpu = 0, serverShare = 0, loadShare = 0 } =
      figures;
    assert(roundTrips > 0 && serverCpu > 0 && serverShare > 0 && loadShare > 0);
    assertEquals(megabytes.toFixed(6), (roundTrips * 64 / 1e6).toFixed(6));

    const idle = await measure(ours, { ...tcp64, connections: 200, isIdle: true }, setting);
    assertEquals(Object.keys(idle), ["connect", "bytesPerConnection"]);
    const { bytesPerConnection = 0 } = idle;
    assert(bytesPerConnection > 0 && bytesPerConnection < 1e6, `${bytesPerConnection} bytes`);
  },
});

Deno.test("measure() rejects with the output of a server that fails", async () => {
  const broken = { ...ours, command: () => ["sh", "-c", "echo no such luck >&2; exit 3"] };
  const setting = { load, warmup: 0, seconds: 0.1, folder };
  await assertRejects(() => measure(broken, tcp64, setting), Error, "no such luck");
});

Deno.test("freeCores() returns two different processors or undefined", () => {
  const cores = freeCores();
  if (cores !== undefined) assert(cores.every(Number.isInteger) && cores[0] !== cores[1]);
});

Deno.test("scenarios have unique names", () => {
  assertEquals(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
});

Deno.test("bench/echo/run.ts prints its help, and the scenarios if none matches --only", async () => {
  await using help = new Process(["run", "--allow-all", "bench/echo/run.ts", "--help"], false);
  assertEquals(await help.exits(), 0);
  assert(help.stdout.includes("--chart FILE"), help.stdout);
  await using wrong = new Process(
    ["run", "--allow-all", "bench/echo/run.ts", "--only", "no"],
    false,
  );
  assertEquals(await wrong.exits(), 2);
  for (const { name } of scenarios) assert(wrong.stderr.includes(name), wrong.stderr);
});
