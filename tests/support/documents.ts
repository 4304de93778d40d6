/**
 * The documents, as the tests read them: sections, blocks of code, tables and links.
 *
 * @module
 */

import { root, sampleFolders } from "../../contract/header.ts";

const programLinks = RegExp(
  `\\]\\((?:\\.\\./)?((?:${sampleFolders.join("|")})/[\\w/]+\\.ts)\\)`,
  "g",
);

/** Reads a file of the project. */
export function read(path: string): string {
  return Deno.readTextFileSync(`${root}${path}`);
}

/** A document's sections by their headings, without what comes before the first. */
export function sectionsOf(path: string): Map<string, string> {
  const sections = read(path).split(/^## /m).slice(1);
  return new Map(sections.map((section) => [section.split("\n", 1)[0] ?? "", section]));
}

/** The text of each code block in a language. */
export function blocks(text: string, language: string): string[] {
  const fenced = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm");
  return Array.from(text.matchAll(fenced), ([, block]) => block ?? "");
}

/** The cells of a text's table, without its head. */
export function tableIn(text: string): string[][] {
  return text.split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** The samples and workers that a text links to, by their paths from the root. */
export function linkedPrograms(text: string): string[] {
  return Array.from(text.matchAll(programLinks), ([, path]) => path ?? "");
}
