import { assert, assertStringIncludes } from "@std/assert";
import { root } from "../../contract/header.ts";

// docs/platforms.md quotes Deno's own documentation as it is.

const path = "docs/platforms.md";

const { stdout } = new Deno.Command(Deno.execPath(), { args: ["types"] }).outputSync();

/** A text on one line, without the marks of comments, quotations and emphasis. */
function plain(text: string): string {
  return text.replace(/^ *(?:\*|>) ?/gm, "").replace(/[*_](?=\S)|(?<=\S)[*_]/g, "")
    .replace(/\s+/g, " ").trim();
}

const types = plain(new TextDecoder().decode(stdout));
const quotations = Deno.readTextFileSync(`${root}${path}`).match(/(?:^>.*\n)+/gm) ?? [];

Deno.test(`${path}: deno types has every quotation`, () => {
  assert(quotations.length > 0);
  for (const quotation of quotations) assertStringIncludes(types, plain(quotation));
});
