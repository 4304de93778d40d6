import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { pack, unpack } from "../../mod.ts";
import { testWith } from "../support/test_with.ts";
import { play } from "../../contract/player.ts";
import { freePort } from "../../contract/ports.ts";
import { environment, makeDenoDir, temporaryFolder } from "../../contract/process.ts";
import { readSample, root, sampleFolders, samplePaths } from "../../contract/header.ts";

// `deno task compile`: the contents of executables, with stand-ins for Deno's runtime; its errors, and what
// they leave; and, where the runtime is available, that executables do what the scripts do.

const LINUX = "--target=x86_64-unknown-linux-gnu";
const WINDOWS = "--target=x86_64-pc-windows-msvc";

/** The time limit of a task, in ms. If fetching the runtime takes longer, it counts as unavailable. */
const PATIENCE = 30_000;

/** The exit status of a task that timed out. */
const KILLED = 128 + 9;

const inherited = environment();

/** The contents of an executable. */
interface Executable {
  metadata: {
    permissions: Record<string, unknown>;
    entrypoint_key: string;
    argv: string[];
    unstable_config: { features: string[] };
  };
  /** The paths of the files in it. */
  files: string[];
}

/** Deno's tree of the files in an executable. */
type Entry = { Dir: { n: string; e: Entry[] } } | { File: { n: string } };

Deno.test("an executable contains the flags of its header, its modules and its workers", async () => {
  await using folder = await temporaryFolder();
  const paths = samplePaths();
  const runtime = elf(folder.path);
  const stdout = await compile([LINUX, `--output=${folder.path}/dist`], runtime);
  const nothing = await noPermissions(folder.path, runtime);

  const sizes: string[] = [];
  let total = 0;
  for (const path of paths) {
    const { flags } = readSample(path);
    const file = `${folder.path}/dist/${path.replace(".ts", "")}`;
    const { metadata, files } = readExecutable(file);
    assertEquals(metadata.permissions, { ...nothing, ...permissions(flags) }, path);
    assertEquals(metadata.entrypoint_key, path);
    assertEquals(metadata.argv, [], path);
    assertEquals(metadata.unstable_config.features, ["net"], path);

    const source = Deno.readTextFileSync(`${root}${path}`);
    const workers = [...source.matchAll(/"\.\/(workers\/.*?)"/g)].map(([, name]) => name);
    assertEquals(
      files.filter((name) => name.includes("/workers/")),
      [...new Set(workers)].map((name) => `${path.split("/")[0]}/${name}`),
      path,
    );
    const packages = files.flatMap((name) =>
      /node_modules\/[^/]+\/(.*?)\/\d/.exec(name)?.[1] ?? []
    );
    assertEquals([...new Set(packages)], ["deno-std"], path);
    const library = path.startsWith("posix/")
      ? ["posix.ts"]
      : ["mod.ts", "lib/address/services.json"];
    for (const module of [path, ...library]) {
      assert(files.includes(module), `${path}: ${module} in ${files}`);
    }

    const { size, mode } = Deno.statSync(file);
    assertEquals((mode ?? 0) & 0o111, 0o111, `${path}: mode ${mode?.toString(8)}`);
    sizes.push(`${column(size)}  ${folder.path}/dist/${path.replace(".ts", "")}`);
    total += size;
  }
  assertEquals(stdout.trimEnd().split("\n"), [
    ...paths.map((path, index) =>
      `[${index + 1}/${paths.length}] ${path}  ${readSample(path).flags.join(" ")}`
    ),
    ...sizes,
    `${column(total)}  total; checksums in ${folder.path}/dist/SHA256SUMS`,
  ]);
  assertEquals(await checkSums(`${folder.path}/dist`), paths.length);
  assertEquals(contents(`${folder.path}/dist`), ["SHA256SUMS", ...sampleFolders.toSorted()]);
});

Deno.test('flags after "--" replace those of the same name in the header', async () => {
  await using folder = await temporaryFolder();
  const runtime = elf(folder.path);
  const nothing = await noPermissions(folder.path, runtime);
  const deployments: [name: string, flags: string[], then: string[]][] = [
    ["tcp_echo_concurrent", ["--allow-net=0.0.0.0:9000"], ["--allow-net=0.0.0.0:9000"]],
    [
      "unix/stream_echo_server",
      ["--allow-net=unix:/run/echo", "--allow-read=/run/echo", "--allow-write=/run/echo"],
      ["--allow-net=unix:/run/echo", "--allow-read=/run/echo", "--allow-write=/run/echo"],
    ],
    [
      "tcp_echo_prefork",
      ["--allow-net=0.0.0.0", "--deny-net=0.0.0.0:22"],
      [
        "--allow-net=0.0.0.0",
        "--deny-net=0.0.0.0:22",
        "--allow-read=servers/workers,lib,protocols,cli.ts,mod.ts",
      ],
    ],
  ];
  for (const [name, flags, then] of deployments) {
    const stdout = await compile([name, LINUX, `--output=${folder.path}`, "--", ...flags], runtime);
    const [, path] = /^ +\S+ MB {2}(.*)$/m.exec(stdout) ?? [];
    const { metadata } = readExecutable(path ?? "");
    assertEquals(metadata.permissions, { ...nothing, ...permissions(then) }, name);
  }
});

Deno.test("SHA256SUMS keeps the entries of earlier runs and of other platforms", async () => {
  await using folder = await temporaryFolder();
  const dist = `${folder.path}/dist`;
  await compile(["clients/udp_echo", "telnet", LINUX, `--output=${dist}`], elf(folder.path));
  await compile(["clients/udp_echo", WINDOWS, `--output=${dist}`], pe(folder.path));
  await compile(["telnet", LINUX, `--output=${dist}`, "--", "--allow-net"], elf(folder.path));
  assertEquals(contents(`${dist}/clients`), ["telnet", "udp_echo", "udp_echo.exe"]);
  assertEquals(await checkSums(dist), 3);
});

testWith(["sha256sum"], "sha256sum checks SHA256SUMS", async (folder) => {
  await compile(["udp_echo", LINUX, `--output=${folder}/dist`], elf(folder));
  const check = (): number =>
    new Deno.Command("sha256sum", { args: ["-c", "--strict", "SHA256SUMS"], cwd: `${folder}/dist` })
      .outputSync().code;
  assertEquals(check(), 0);
  Deno.writeTextFileSync(`${folder}/dist/clients/udp_echo`, "changed", { append: true });
  assertEquals(check(), 1);
});

Deno.test("without Deno's runtime, one sentence names both solutions, and no file is left", async () => {
  await using folder = await temporaryFolder();
  const dist = `${folder.path}/dist`;
  const env = withoutRuntime(folder.path, freePort());
  const fails = async () => {
    const { code, stdout, stderr } = await end(start(["telnet", "tcp", `--output=${dist}`], env));
    assertEquals(code, 1);
    assertMatch(stdout, /^\[1\/\d+\] .*\n$/);
    assertMatch(
      stderr,
      /^cannot download Deno's runtime .* from https:\S+: Connection refused; .*DENORT_BIN=FILE to .* a machine .*\n$/,
    );
    assertStringIncludes(stderr, `--target=${Deno.build.target}`);
  };
  await fails();
  assertEquals(contents(dist), []);

  await compile(["telnet", LINUX, `--output=${dist}`], elf(folder.path));
  await fails();
  assertEquals(contents(dist), ["SHA256SUMS", ...sampleFolders.toSorted()]);
  assertEquals(await checkSums(dist), 1);
});

Deno.test("an invalid runtime is named, and no file is left", async () => {
  await using folder = await temporaryFolder();
  const [missing, text] = [`${folder.path}/missing`, `${folder.path}/text`];
  Deno.writeTextFileSync(text, "not a program\n");
  const failures: [runtime: string, target: string, reason: string][] = [
    [missing, LINUX, "No such file or directory"],
    [text, LINUX, "Invalid object: Not an ELF file"],
    [elf(folder.path), WINDOWS, "Invalid object: Failed to parse PE"],
  ];
  for (const [runtime, target, reason] of failures) {
    const task = start(["telnet", target, `--output=${folder.path}/dist`], {
      ...inherited,
      DENORT_BIN: runtime,
    });
    const { code, stderr } = await end(task);
    assertEquals(stderr, `DENORT_BIN=${runtime} deno compile clients/telnet.ts: ${reason}\n`);
    assertEquals(code, 1);
    assertEquals(contents(`${folder.path}/dist`), []);
  }
});

for (const [what, stop] of [["^C", interrupt], ["SIGTERM", terminate]] as const) {
  Deno.test(`${what} while the runtime is fetched leaves no file`, async () => {
    await using folder = await temporaryFolder();
    using proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const env = withoutRuntime(folder.path, proxy.addr.port);
    const task = start(["telnet", `--output=${folder.path}/dist`], env);
    using _stalled = await proxy.accept();
    stop(task);
    const { code, stderr } = await end(task);
    assertEquals(stderr, "interrupted, no executable was written\n");
    assertEquals(code, 1);
    assertEquals(contents(`${folder.path}/dist`), []);
  });
}

/** Signals every process of the group, as a terminal does, twice. */
function interrupt(task: Deno.ChildProcess): void {
  Deno.kill(-task.pid, "SIGINT");
  Deno.kill(-task.pid, "SIGINT");
}

function terminate(task: Deno.ChildProcess): void {
  task.kill("SIGTERM");
}

Deno.test("a wrong command line is rejected", async () => {
  await using folder = await temporaryFolder();
  const wrong: [args: string[], message: RegExp][] = [
    [
      ["no_such_sample"],
      /^no sample has "no_such_sample" in its path; the samples are\n {2}servers\//,
    ],
    [
      ["--traget=x"],
      /^unknown option --traget=x; to pass it as an operand, write "--" before it\n/,
    ],
    [["telnet", "--target=pdp11"], /^invalid value 'pdp11' for '--target': possible values: /],
    [["telnet", "--", "--include=x"], /^--include=x is not a permission flag\n/],
    [["telnet", "--", "-A"], /^-A is not a permission flag\n/],
    [["telnet", "--", "--allow-nothing=x"], /^unexpected argument '--allow-nothing=x' found\n/],
  ];
  for (const [args, message] of wrong) {
    const task = start([`--output=${folder.path}/dist`, ...args], {
      ...inherited,
      DENORT_BIN: elf(folder.path),
    });
    const { code, stderr } = await end(task);
    assertMatch(stderr, message);
    assertStringIncludes(stderr, "\nUsage: deno task compile [NAME...]");
    assertEquals(code, 2, `${args}`);
  }
});

// With a shell script in place of the executable: this checks the tests below.
for (const path of ["servers/tcp_echo_once.ts", "unix/stream_echo_client.ts"]) {
  testWith(
    [],
    `${path}, replaced by a script, prints its transcript`,
    async (folder) => {
      const sample = readSample(path);
      const made: string[] = [];
      const script = (changeFlags: (flags: string[]) => string[]) => async (flags: string[]) => {
        const program = `${folder}/program`;
        const command = [Deno.execPath(), "run", ...changeFlags(flags), path];
        const text = `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(" ")} "$@"\n`;
        await Deno.writeTextFile(program, text, { mode: 0o755 });
        made.push(program);
        return program;
      };
      const { differences } = await play(sample, { compile: script((flags) => flags) });
      assertEquals(differences, []);
      assertEquals(made.length, 1);
      const refused = await play(sample, { compile: script(() => []) });
      assertMatch(refused.differences.join(), /permission not granted/);
    },
  );
}

const hasRuntime = await canCompile();
for (const path of samplePaths()) {
  const sample = readSample(path);
  const name = `${path}, replaced by its executable, prints its transcript`;
  if (!hasRuntime) {
    Deno.test.ignore(`${name} (no denort: neither DENORT_BIN nor access to Deno's site)`, () => {});
    continue;
  }
  testWith(sample.needs, name, async (folder) => {
    const { differences } = await play(sample, {
      async compile(flags) {
        await compile([path, `--output=${folder}`, "--", ...flags]);
        return `${folder}/${path.replace(".ts", "")}`;
      },
    });
    assertEquals(differences, []);
  });
}

/** Whether Deno has its runtime or can fetch it. */
async function canCompile(): Promise<boolean> {
  await using folder = await temporaryFolder();
  const { code, stderr } = await end(start(["clients/telnet", `--output=${folder.path}`]));
  if (code !== 0 && code !== KILLED) assertMatch(stderr, /cannot download/);
  return code === 0;
}

/** Starts `deno task compile`. */
function start(args: string[], env: Record<string, string> = inherited): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "compile", ...args],
    cwd: root,
    detached: true, // a new process group
    clearEnv: true,
    env: { ...env, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits until a task exits. */
async function end(
  task: Deno.ChildProcess,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const patience = setTimeout(() => Deno.kill(-task.pid, "SIGKILL"), PATIENCE);
  const { code, stdout, stderr } = await task.output();
  clearTimeout(patience);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs `deno task compile`, which must succeed; returns its output. */
async function compile(args: string[], runtime?: string): Promise<string> {
  const env = runtime === undefined ? inherited : { ...inherited, DENORT_BIN: runtime };
  const { code, stdout, stderr } = await end(start(args, env));
  assertEquals([code, stderr], [0, ""], `${args}`);
  return stdout;
}

/** An environment in which Deno has everything except its runtime, which it requests from a proxy on `port`. */
function withoutRuntime(folder: string, port: number): Record<string, string> {
  makeDenoDir(`${folder}/deno`);
  const { DENORT_BIN: _, ...env } = inherited;
  const proxy = `http://127.0.0.1:${port}`;
  return {
    ...env,
    DENO_DIR: `${folder}/deno`,
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NO_PROXY: "",
    no_proxy: "",
  };
}

/** The smallest ELF file that is accepted as a runtime: a header, and a segment with only that. */
function elf(folder: string): string {
  const header = pack(
    "<4sBBB9xHHIQQQIHHHHHH",
    ...[bytes("\x7fELF"), 2, 1, 1, 2, 62, 1, 0n, 64n, 0n, 0, 64, 56, 1, 64, 0, 0] as const,
  );
  const segment = pack("<IIQQQQQQ", 1, 4, 0n, 0n, 0n, 120n, 120n, 4096n);
  return writeProgram(`${folder}/elf`, header, segment);
}

/** The same for Windows: the necessary headers, and an empty section. */
function pe(folder: string): string {
  const start = pack("<2s58xI4sHH12xHH", bytes("MZ"), 64, bytes("PE\0\0"), 0x8664, 1, 240, 2);
  const optional = pack("<H30xII16xII44xI128x", 0x20b, 0x1000, 0x200, 0x2000, 0x400, 16);
  const section = pack("<8sIIII12xI", bytes(".text"), 0x200, 0x1000, 0x200, 0x400, 0x60000020);
  return writeProgram(`${folder}/pe`, start, optional, section, new Uint8Array(0x600 - 368));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function writeProgram(path: string, ...parts: Uint8Array[]): string {
  Deno.writeFileSync(path, concat(parts));
  return path;
}

/** Reads the contents of an executable. */
function readExecutable(path: string): Executable {
  const content = Deno.readFileSync(path);
  const text = new TextDecoder("latin1").decode(content); // one character per byte
  // The length of each part precedes it.
  const part = (start: string) => {
    const at = text.indexOf(start);
    const [length = 0n] = unpack("<Q", content.subarray(at - 8, at));
    return JSON.parse(new TextDecoder().decode(content.subarray(at, at + Number(length))));
  };
  return { metadata: part('{"argv":'), files: filesOf(part('[{"Dir":')) };
}

function filesOf(entries: Entry[]): string[] {
  return entries.flatMap((entry) =>
    "Dir" in entry ? filesOf(entry.Dir.e).map((name) => `${entry.Dir.n}/${name}`) : entry.File.n
  );
}

/** The permissions of an executable without flags. */
async function noPermissions(folder: string, runtime: string): Promise<Record<string, unknown>> {
  const args = ["compile", "--quiet", "--no-check", LINUX, `--output=${folder}/bare`, "mod.ts"];
  const env = { DENORT_BIN: runtime };
  const { code } = await new Deno.Command(Deno.execPath(), { args, env, cwd: root }).output();
  assertEquals(code, 0);
  return readExecutable(`${folder}/bare`).metadata.permissions;
}

/** Flags in the form of an executable's metadata: `allow_net: ["127.0.0.1:7007"]`. */
function permissions(flags: string[]): Record<string, string[]> {
  return Object.fromEntries(flags.map((flag) => {
    const [name = "", scopes = ""] = flag.slice(2).split("=");
    return [name.replace("-", "_"), scopes.split(",")];
  }));
}

/** Compares the files of a folder with its SHA256SUMS; returns their number. */
async function checkSums(folder: string): Promise<number> {
  const sums = Deno.readTextFileSync(`${folder}/SHA256SUMS`);
  const lines = await Promise.all(
    sampleFolders.toSorted().flatMap((part) =>
      contents(`${folder}/${part}`).map(async (name) => {
        const content = Deno.readFileSync(`${folder}/${part}/${name}`);
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
        return `${digest.toHex()}  ${part}/${name}\n`;
      })
    ),
  );
  assertEquals(sums, lines.join(""));
  return lines.length;
}

/** The names in a folder, sorted. */
function contents(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** A size in MB, as the task prints it. */
function column(size: number): string {
  return `${(size / 1e6).toFixed(1).padStart(7)} MB`;
}
