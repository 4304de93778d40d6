// Formats the help and the usage of a program.

import type { Arguments } from "./syntax.ts";
import { wrap } from "./wrap.ts";

/** The longest line outside a transcript, in characters. */
const WIDTH = 80;

/** The signs in a transcript and their meanings. contract/README.md defines the syntax. */
const LEGEND: { sign: string; meaning: string; where?: RegExp }[] = [
  { sign: "$", meaning: "a command, in a separate terminal" },
  { sign: ">", meaning: "typed on stdin" },
  { sign: "!", meaning: "printed on stderr; without a sign: on stdout" },
  { sign: "*", meaning: "any text" },
  { sign: "\\", meaning: "at the end of a line: printed without a newline", where: /\\$/m },
  { sign: "^C", meaning: "SIGINT", where: /^\^C$/m },
  { sign: "^D", meaning: "the end of stdin", where: /^\^D$/m },
  { sign: "[exit N]", meaning: "the exit status, if it is not 0", where: /^\[exit \d+\]$/m },
];

/** Formats the help: the header, the defaults of the operands, the permission flags, and a legend. */
export function formatHelp(source: string, operands: Arguments): string {
  const { doc, transcript } = readHeader(source);
  const [shebang = ""] = /^#!.*/.exec(source) ?? [];
  const belowUsage = doc.findIndex(isUsage) + 1;
  return [
    ...doc.toSpliced(belowUsage, 0, formatDefaults(operands)),
    shebang && `Permissions, from the first line of the program:\n  ${shebang}`,
    transcript && formatLegend(transcript),
    'A word after "--" is an operand, even if it begins with a dash.',
  ].filter((paragraph) => paragraph !== "").join("\n\n");
}

/** Formats the usage: the paragraph of the header that begins with "Usage:". */
export function formatUsage(source: string): string {
  return readHeader(source).doc.find(isUsage) ?? "";
}

function isUsage(paragraph: string): boolean {
  return paragraph.startsWith("Usage:");
}

function formatDefaults(operands: Arguments): string {
  const defaults = Object.entries(operands).flatMap(([name, argument]) => {
    const value = typeof argument === "object" && "default" in argument
      ? argument.default
      : argument;
    return typeof value === "string" || typeof value === "number" ? `${name} ${value}` : [];
  });
  return defaults.length === 0 ? "" : wrap(`Defaults: ${defaults.join(", ")}`, WIDTH).join("\n");
}

/** Returns the paragraphs of the doc comment at the top of a source, wrapped, and its transcripts. */
function readHeader(source: string): { doc: string[]; transcript: string } {
  const [, comment = ""] = /\/\*\*\n([^]*?)\n \*\//.exec(source) ?? [];
  const text = comment.replace(/^ \* ?/gm, "").replace(/^@module$/m, "");
  const doc: string[] = [];
  let transcripts = "";
  // The parts at odd indexes are transcripts.
  for (const [index, part] of text.split(/^```console\n([^]*?)^```$/m).entries()) {
    if (index % 2 === 1) {
      doc.push(part.replace(/\n$/, ""));
      transcripts += part;
    } else {
      doc.push(...part.split(/\n{2,}/).map((paragraph) => fill(paragraph.trim())));
    }
  }
  return { doc: doc.filter((paragraph) => paragraph !== ""), transcript: transcripts };
}

/**
 * Wraps a paragraph that is wider than a line. A line that is indented by two spaces is a row of a table; its
 * continuation lines are aligned with its second column.
 */
function fill(paragraph: string): string {
  if (paragraph.split("\n").every((line) => line.length <= WIDTH)) return paragraph;
  const rows = paragraph.replace(/\n {3,}/g, " ").replace(/\n(?! )/g, " ").split("\n");
  return rows.flatMap((row) => {
    const [column = ""] = /^ +\S.*? {2,}|^Usage: /.exec(row) ?? [];
    return wrap(row, WIDTH, " ".repeat(column.length));
  }).join("\n");
}

function formatLegend(transcript: string): string {
  const rows = LEGEND.filter(({ where }) => where === undefined || where.test(transcript))
    .map(({ sign, meaning }) => `  ${sign.padEnd(8)}  ${meaning}`);
  return ["In the transcript:", ...rows].join("\n");
}
