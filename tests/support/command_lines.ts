/**
 * Many command lines of the samples, in one process.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Process, temporaryFolder } from "../../contract/process.ts";
import { root } from "../../contract/header.ts";

/** The outcome of a command line. */
export interface Outcome {
  /** The exit status. */
  status: number;
  /** The error's message. */
  message: string;
}

/**
 * Runs samples with wrong command lines, without any permission.
 *
 * `main` is replaced by a function that records its arguments. The process then parses each command line
 * with the sample's syntax, as `main` does, and catches the errors of its body.
 *
 * @param commandLines The samples' paths, each with its arguments.
 * @returns The outcomes, in order.
 */
export async function tryCommandLines(
  commandLines: [path: string, args: string[]][],
): Promise<Outcome[]> {
  await using folder = await temporaryFolder();
  const at = (name: string) => `file://${folder.path}/${name}`;
  const base = `file://${root}`;
  const { imports } = JSON.parse(Deno.readTextFileSync(`${root}deno.json`));
  const stub = { [`${base}cli.ts`]: at("cli.ts") };
  const scopes = { [`${base}servers/`]: stub, [`${base}clients/`]: stub, [`${base}unix/`]: stub };
  const paths = [...new Set(commandLines.map(([path]) => path))];
  const files = {
    "imports.json": JSON.stringify({ imports, scopes }),
    "command_lines.json": JSON.stringify(commandLines),
    "cli.ts": `
      export * from "${base}cli.ts";
      export const calls = [];
      export function main(_header, syntax, body) {
        calls.push({ syntax, body });
      }`,
    "program.ts": `
      import commandLines from "./command_lines.json" with { type: "json" };
      import { parseCommandLine } from "${base}lib/cli/_command_line.ts";
      import { UsageError } from "${base}lib/cli/usage_error.ts";
      import { calls } from "./cli.ts";
      const mains = {};
      for (const path of ${JSON.stringify(paths)}) {
        await import("${base}" + path);
        mains[path] = calls.pop();
      }
      for (const name of ["read", "import"]) await Deno.permissions.revoke({ name });
      const outcomes = [];
      for (const [path, args] of commandLines) {
        const { syntax, body } = mains[path];
        try {
          await body(await parseCommandLine(args, syntax));
          outcomes.push({ status: 0, message: "" });
        } catch (error) {
          const status = error instanceof UsageError ? error.status : 1;
          outcomes.push({ status, message: String(error?.message ?? error) });
        }
      }
      console.log(JSON.stringify(outcomes));`,
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
