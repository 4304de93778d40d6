/**
 * Python as an oracle: what a script of its own says.
 *
 * @module
 */

import { environment } from "../../contract/process.ts";

/** What a script prints as JSON, or null where it or python3 itself fails. */
export async function python3<T>(...args: string[]): Promise<T | null> {
  try {
    const options = { args, clearEnv: true, env: environment() };
    const { success, stdout } = await new Deno.Command("python3", options).output();
    return success ? await new Response(stdout).json() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
