/**
 * Tests that are skipped where what they need is missing.
 *
 * @module
 */

import { temporaryFolder } from "../../contract/process.ts";
import { isHere, type Need } from "../../contract/requirements.ts";

/**
 * `Deno.test`, but where something is missing the test is ignored, and its name says what. It gets a
 * folder of its own.
 */
export function testWith(
  needs: Need[],
  name: string,
  fn: (folder: string) => void | Promise<void>,
): void {
  const missing = needs.filter((need) => !isHere(need));
  Deno.test({
    name: missing.length === 0 ? name : `${name} (no ${missing.join(", no ")})`,
    ignore: missing.length > 0,
    fn: async () => {
      await using folder = await temporaryFolder();
      await fn(folder.path);
    },
  });
}
