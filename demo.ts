/**
 * Plays the samples' transcripts, live: `deno task demo` all of them, `deno task demo NAME...` those
 * whose path contains a name.
 *
 * Each is run as its header says, as real processes under the header's own permission flags, on free
 * ports. The exit status is 1 if one prints something else than its transcript says.
 *
 * @module
 */

import { strerror } from "./mod.ts";
import { isHere } from "./contract/requirements.ts";
import { play } from "./contract/player.ts";
import { findSamples, readSample, type Sample } from "./contract/header.ts";

/** A colour for each terminal; "%c" prints it on a terminal and nothing elsewhere. */
const colours = ["color: cyan", "color: yellow", "color: green", "color: magenta"];
const failure = "color: red";
const emphasis = "font-weight: bold";

let chosen: string[] = [];
try {
  chosen = findSamples(Deno.args);
} catch (error) {
  console.error(strerror(error));
  Deno.exit(2);
}

const failed: string[] = [];
let skipped = 0;
for (const [index, path] of chosen.entries()) {
  const sample = readSample(path);
  console.log(`\n%c[${index + 1}/${chosen.length}] ${path}%c  ${sample.summary}`, emphasis, "");
  if (sample.usesIpv6 && !isHere("IPv6")) {
    console.log("  skipped: this machine has no IPv6");
    skipped++;
  } else if (!await show(sample)) {
    failed.push(path);
  }
}

const played = chosen.length - skipped;
const asWritten = played - failed.length;
console.log(`\n%c${asWritten} of ${played} played as their transcripts say`, emphasis);
for (const path of failed) console.log(`%cnot as written: ${path}`, failure);
Deno.exit(failed.length === 0 ? 0 : 1);

/** Plays one transcript, line by line; true if it went as written. */
async function show(sample: Sample): Promise<boolean> {
  const names = sample.transcript.map(({ words }, index) => {
    const path = words.find((word) => word.endsWith(".ts")) ?? "";
    return `${index + 1} ${/server/.test(path) ? "server" : "client"}`;
  });
  const unfinished = names.map(() => "");
  const print = (terminal: number, line: string) => {
    const name = names[terminal] ?? "";
    console.log(`  %c${name} |%c ${line}`, colours[terminal % colours.length], "");
  };
  const { differences } = await play(sample, {
    onText(terminal, kind, text) {
      if (kind === "command") return print(terminal, `$ ${text}`);
      if (kind === "in") return print(terminal, `> ${text.trimEnd()}`);
      const lines = `${unfinished[terminal]}${text}`.split("\n");
      unfinished[terminal] = lines.pop() ?? "";
      for (const line of lines) print(terminal, line);
    },
  });
  for (const difference of differences) console.log(`  %cnot as written: ${difference}`, failure);
  return differences.length === 0;
}
