/**
 * The samples' calls of `main`, without running the samples.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { root, sampleFolders } from "../../contract/header.ts";
import { Process, temporaryFolder } from "../../contract/process.ts";

/**
 * Runs a program in which the samples' `main` records its arguments instead of running the sample.
 *
 * @param body The body of an async function, which returns the result. In scope are `input`;
 * `await mainOf(path)`, which returns the `syntax` and the `body` that a sample passes to `main`;
 * `parseCommandLine` and `UsageError`.
 * @param input The input of the function, which JSON must be able to represent.
 * @returns The result, by way of JSON.
 */
export async function runWithMains<T>(body: string, input: unknown): Promise<T> {
  await using folder = await temporaryFolder();
  const at = (name: string) => `file://${folder.path}/${name}`;
  const base = `file://${root}`;
  const { imports } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`));
  const stub = { [`${base}cli.ts`]: at("cli.ts") };
  const scopes = Object.fromEntries(sampleFolders.map((folder) => [`${base}${folder}/`, stub]));
  const files = {
    "imports.json": JSON.stringify({ imports, scopes }),
    "input.json": JSON.stringify(input),
    "cli.ts": `
      export * from "${base}cli.ts";
      export const calls = [];
      export function main(_header, syntax, body) {
        calls.push({ syntax, body });
      }`,
    "program.ts": `
      import { calls } from "./cli.ts";
      import input from "./input.json" with { type: "json" };
      import { parseCommandLine } from "${base}lib/cli/_command_line.ts";
      import { UsageError } from "${base}lib/cli/usage_error.ts";
      const mainOf = async (path) => {
        await import("${base}" + path);
        return calls.pop();
      };
      const run = async () => { ${body} };
      console.log(JSON.stringify(await run()));`,
  };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${folder.path}/${name}`, text);
  }
  const flags = [`--import-map=${at("imports.json")}`, "--no-lock", "--no-prompt"];
  const program = `${folder.path}/program.ts`;
  const args = ["run", ...flags, "--allow-read", "--allow-import", program];
  await using process = new Process(args, false);
  assertEquals(await process.exits(), 0, process.describe());
  return JSON.parse(process.stdout);
}
