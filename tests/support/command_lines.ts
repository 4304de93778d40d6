/**
 * Many command lines of the samples, in one process.
 *
 * @module
 */

import { runWithMains } from "./mains.ts";

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
  return await runWithMains(
    `const mains = {};
    for (const [path] of input) mains[path] ??= await mainOf(path);
    for (const name of ["read", "import"]) await Deno.permissions.revoke({ name });
    const outcomes = [];
    for (const [path, args] of input) {
      const { syntax, body } = mains[path];
      try {
        await body(await parseCommandLine(args, syntax));
        outcomes.push({ status: 0, message: "" });
      } catch (error) {
        const status = error instanceof UsageError ? error.status : 1;
        outcomes.push({ status, message: String(error?.message ?? error) });
      }
    }
    return outcomes;`,
    commandLines,
  );
}
