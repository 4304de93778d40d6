/**
 * Compiles each sample, or those whose path contains a NAME, to a single-file executable in dist/servers/,
 * dist/clients/, dist/unix/ or dist/posix/, and writes the checksums to dist/SHA256SUMS.
 *
 * Usage: deno task compile [NAME...] [OPTION...] [-- FLAG...]
 *   --target PLATFORM  the platform, one of those that `deno compile --help` lists (this machine's)
 *   --output FOLDER    the output folder (dist)
 *   FLAG               a permission flag, for example --allow-net=0.0.0.0:7007; replaces all flags of
 *                      that name in the header
 *
 * An executable has the permissions of its header, and its command line cannot change them. It contains
 * the modules that it imports and the workers that it starts. The first time, Deno downloads its runtime
 * for executables, denort, from its own site; to use a local copy instead, set DENORT_BIN=FILE in the
 * environment. On failure or ^C, no executable is written.
 *
 * @module
 */

import { withContext } from "./mod.ts";
import { main, UsageError } from "./cli.ts";
import { findSamples, readSample, root, type Sample, sampleFolders } from "./contract/header.ts";
import header from "./compile.ts" with { type: "text" };

/** A compiled executable. */
interface Executable {
  /** Its path in the output folder: `servers/tcp_echo_lines`. */
  path: string;
  /** In bytes. */
  size: number;
  /** Its SHA-256, in hexadecimal. */
  checksum: string;
}

await main(header, {
  operands: { words: [] },
  options: { target: Deno.build.target, output: "dist" },
}, async ({ words, target, output }) => {
  // An operand begins with a dash only after "--".
  const names = words.filter((word) => !word.startsWith("-"));
  const flags = words.filter((word) => word.startsWith("-"));
  const invalid = flags.find((flag) => !/^--(allow|deny)-[a-z]+(=|$)/.test(flag));
  if (invalid !== undefined) throw new UsageError(`${invalid} is not a permission flag`);
  const samples = findSamples(names).map(readSample);

  const stop = new AbortController();
  // The listeners are not removed: on ^C, the terminal and `deno task` both send SIGINT.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort());
  }
  await Deno.mkdir(output, { recursive: true }).catch((error) => {
    throw withContext(`mkdir ${output}`, error);
  });
  const unfinished = await Deno.makeTempDir({ dir: await Deno.realPath(output), prefix: "." });
  try {
    const compiled: Executable[] = [];
    for (const [index, sample] of samples.entries()) {
      const granted = replaceFlags(sample.flags, flags);
      console.log(`[${index + 1}/${samples.length}] ${sample.path}  ${granted.join(" ")}`);
      compiled.push(await compile(sample, granted, target, unfinished, stop.signal));
    }
    await Deno.writeTextFile(`${unfinished}/SHA256SUMS`, await checksums(output, compiled));
    for (const folder of sampleFolders) {
      await Deno.mkdir(`${output}/${folder}`, { recursive: true });
    }
    for (const path of [...compiled.map(({ path }) => path), "SHA256SUMS"]) {
      await Deno.rename(`${unfinished}/${path}`, `${output}/${path}`);
    }
    for (const { path, size } of compiled) console.log(`${megabytes(size)}  ${output}/${path}`);
    const total = compiled.reduce((sum, { size }) => sum + size, 0);
    console.log(`${megabytes(total)}  total; checksums in ${output}/SHA256SUMS`);
  } finally {
    await Deno.remove(unfinished, { recursive: true });
  }
});

/** Removes the flags that have the name of a replacement, and appends the replacements. */
function replaceFlags(flags: string[], replacements: string[]): string[] {
  const name = (flag: string) => flag.split("=")[0];
  const replaced = new Set(replacements.map(name));
  return [...flags.filter((flag) => !replaced.has(name(flag))), ...replacements];
}

/** Compiles a sample to an executable in `folder`. */
async function compile(
  sample: Sample,
  flags: string[],
  target: string,
  folder: string,
  stop: AbortSignal,
): Promise<Executable> {
  const path = sample.path.replace(/\.ts$/, target.includes("windows") ? ".exe" : "");
  const options = [
    "--quiet",
    "--no-check", // `deno run` does not check types either
    "--exclude-unused-npm", // the packages of the benchmarks
    `--target=${target}`,
    `--output=${folder}/${path}`,
    ...workers(sample).map((worker) => `--include=${worker}`),
  ];
  const { success, signal, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", ...options, ...flags, sample.path],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: stop,
  }).output();
  if (stop.aborted || signal !== null) throw new Error("interrupted, no executable was written");
  if (!success) throw explain(new TextDecoder().decode(stderr), sample, target);

  const bytes = await Deno.readFile(`${folder}/${path}`);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return { path, size: bytes.length, checksum: new Uint8Array(digest).toHex() };
}

/** Returns the modules that a sample starts as workers: Deno includes only modules that are imported. */
function workers({ path }: Sample): string[] {
  const source = Deno.readTextFileSync(`${root}${path}`);
  return [...source.matchAll(/new Worker\(import\.meta\.resolve\("\.\/(.*?)"\)/g)]
    .map(([, module]) => `${path.replace(/[^/]*$/, "")}${module}`);
}

/** Converts Deno's multi-line error output to an error with a one-line message. */
function explain(stderr: string, { path }: Sample, target: string): Error {
  const [, error = stderr] = /^error: (.*)$/m.exec(stderr) ?? [];
  if (/^(invalid value|unexpected argument)/.test(error)) return new UsageError(error);
  const causes = [...stderr.matchAll(/^ {4}(?:\d+: )?(.*)$/gm)].map(([, cause]) => cause);
  const reason = (causes.at(-1) ?? error).replace(/ \(os error \d+\)$/, "");
  if (causes[0] === "Setting up base binary.") {
    const [url = "its own site"] = /https:[^)\s]+/.exec(stderr) ?? [];
    return new Error(
      `cannot download Deno's runtime for executables from ${url}: ${reason}; ` +
        `set DENORT_BIN=FILE to a local copy, or compile on a machine that reaches that site, ` +
        `with --target=${target}`,
    );
  }
  const runtime = Deno.env.get("DENORT_BIN");
  const call = `${runtime === undefined ? "" : `DENORT_BIN=${runtime} `}deno compile ${path}`;
  return new Error(`${call}: ${reason}`);
}

/** Returns SHA256SUMS, in the format of sha256sum(1), with the checksums of new executables added. */
async function checksums(output: string, compiled: Executable[]): Promise<string> {
  const sums = new Map<string, string>();
  const before = await Deno.readTextFile(`${output}/SHA256SUMS`).catch(() => "");
  for (const [, checksum = "", path = ""] of before.matchAll(/^(\w{64}) {2}(.+)$/gm)) {
    sums.set(path, checksum);
  }
  for (const { path, checksum } of compiled) sums.set(path, checksum);
  return [...sums].sort().map(([path, checksum]) => `${checksum}  ${path}\n`).join("");
}

/** Formats a size in MB, right-aligned. */
function megabytes(size: number): string {
  return `${(size / 1e6).toFixed(1).padStart(7)} MB`;
}
