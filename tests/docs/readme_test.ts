import { dirname } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { freePort, Process, temporaryFolder } from "../../contract/process.ts";
import { findSteps } from "../../contract/course.ts";
import {
  type Line,
  parseTranscript,
  readSample,
  root,
  samplePaths,
} from "../../contract/header.ts";

// What README.md, docs/course.md, docs/deno_beside_c.md and docs/patterns.md say of the samples holds,
// and the programs in the README run.

const readme = "README.md";
const course = "docs/course.md";
const besideC = "docs/deno_beside_c.md";
const patterns = "docs/patterns.md";

const read = (path: string) => Deno.readTextFileSync(`${root}${path}`);

/** A document's sections by their headings; what comes before the first is left out. */
function sectionsOf(path: string): Map<string, string> {
  const sections = read(path).split(/^## /m).slice(1);
  return new Map(sections.map((section) => [section.split("\n", 1)[0] ?? "", section]));
}

/** The text of a section's blocks in a language. */
function blocks(section: string, language: string): string[] {
  const fenced = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm");
  return Array.from(section.matchAll(fenced), ([, text]) => text ?? "");
}

/** The cells of a text's table, without its head. */
function tableIn(text: string): string[][] {
  return text.split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The programs that a text links to, by their paths from the root. */
function linkedPrograms(text: string): string[] {
  const links = text.matchAll(/\]\((?:\.\.\/)?((?:servers|clients|unix)\/[\w/]+\.ts)\)/g);
  return Array.from(links, ([, path]) => path ?? "");
}

/** A program without its header, which shows what other programs do, too. */
function codeOf(path: string): string {
  return read(path).replace(/\/\*\*\n[^]*? \*\/\n/, "");
}

/** The C calls that a program's comments name: `// socket, bind, listen`. */
function verbsOf(path: string): string {
  return (codeOf(path).match(/^ *\/\/ .*$/gm) ?? []).join("\n");
}

const hasWord = (text: string, word: string) => new RegExp(`\\b${word}\\b`).test(text);

const map = tableIn(sectionsOf(course).get("The map") ?? "");
const own = sectionsOf(readme).get("In your own program") ?? "";

Deno.test(`${course}: every sample is once in the learning path, and the map has its order`, () => {
  const path = linkedPrograms(sectionsOf(course).get("The learning path") ?? "");
  assertEquals(path.toSorted(), samplePaths().toSorted());
  assertEquals(map.map(([sample = ""]) => linkedPrograms(sample)[0]), path);
});

for (const [sample = "", lecture = "", pair = "", teaches = ""] of map) {
  const [path = ""] = linkedPrograms(sample);
  Deno.test(`${course}: the map's row of ${path} is as the sample is`, () => {
    assertEquals(sample, `[${path}](../${path})`);

    const lectures = sectionsOf(course).get("The lectures") ?? "";
    assert(lectures.includes(`- **${lecture}**: `), `${lecture} is not among the lectures`);
    const [, source = ""] = /^ \* From (.*)$/m.exec(read(path)) ?? [];
    assert(source.includes(lecture), `its header says "From ${source}"`);

    const partners = readSample(path).transcript.flatMap(({ words }) => words)
      .filter((word) => word !== path && samplePaths().includes(word));
    const [partner] = linkedPrograms(pair);
    if (partner === undefined) assertEquals([pair, partners], ["none", []]);
    else assert(partners.includes(partner), `${partner} is not in its transcript`);

    const same = map.filter(([, , , other]) => other === teaches);
    assert(teaches !== "" && same.length === 1, `"${teaches}" stands in ${same.length} rows`);
  });
}

const calls = `socket bind listen accept connect send recv sendto recvfrom shutdown close
  getaddrinfo getnameinfo inet_pton inet_ntop htons htonl ntohs ntohl setsockopt getsockopt
  select poll fork`.split(/\s+/);

const beside = tableIn(read(besideC));

/** The names in backticks, each without its owner and its parentheses. */
const namesIn = (...cells: string[]) =>
  Array.from(cells.join(" ").matchAll(/`(?:\w+\.)?(\w+)(?:\(\))?`/g), ([, name]) => name ?? "");

Deno.test(`${besideC}: every call of the lectures has a row beside C`, () => {
  assertEquals(beside.flatMap(([call = ""]) => namesIn(call)), calls);
});

for (const [call = "", inDeno = "", inLibrary = "", samples = ""] of beside) {
  Deno.test(`${besideC}: the samples for ${call} show it`, () => {
    const paths = linkedPrograms(samples);
    assert(paths.length > 0);
    for (const path of paths) {
      // Its name in C stands in a comment, or else what takes its place in the code.
      const verb = namesIn(call).find((name) => hasWord(verbsOf(path), name));
      const shown = verb ?? namesIn(inDeno, inLibrary).find((name) => hasWord(codeOf(path), name));
      assert(shown !== undefined, `${path} has none of ${namesIn(call, inDeno, inLibrary)}`);
    }
  });
}

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

for (const path of [readme, "CONTRIBUTING.md", "docs/deploy.md", "docs/faq.md"]) {
  Deno.test(`${path}: every task exists`, () => {
    const { tasks } = JSON.parse(read("deno.json"));
    for (const [, task = ""] of read(path).matchAll(/(?<=deno(?:@[\d.]+)? task )([a-z:]+)/g)) {
      assert(task in tasks, task);
    }
  });
}

Deno.test("no task draws Deno's download bar into what its program prints", () => {
  const { tasks } = JSON.parse(read("deno.json")) as { tasks: Record<string, { command: string }> };
  const programs = Object.values(tasks).filter(({ command }) => command.includes("deno run"));
  assert(programs.length > 0);
  for (const { command } of programs) assert(command.startsWith("deno run -q "), command);
});

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

for (const [heading, section] of sectionsOf(patterns)) {
  Deno.test(`${patterns}: ${heading} names the calls of its samples`, () => {
    const programs = linkedPrograms(section);
    assert(programs.length > 0);
    const verbs = programs.map(verbsOf).join("\n");
    const code = programs.map(codeOf).join("\n");
    const [diagram = ""] = blocks(section, "mermaid");
    assert(diagram.startsWith("sequenceDiagram\n"));
    for (const [, text = ""] of diagram.matchAll(/^ +\S.*?: (.*)$/gm)) {
      for (const [, call = ""] of text.matchAll(/(\w+)\(\)/g)) {
        assert(hasWord(code, call), `${text}: none of ${programs} calls it`);
      }
      const [, named = ""] = /^([a-z]+(?:, [a-z]+)*)(?:: |, at the end)/.exec(text) ?? [];
      for (const verb of named.split(", ").filter((verb) => verb !== "")) {
        assert(hasWord(verbs, verb), `${text}: no comment of ${programs} names ${verb}`);
      }
    }
  });
}
