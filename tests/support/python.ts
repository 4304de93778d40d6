/**
 * Python as an oracle.
 *
 * @module
 */

import { environment } from "../../contract/process.ts";

/** The JSON that a script prints, or null if it fails or there is no python3. */
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
