/**
 * The order of the echo benchmark: whatever slows the machine down for a while is to hit all alike.
 *
 * @module
 */

import { strerror } from "../../mod.ts";
import type { Figures } from "./measure.ts";
import { medians, type Row, type ScenarioResult } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import type { Server } from "./servers.ts";

/** How {@linkcode measureAll} goes about it. */
export interface Run {
  measure(server: Server, scenario: Scenario): Promise<Figures>;
  /** Is told what is measured next; an empty text in the end. */
  onProgress(text: string): void;
  /** Is told what could not be measured, and why; the run goes on. */
  onFailure(text: string): void;
  /** When it aborts, so does the run. */
  signal: AbortSignal;
}

/** Measures every server in every scenario, once a round, and in each round another one first. */
export async function measureAll(
  scenarios: Scenario[],
  servers: Server[],
  rounds: number,
  { measure, onProgress, onFailure, signal }: Run,
): Promise<ScenarioResult[]> {
  const pairs = scenarios.flatMap((scenario) =>
    servers
      .filter(({ transports }) => transports.includes(scenario.transport))
      .map((server) => {
        const row: Row = { server: server.name, figures: {}, rounds: [], failures: [] };
        return { scenario, server, row };
      })
  );
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    for (const scenario of scenarios) {
      const own = pairs.filter((pair) => pair.scenario === scenario);
      const first = round % own.length;
      for (const { server, row } of [...own.slice(first), ...own.slice(0, first)]) {
        if (signal.aborted) throw new Error("the benchmark was interrupted");
        const what = `${scenario.name}: ${server.name}`;
        onProgress(`${++done} of ${rounds * pairs.length}, ${what}`);
        try {
          row.rounds.push(await measure(server, scenario));
        } catch (error) {
          row.failures.push(strerror(error));
          onFailure(`${what}: ${strerror(error)}`);
        }
      }
    }
  }
  onProgress("");
  return scenarios.map((scenario) => ({
    ...scenario,
    rows: pairs
      .filter((pair) => pair.scenario === scenario)
      .map(({ row }) => ({ ...row, figures: medians(row.rounds) })),
  }));
}
