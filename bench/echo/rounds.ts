/**
 * Runs the measurements of the echo benchmark in interleaved rounds, so that a temporary slowdown
 * of the machine affects all servers equally.
 *
 * @module
 */

import { strerror } from "../../mod.ts";
import type { Figures } from "./measure.ts";
import { medians, type Row, type ScenarioResult } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import type { Server } from "./servers.ts";

/** The callbacks of {@linkcode measureAll}. */
export interface Run {
  measure(server: Server, scenario: Scenario): Promise<Figures>;
  /** Called before each measurement, and with an empty string at the end. */
  onProgress(text: string): void;
  /** Called with each measurement that failed, and the cause. */
  onFailure(text: string): void;
  /** Aborts the run before the next measurement. */
  signal: AbortSignal;
}

/**
 * Measures every server in every scenario once per round. Each round starts with a different server.
 *
 * @param scenarios The scenarios, in order.
 * @param servers The servers; each takes part in the scenarios whose transport it supports.
 * @param rounds The number of rounds.
 * @param run The callbacks, and the signal that aborts the run.
 * @returns The medians over the rounds.
 * @throws {Error} If the signal aborts.
 */
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
