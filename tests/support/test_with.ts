/**
 * Tests with requirements, which are ignored where one is missing.
 *
 * @module
 */

import { temporaryFolder } from "../../contract/process.ts";
import { isHere, type Need } from "../../contract/requirements.ts";
import { many } from "./many.ts";

/**
 * Registers a test that gets a temporary folder.
 *
 * @param needs What it requires. Where something is missing, the test is ignored, and its name says what
 * is missing.
 * @param name Its name.
 * @param fn The test.
 */
export function testWith(
  needs: Need[],
  name: string,
  fn: (folder: string) => void | Promise<void>,
): void {
  Deno.test(definition({ needs, name, fn }));
}

/** A step of {@linkcode testSteps}. */
export interface Step {
  name: string;
  /** What it requires. Default: nothing. */
  needs?: Need[];
  fn: (folder: string) => void | Promise<void>;
}

/**
 * Registers a test of independent steps, which run concurrently: most of them wait for timers.
 *
 * @param name Its name.
 * @param steps The steps. Each gets a temporary folder.
 * @param atOnce How many run at once. Default 4.
 */
export function testSteps(name: string, steps: Step[], atOnce: number = 4): void {
  // Sanitizers cannot tell concurrent steps apart.
  const sanitizers = { sanitizeExit: false, sanitizeOps: false, sanitizeResources: false };
  Deno.test({
    name,
    ...sanitizers,
    async fn(t) {
      await many(steps, atOnce, async (step) => {
        await t.step({ ...definition(step), ...sanitizers });
      });
    },
  });
}

function definition({ name, needs = [], fn }: Step) {
  const missing = needs.filter((need) => !isHere(need));
  return {
    name: missing.length === 0 ? name : `${name} (no ${missing.join(", no ")})`,
    ignore: missing.length > 0,
    fn: async () => {
      await using folder = await temporaryFolder();
      await fn(folder.path);
    },
  };
}
