/**
 * Parses a sample's header: its permission flags and its transcript.
 *
 * README.md describes the syntax.
 *
 * @module
 */

import { UsageError } from "../cli.ts";
import { withLibc } from "./libc.ts";
import { isNeed, type Need } from "./requirements.ts";

/** A sample, as its header describes it. */
export interface Sample {
  /** Its path relative to the project's root: `clients/tcp_echo.ts`. */
  path: string;
  /** The permission flags in its shebang, with the C library's path on this machine. */
  flags: string[];
  /** The first paragraph of its header. */
  summary: string;
  /** The blocks, in the order in which their commands start. */
  transcript: Block[];
  /** What playing it requires of the machine. */
  needs: Need[];
}

/** The part of a transcript that one terminal shows: a command, its input and its output. */
export interface Block {
  /** The command's words: a sample's path and its arguments, or `deno run ...`. */
  words: string[];
  /** Its input and output, in order. */
  lines: Line[];
  /** The key that ends the command after all later commands have exited; `undefined` if it exits without one. */
  key: "^C" | "^D" | undefined;
  /** The expected exit status. */
  status: number;
}

/** A line that is typed on stdin, or printed on stdout or stderr. */
export interface Line {
  kind: "in" | "out" | "err";
  /** The text, with its newline if it has one. */
  text: string;
}

/** The project's root. */
export const root: string = decodeURIComponent(new URL("..", import.meta.url).pathname);

/** The folders that hold the samples. */
export const sampleFolders = ["servers", "clients", "unix", "posix"];

/** Returns the paths of all samples. */
export function samplePaths(): string[] {
  return sampleFolders.flatMap((folder) =>
    [...Deno.readDirSync(`${root}${folder}`)]
      .filter((entry) => entry.isFile && entry.name.endsWith(".ts"))
      .map((entry) => `${folder}/${entry.name}`)
      .sort()
  );
}

/**
 * Returns the paths of the samples whose path contains one of the names, or all paths if there are no names.
 * Throws a UsageError for a name that no path contains.
 */
export function findSamples(names: string[]): string[] {
  const paths = samplePaths();
  for (const name of names) {
    if (paths.some((path) => path.includes(name))) continue;
    throw new UsageError(
      `no sample has "${name}" in its path; the samples are\n  ${paths.join("\n  ")}`,
    );
  }
  return paths.filter((path) => names.length === 0 || names.some((name) => path.includes(name)));
}

/** Reports whether a sample is a server: all in servers/ are, and elsewhere its name says so. */
export function isServer(path: string): boolean {
  return /^servers\/|_(?:server|receive|prefork)\.ts$/.test(path);
}

/** Parses a sample's header; throws a SyntaxError if it is invalid. */
export function readSample(path: string): Sample {
  const source = Deno.readTextFileSync(`${root}${path}`);
  const header = /^#!\/usr\/bin\/env -S deno run(?<flags>.*)\n\/\*\*\n(?<doc>[^]*?)\n \*\/\n/
    .exec(source)?.groups;
  if (header === undefined) {
    throw new SyntaxError(`${path}: no shebang, or no doc comment below it`);
  }
  const flags = splitWords(withLibc(header.flags ?? ""));
  const doc = (header.doc ?? "").replace(/^ \* ?/gm, "");
  const transcript = /^```console\n([^]*?)^```$/m.exec(doc)?.[1];
  if (transcript === undefined) throw new SyntaxError(`${path}: the header has no transcript`);
  return {
    path,
    flags,
    summary: (doc.split("\n\n")[0] ?? "").replaceAll("\n", " "),
    transcript: parseTranscript(transcript, path),
    needs: needsOf(doc, transcript, flags, path),
  };
}

/** Returns what a transcript requires: what its addresses and flags imply, and what the header states. */
function needsOf(doc: string, transcript: string, flags: string[], path: string): Need[] {
  const [, stated] = /^Requires: (.*)$/m.exec(doc) ?? [];
  const needs = stated?.split(", ") ?? [];
  if (transcript.includes("::1")) needs.push("IPv6");
  if (flags.some((flag) => flag.startsWith("--allow-ffi="))) needs.push("Linux C library");
  return needs.map((name) => {
    if (!isNeed(name)) {
      throw new SyntaxError(`${path}: "Requires: ${name}" is no known requirement`);
    }
    return name;
  });
}

/** Parses the lines between "```console" and "```", with the C library's path on this machine. */
export function parseTranscript(transcript: string, path: string): Block[] {
  const blocks: Block[] = [];
  for (const line of withLibc(transcript).replace(/\n$/, "").split("\n")) {
    const block = blocks.at(-1);
    if (line.startsWith("$ ")) {
      blocks.push({ words: splitWords(line.slice(2)), lines: [], key: undefined, status: 0 });
      continue;
    }
    if (block === undefined) throw new SyntaxError(`${path}: "${line}" comes before any command`);
    if (block.key !== undefined) {
      throw new SyntaxError(`${path}: "${line}" comes after ${block.key}`);
    }
    const exit = /^\[exit (\d+)\]$/.exec(line);
    if (line === "^C" || line === "^D") block.key = line;
    else if (exit) block.status = Number(exit[1]);
    else if (line === ">") block.lines.push({ kind: "in", text: "\n" });
    else if (line.startsWith("> ")) block.lines.push({ kind: "in", text: `${line.slice(2)}\n` });
    else if (line.startsWith("! ")) block.lines.push({ kind: "err", text: `${line.slice(2)}\n` });
    else if (line.endsWith("\\")) block.lines.push({ kind: "out", text: line.slice(0, -1) });
    else block.lines.push({ kind: "out", text: `${line}\n` });
  }
  return blocks;
}

/** Splits a command line into words, which may be quoted. No other shell syntax is supported. */
export function splitWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|\S+/g)].map((word) =>
    word[1] ?? word[2] ?? word[0]
  );
}
