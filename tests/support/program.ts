/**
 * Programs as text: run by Deno, python3 or the shell.
 *
 * @module
 */

import { Process } from "../../contract/process.ts";

/** Runs a TypeScript program under the given permission flags until it exits. */
export async function runProgram(program: string, ...flags: string[]): Promise<Process> {
  await using process = new Process(["run", "--no-prompt", ...flags, "-"], true);
  await process.type(program);
  await process.endInput();
  await process.exits();
  return process;
}

/**
 * Evaluates an expression in a process under the given permission flags; `net` in it is the library.
 * Returns its value as JSON, or its error.
 */
export async function evaluate(expression: string, ...flags: string[]): Promise<string> {
  const program = `
    import * as net from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
    const print = (value) => console.log(JSON.stringify(value));
    await (${expression}).then(print, (error) => console.log(net.strerror(error)));
  `;
  const { stdout, stderr } = await runProgram(program, ...flags);
  return stdout.trimEnd() || stderr;
}

/** Starts a TypeScript program with every permission, and its stdin open. */
export function startProgram(program: string, ...args: string[]): Process {
  return new Process(["eval", program, ...args], true);
}

/** Starts a Python program. */
export function startPython(program: string, ...args: string[]): Process {
  return new Process(["-c", program, ...args], false, undefined, "python3");
}

/** Starts a sample in a shell script, in which `"$@"` is its command, under the given flags. */
export function startInShell(
  script: string,
  path: string,
  args: string[],
  flags: string[] = ["--allow-all"],
): Process {
  const command = [Deno.execPath(), "run", "--quiet", ...flags, path, ...args];
  return new Process(["-c", script, "sh", ...command], true, undefined, "sh");
}
