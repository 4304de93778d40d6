/**
 * The scenarios of the echo benchmark.
 *
 * @module
 */

import type { Transport } from "./servers.ts";

/** A kind of load. */
export interface Scenario {
  /** The title of its table, for example "tcp 64 x 64 B". */
  name: string;
  transport: Transport;
  /** The number of clients, each with one message in flight. */
  connections: number;
  /** The message size in bytes. */
  size: number;
  /** The number of additional streams that send as fast as possible. */
  bulk: number;
  /** The number of additional clients that all send a byte at the same intervals. */
  slow: number;
  /** Whether the connections stay idle, to measure their memory. */
  isIdle: boolean;
}

const KIB = 1024;

/** All scenarios, in the order of the tables. */
export const scenarios: Scenario[] = [
  ...streamScenarios("tcp"),
  ...streamScenarios("unix"),
  // The default receive buffer holds about 270 datagrams; more clients would lose some.
  ...[1, 64, 256].map((connections) => scenario("udp", connections, 64)),
];

/** The names of the scenarios that the README shows. */
export const summary: string[] = ["tcp 64 x 64 B", "tcp 1000 x 64 B", "udp 64 x 64 B"];

function streamScenarios(transport: Transport): Scenario[] {
  return [
    ...[1, 64, 1000, 4000].map((connections) => scenario(transport, connections, 64)),
    scenario(transport, 64, 64 * KIB),
    scenario(transport, 992, 64, { bulk: 8 }),
    scenario(transport, 1, 64, { slow: 4000 }),
    scenario(transport, 4000, 64, { isIdle: true }),
  ];
}

function scenario(
  transport: Transport,
  connections: number,
  size: number,
  { bulk = 0, slow = 0, isIdle = false } = {},
): Scenario {
  const bytes = size < KIB ? `${size} B` : `${size / KIB} KiB`;
  const shape = `${transport} ${connections} x ${bytes}`;
  const name = isIdle
    ? `${transport} ${connections} idle`
    : bulk > 0
    ? `${shape} with ${bulk} bulk streams`
    : slow > 0
    ? `${shape} with ${slow} slow clients`
    : shape;
  return { name, transport, connections, size, bulk, slow, isIdle };
}
