import { assert, assertEquals, assertRejects } from "@std/assert";
import { libcInHeaders, withLibc } from "../../contract/libc.ts";
import { relative } from "node:path";
import { temporaryFolder } from "../../contract/process.ts";
import { many } from "../support/many.ts";
import { testSteps } from "../support/test_with.ts";
import { play } from "../../contract/player.ts";
import { readSample, root, type Sample, samplePaths } from "../../contract/header.ts";

// The header contract: every sample does what its header states.

for (const path of samplePaths()) {
  const sample = readSample(path);

  Deno.test(`${path} is executable, its flags are scoped, and docs/course.md maps it`, () => {
    const { mode } = Deno.statSync(`${root}${path}`);
    assertEquals((mode ?? 0) & 0o111, 0o111, `mode ${mode?.toString(8)}`);
    const [shebang = ""] = Deno.readTextFileSync(`${root}${path}`).split("\n");
    assert(shebang.length < 256, "Linux cuts a longer first line (execve(2))");
    for (const flag of sample.flags) {
      assert(/^--allow-[a-z]+=[^*]+$/.test(flag), `${flag} is not scoped`);
    }
    // readSample() replaces it by this machine's.
    const libraries = shebang.match(/--allow-ffi\S*/g) ?? [];
    assertEquals(libraries, path.startsWith("posix/") ? [`--allow-ffi=${libcInHeaders}`] : []);
    const rows = Deno.readTextFileSync(`${root}docs/course.md`).split("\n")
      .filter((line) => line.split("|")[1]?.trim() === `[${path}](../${path})`);
    assertEquals(rows.length, 1, `rows of the map for ${path}`);
  });
}

const samples = samplePaths().map((path) => ({ path, sample: readSample(path) }));

for (const { path, sample } of samples) {
  if (!sample.flags.some((flag) => flag.startsWith("--allow-ffi"))) continue;
  Deno.test(`${path} says in its header what --allow-ffi lets it do`, () => {
    const [header = ""] = /^\/\*\*\n[^]*?^ \*\/$/m.exec(Deno.readTextFileSync(`${root}${path}`)) ??
      [];
    const words = header.replace(/^ \* ?/gm, "").replace(/\s+/g, " ");
    const sentence = "`--allow-ffi` lets the program call every function of the C library, " +
      "and outranks all other flags.";
    assertEquals(words.split(sentence).length, 2, "the sentence, once");
  });
}

testSteps(
  "a sample plays as its transcript says",
  samples.map(({ path, sample }) => ({
    name: path,
    needs: sample.needs,
    async fn() {
      assert(sample.transcript.some(({ words }) => words.includes(path)), "it is not in it itself");
      const { differences } = await play(sample);
      assertEquals(differences, []);
    },
  })),
);

testSteps(
  "a sample fails without any one of its permissions, or with less of one",
  samples.map(({ path, sample }) => ({
    name: path,
    needs: sample.needs,
    async fn() {
      for (const [what, changeFlags] of lesserFlags(sample)) {
        const { differences, stderr } = await play(sample, { changeFlags });
        assert(differences.length > 0, `${what}, it does the same`);
        assert(stderr.includes("permission not granted"), `${what}, it says ${stderr}`);
        const [, library] = /^without (--allow-ffi=.*)$/.exec(what) ?? [];
        const named = !library || withLibc(stderr).includes(`requires ${library}`);
        assert(named, `${what}, it says ${stderr}`);
      }
    },
  })),
);

/** The ways to reduce a sample's permissions. */
function lesserFlags(sample: Sample): [what: string, change: (flags: string[]) => string[]][] {
  const ways: [string, (flags: string[]) => string[]][] = [];
  for (const [index, flag] of sample.flags.entries()) {
    const [name = "", scopes = ""] = flag.split("=");
    const grants = scopes.split(",");
    const change = (lesser: string[]) => (flags: string[]) =>
      flags.toSpliced(index, 1, ...(lesser.length === 0 ? [] : [`${name}=${lesser.join(",")}`]));
    for (const grant of grants) {
      const others = grants.filter((other) => other !== grant);
      ways.push([`without ${name}=${grant}`, change(others)]);
      // The whole host may be granted only if the ports known beforehand are not enough.
      if (name === "--allow-net" && /^(\[.*\]|[^:]*)$/.test(grant)) {
        const ports = [...listeningPorts(sample), "0"].map((port) => `${grant}:${port}`);
        ways.push([`with ${name}=${ports} for ${grant}`, change([...others, ...ports])]);
      }
    }
  }
  return ways;
}

function listeningPorts(sample: Sample): string[] {
  return sample.transcript.flatMap(({ lines }) => lines.map(({ text }) => text))
    .flatMap((text) => /^listening on .*:(\d+)\n$/.exec(text)?.[1] ?? []);
}

/** Reads a header with these lines before its transcript. */
async function readHeader(lines: string): Promise<Sample> {
  await using folder = await temporaryFolder();
  const file = `${folder.path}/sample.ts`;
  const transcript = "```console\n * $ deno run - ::1\n * ```";
  const header = `#!/usr/bin/env -S deno run\n/**\n * ${lines}\n *\n * ${transcript}\n */\n`;
  await Deno.writeTextFile(file, header);
  return readSample(relative(root, file));
}

Deno.test("readSample() reads what a transcript requires", async () => {
  assertEquals((await readHeader("Summary.")).needs, ["IPv6"]);
  assertEquals((await readHeader("Requires: root, ss")).needs, ["root", "ss", "IPv6"]);
  await assertRejects(() => readHeader("Requires: toString"), SyntaxError, "Requires: toString");
});

Deno.test("play() detects a wrong transcript", async () => {
  const sample = readSample("clients/tcp_echo.ts");
  const printing = (from: string, to: string): Sample["transcript"] =>
    sample.transcript.map((block) => ({
      ...block,
      lines: block.lines.map(({ kind, text }) => ({
        kind,
        text: kind === "in" ? text : text.replace(from, to),
      })),
    }));
  const wrong = {
    "stdout of the client": printing("hello\n", "hullo\n"),
    "stdout of the server": printing("Connection from", "Connection of"),
    "stderr of the server": printing("listening", "listing"),
    "a line too many": printing("goodbye\n", "goodbye\nand more\n"),
    "a line too few": printing("goodbye\n", ""),
    "the exit status": sample.transcript.map((block) => ({ ...block, status: 1 })),
  };
  await many(Object.entries(wrong), 6, async ([what, transcript]) => {
    const { differences } = await play({ ...sample, transcript }, { timeout: 1000 });
    assert(differences.length > 0, what);
  });
});

Deno.test("deno.json and import_map.jsr.json map the same names", async () => {
  const names = async (file: string): Promise<string[]> =>
    Object.keys(JSON.parse(await Deno.readTextFile(`${root}${file}`)).imports).sort();
  assertEquals(await names("import_map.jsr.json"), await names("deno.json"));
});

Deno.test("every dependency is pinned, locked and explained", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(`${root}deno.json`));
  const lock = await Deno.readTextFile(`${root}deno.lock`);
  const explained = await Deno.readTextFile(`${root}docs/dependencies.md`);
  for (const [name, target] of Object.entries(imports)) {
    const [, npmPackage, version] = /^npm:([a-z-]+)@(\d+\.\d+\.\d+)\b/.exec(String(target)) ?? [];
    assert(npmPackage, `${name} maps to ${target}`);
    assert(lock.includes(`"${npmPackage}@${version}"`), `${npmPackage}@${version} in deno.lock`);
    const [library = ""] = /^(@std\/)?[a-z]+/.exec(name) ?? [];
    assert(explained.includes(`\`${library}\``), `${library} in docs/dependencies.md`);
  }
});
