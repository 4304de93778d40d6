import { dirname } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { freePort } from "../../contract/ports.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { findSteps } from "../../contract/course.ts";
import { readSample, root } from "../../contract/header.ts";
import { openDatagram } from "../../mod.ts";
import { blocks, read, sectionsOf } from "../support/documents.ts";

// The README: its programs run, and its picture shows the demo.

const readme = "README.md";
const faq = "docs/faq.md";
const own = sectionsOf(readme).get("In your own program") ?? "";
const submodule = sectionsOf(faq).get("How do I use the library as a git submodule?") ?? "";

Deno.test(`${readme}: every folder that it names exists`, () => {
  const [folders = ""] = blocks(sectionsOf(readme).get("Where things are") ?? "", "text");
  const names = folders.match(/\b[\w/]+\//g) ?? [];
  assert(names.length > 10);
  for (const name of names) assert(Deno.statSync(`${root}${name}`).isDirectory, name);
});

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

/** A program of the README: the file's name, the flags that its first line names, and its code. */
interface Program {
  name: string;
  flags: string[];
  code: string;
}

const programs: Program[] = blocks(own, "ts").map((code) => {
  const [, flags = "", name = ""] = /^\/\/ deno run (.*) (\w+\.ts)\n/.exec(code) ?? [];
  return { name, flags: flags.split(" "), code };
});

/** The two ways to link the library, each with its commands and the configuration that results. */
const layouts = [
  { document: readme, clone: "../deno-sockets", text: own },
  { document: faq, clone: "./deno-sockets", text: submodule },
];

/** Makes a project in a folder that uses a clone of the library; returns the project's path. */
async function makeProject(folder: string, { clone, text }: typeof layouts[number]) {
  const project = `${folder}/my-program`;
  await Deno.mkdir(project);
  await copyFolder(root, `${project}/${clone}`);
  assert(text.includes(`deno link ${clone}`), "the document does not say how to link");
  await shell(`deno link ${clone}`, project);
  const [config = "{}"] = blocks(text, "json");
  const { links } = JSON.parse(await Deno.readTextFile(`${project}/deno.json`));
  assertEquals(links, JSON.parse(config).links);
  await Deno.writeTextFile(`${project}/deno.json`, config);
  return project;
}

for (const layout of layouts) {
  Deno.test(`${layout.document}: a project with the clone at ${layout.clone} works`, async () => {
    await using folder = await temporaryFolder();
    const project = await makeProject(folder.path, layout);
    const write = (path: string, text: string) => Deno.writeTextFile(`${project}/${path}`, text);
    // The first two would fail if they were run or checked, and fmt would rewrite the second.
    await write(`${layout.clone}/left_alone_test.ts`, `Deno.test("fails",()=>{throw 1})`);
    await write(`${layout.clone}/left_alone.ts`, `export const  text: number = "no number"`);
    for (const { name, code } of programs) await write(name, code);
    await write("own_test.ts", `Deno.test("my own", () => {});\n`);
    await write("own.ts", "export const   a = 1;\n");

    const checked = await shell("deno check", project);
    const names = ["own.ts", "own_test.ts", ...programs.map(({ name }) => name)].sort();
    assertEquals(checked, names.map((name) => `Check ${name}\n`).join(""));
    const tested = await shell("deno test", project);
    assert(tested.includes("1 passed") && !tested.includes("left_alone"), tested);
    await shell("deno fmt", project);
    assertEquals(await Deno.readTextFile(`${project}/own.ts`), "export const a = 1;\n");
    const left = await Deno.readTextFile(`${project}/${layout.clone}/left_alone.ts`);
    assertEquals(left, `export const  text: number = "no number"`);

    const port = freePort();
    await using server = await start(project, "server.ts", { "7020": `${port}` });
    await server.prints(/^listening on .*\n/m);
    await using client = await start(project, "client.ts", { "7020": `${port}` });
    assertEquals([await client.exits(), client.stdout], [0, "5 characters\n"]);
    server.kill("SIGTERM");
    assertEquals(await server.exits(), 0, server.describe());
  });
}

/** Starts a program of the README in a project, with some of its words replaced. */
async function start(
  project: string,
  name: string,
  words: Record<string, string>,
): Promise<Process> {
  const program = programs.find((program) => program.name === name);
  assert(program !== undefined, `${name} is not in the README`);
  const replaced = (text: string) =>
    Object.entries(words).reduce((text, [from, to]) => {
      assert(program.code.includes(from), `${from} is not in ${name}`);
      return text.replaceAll(from, to);
    }, text);
  const file = `${project}/${name}`;
  await Deno.writeTextFile(file, replaced(program.code));
  return new Process(["run", ...program.flags.map(replaced), file], false);
}

Deno.test(`${readme}: the client does not wait longer than its timeout`, async () => {
  await using folder = await temporaryFolder();
  const [layout] = layouts;
  assert(layout !== undefined);
  const project = await makeProject(folder.path, layout);
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const words = { "7020": `${silent.addr.port}`, "5000": "200" };
  await using client = await start(project, "client.ts", words);
  using _conn = await silent.accept();
  assertEquals(await client.exits(), 1);
  assert(client.stderr.includes("TimedOut"), client.describe());
});

// How long the program waits, in ms: a reply must have time to arrive, and no reply costs that long.
for (const [lost, patience] of [[0, 20_000], [2, 1000], [3, 100]] as const) {
  Deno.test(`${readme}: the request's outcome when ${lost} datagrams are lost`, async () => {
    await using folder = await temporaryFolder();
    const [layout] = layouts;
    assert(layout !== undefined);
    const project = await makeProject(folder.path, layout);
    using server = await openDatagram(0);
    const { port } = server.addr as Deno.NetAddr;
    const words = { "7017": `${port}`, " 1000)": ` ${patience})` };
    await using client = await start(project, "request.ts", words);
    for (let count = 0; count < Math.min(lost + 1, 3); count++) {
      const [message, from] = await server.receive();
      assertEquals(new TextDecoder().decode(message), "hello");
      if (count === lost) await server.send(message, from);
    }
    const code = await client.exits();
    if (lost < 3) assertEquals([code, client.stdout], [0, "hello\n"]);
    else assert(code === 1 && client.stderr.includes("TimedOut"), client.describe());
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
