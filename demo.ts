/**
 * Plays the samples' transcripts in the order of the learning path (docs/course.md): all, or those of the
 * samples whose path contains a NAME.
 *
 * Usage: deno task demo [NAME...] [OPTION...]
 *   --step  wait for Enter after each line; at EOF on stdin, continue without waiting
 *   --slow  pause for a second after each line
 *
 * The commands of a transcript run as real processes, with the permission flags of their headers, on free
 * ports. Lines are wrapped to the width of the terminal, but not in a file or a pipe. The exit status is 1
 * if the output of a sample differs from its transcript.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { TextLineStream } from "@std/streams/text-line-stream";
import { main } from "./cli.ts";
import { wrap } from "./lib/cli/wrap.ts";
import { findSteps } from "./contract/course.ts";
import { isServer, readSample, type Sample } from "./contract/header.ts";
import { play } from "./contract/player.ts";
import { isHere } from "./contract/requirements.ts";
import header from "./demo.ts" with { type: "text" };

/** A colour for each terminal. "%c" applies it on a terminal, and is ignored in a file or a pipe. */
const colours = ["color: cyan", "color: yellow", "color: green", "color: magenta"];
const failure = "color: red";
const emphasis = "font-weight: bold";

/** The pause of `--slow`, in ms. */
const SLOW_PAUSE = 1000;

/** The width of the terminal, in characters; 80 if it is unknown. In a file or a pipe: no limit. */
const WIDTH = Deno.stdout.isTerminal() ? Deno.consoleSize().columns || 80 : Infinity;

/** The minimum width of the text beside a label, in characters. */
const MIN_WIDTH = 20;

await main(header, {
  operands: { names: [] },
  options: { step: false, slow: false },
}, async ({ names, step, slow }) => {
  const steps = findSteps(names);
  const count = steps.flatMap(({ samples }) => samples).length;
  const waitForEnter = step ? enterReader() : () => {};
  const pause = async () => {
    await waitForEnter();
    if (slow) await delay(SLOW_PAUSE);
  };

  const failed: string[] = [];
  let played = 0;
  let skipped = 0;
  for (const { number, title, samples } of steps) {
    print(emphasis, `\nstep ${number}: ${title}`);
    for (const path of samples) {
      const sample = readSample(path);
      const heading = `[${played + skipped + 1}/${count}] ${path}`;
      const [first = "", ...others] = wrap(`${heading}  ${sample.summary}`, WIDTH, "  ");
      const [bold, plain] = [first.slice(0, heading.length), first.slice(heading.length)];
      console.log("\n%c%s%c%s", emphasis, bold, "", plain);
      for (const line of others) console.log("%s", line);
      const missing = sample.needs.filter((need) => !isHere(need));
      if (missing.length > 0) {
        print("", `  skipped: this machine has no ${missing.join(", no ")}`);
        skipped++;
        continue;
      }
      played++;
      if (!await show(sample, pause)) failed.push(path);
    }
  }
  print(emphasis, `\n${played - failed.length} of ${played} played as their transcripts say`);
  if (failed.length > 0) {
    throw new Error(`output differs from the transcript: ${failed.join(", ")}`);
  }
});

/** Plays a transcript, with a pause after each line; reports whether the output matches it. */
async function show(sample: Sample, pause: () => Promise<void>): Promise<boolean> {
  const labels = sample.transcript.map(({ words }, index) => `${index + 1} ${roleOf(words)}`);
  const unfinished = labels.map(() => "");
  // Resolves when all lines so far, and the pause after each, are finished.
  let shown = Promise.resolve();
  const showLine = (terminal: number, line: string) => {
    shown = shown.then(() => {
      printBeside(labels[terminal] ?? "", colours[terminal % colours.length] ?? "", line);
      return pause();
    });
  };
  const finishLine = (terminal: number) => {
    if (unfinished[terminal]) showLine(terminal, unfinished[terminal]);
    unfinished[terminal] = "";
  };

  const { differences } = await play(sample, {
    onText(terminal, kind, text) {
      if (kind === "command") {
        showLine(terminal, `$ ${text}`);
      } else if (kind === "in") {
        finishLine(terminal); // a prompt
        showLine(terminal, `> ${text.trimEnd()}`);
      } else {
        const lines = `${unfinished[terminal]}${text}`.split("\n");
        unfinished[terminal] = lines.pop() ?? "";
        for (const line of lines) showLine(terminal, line);
      }
      return shown;
    },
  });
  for (const terminal of labels.keys()) finishLine(terminal);
  await shown;
  for (const difference of differences) print(failure, `  differs: ${difference}`);
  return differences.length === 0;
}

/** Returns the role of a command's program. */
function roleOf(words: string[]): string {
  const path = words.find((word) => word.endsWith(".ts")) ?? "";
  return isServer(path) ? "server" : "client";
}

/** Prints a line of a terminal beside its label, and the rest of a long line below it. */
function printBeside(label: string, colour: string, line: string): void {
  const indent = `  ${label} | `.length;
  const width = Math.max(WIDTH - indent, MIN_WIDTH);
  // The width of a tab depends on its column, which the label has shifted.
  const text = WIDTH === Infinity ? line : line.replaceAll("\t", "        ");
  for (const [index, piece] of wrap(text, width, "  ").entries()) {
    const shownLabel = index === 0 ? label : " ".repeat(label.length);
    console.log("  %c%s |%c %s", colour, shownLabel, "", piece);
  }
}

/** Prints lines, wrapped. */
function print(style: string, text: string): void {
  for (const line of text.split("\n")) {
    for (const piece of wrap(line, WIDTH, "    ")) console.log("%c%s", style, piece);
  }
}

/** Returns a function that waits for a line of stdin, or returns immediately at EOF. */
function enterReader(): () => Promise<void> {
  if (Deno.stdin.isTerminal()) console.error("Press Enter for the next line, ^C to end.");
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  return async () => {
    const { done } = await lines.read();
    // On a terminal, Enter is echoed: remove the empty line.
    if (!done && Deno.stdin.isTerminal() && Deno.stdout.isTerminal()) {
      await Deno.stdout.write(new TextEncoder().encode("\x1b[A\x1b[K"));
    }
  };
}
