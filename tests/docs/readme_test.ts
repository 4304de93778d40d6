import { dirname } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { freePort, Process, temporaryFolder } from "../../contract/process.ts";
import { findSteps } from "../../contract/course.ts";
import {
  type Line,
  parseTranscript,
  readSample,
  root,
} from "../../contract/header.ts";
import { blocks, read, sectionsOf } from "../support/documents.ts";

// The README: its programs run, and its picture shows the demo.

const readme = "README.md";
const own = sectionsOf(readme).get("In your own program") ?? "";

/** Copies a folder, without what is not under version control. */
async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (name.startsWith(".") || name === "dist") continue;
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Runs a shell's command lines in a folder; returns what they printed if they succeeded. */
async function shell(commands: string, cwd: string): Promise<string> {
  const { PATH = "" } = Deno.env.toObject();
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-ec", commands],
    cwd,
    env: { NO_COLOR: "1", PATH: `${dirname(Deno.execPath())}:${PATH}` },
  }).output();
  const [out = "", err = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, `${commands}: ${out}${err}`);
  return out + err;
}

const [besides = "{}", inside = "{}"] = blocks(own, "json");
const layouts = [
  { clone: "../deno-sockets", config: besides },
  { clone: "./deno-sockets", config: inside },
];

for (const { clone, config } of layouts) {
  Deno.test(`${readme}: with the clone at ${clone}, one's own program runs as it says`, async () => {
    await using folder = await temporaryFolder();
    const project = `${folder.path}/my-program`;
    await Deno.mkdir(project);
    await copyFolder(root, `${project}/${clone}`);
    const write = (path: string, text: string) => Deno.writeTextFile(`${project}/${path}`, text);
    // These would fail, if they were run or checked, and this is what fmt would rewrite.
    await write(`${clone}/left_alone_test.ts`, `Deno.test("fails",()=>{throw 1})`);
    await write(`${clone}/left_alone.ts`, `export const  text: number = "no number"`);

    const [commands = ""] = blocks(own, "sh");
    await shell(commands.replace("../deno-sockets", clone), folder.path);
    const { links } = JSON.parse(await Deno.readTextFile(`${project}/deno.json`));
    assertEquals(links, JSON.parse(config).links);
    await write("deno.json", config);

    const [program = ""] = blocks(own, "ts");
    await write("lengths.ts", program);
    await write("own_test.ts", `Deno.test("my own", () => {});\n`);
    await write("own.ts", "export const   a = 1;\n");
    const checked = await shell("deno check", project);
    const names = ["lengths.ts", "own.ts", "own_test.ts"];
    assertEquals(checked, names.map((name) => `Check ${name}\n`).join(""));
    const tested = await shell("deno test", project);
    assert(tested.includes("1 passed") && !tested.includes("left_alone"), tested);
    await shell("deno fmt", project);
    assertEquals(await Deno.readTextFile(`${project}/own.ts`), "export const a = 1;\n");
    const left = await Deno.readTextFile(`${project}/${clone}/left_alone.ts`);
    assertEquals(left, `export const  text: number = "no number"`);

    const [transcript = ""] = blocks(own, "console");
    const port = freePort();
    const [server, client] = parseTranscript(transcript.replaceAll("7020", `${port}`), readme)
      .map(({ words: [, ...args], lines }) => ({
        args: args.map((arg) => {
          return arg.endsWith(".ts") ? `${project}/${arg.replace("../deno-sockets", clone)}` : arg;
        }),
        text: (kind: Line["kind"]) =>
          lines.filter((line) => line.kind === kind).map(({ text }) => text).join(""),
      }));
    assert(server !== undefined && client !== undefined);
    await using listening = new Process(server.args, false);
    await listening.prints(/^listening on .*\n/m);
    await using talking = new Process(client.args, true);
    await talking.type(client.text("in"));
    await talking.endInput();
    assertEquals([await talking.exits(), talking.stdout], [0, client.text("out")]);
    listening.kill("SIGINT");
    assertEquals([await listening.exits(), listening.stderr], [0, server.text("err")]);
  });
}

Deno.test(`${readme}: the picture shows what the demo prints first and last`, () => {
  const shown = read("docs/demo.svg").replace(/<style>[^]*?<\/style>/, "")
    .replace(/<\/text>|<[^>]*>/g, (tag) => tag === "</text>" ? "\n" : "")
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replaceAll("\u00a0", " ").replaceAll("&gt;", ">").replaceAll("&lt;", "<");
  let position = 0;
  const next = (text: string) => {
    const found = shown.indexOf(text, position);
    assert(found !== -1, `"${text}" does not follow "${shown.slice(0, position).slice(-80)}"`);
    position = found;
  };
  const samples = findSteps(["tcp_echo"]).flatMap((step) => step.samples);
  for (const [index, path] of samples.slice(0, 2).entries()) {
    next(`[${index + 1}/${samples.length}] ${path}`);
    for (const { lines } of readSample(path).transcript) {
      for (const { kind, text } of lines) {
        if (kind === "in") next(`> ${text.trimEnd()}`);
      }
    }
  }
  next(`${samples.length} of ${samples.length} played as their transcripts say`);
});
