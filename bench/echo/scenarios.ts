/**
 * What the echo benchmark measures.
 *
 * @module
 */

import type { Transport } from "./servers.ts";

/** A shape of load. */
export interface Scenario {
  /** As it is called in the tables: "tcp 64 x 64 B". */
  name: string;
  transport: Transport;
  /** Clients that each have one message under way. */
  connections: number;
  /** The size of a message in bytes. */
  size: number;
  /** Streams beside them that send as fast as they can. */
  bulk: number;
  /** Clients beside them that send a byte now and then, all at the same time. */
  slow: number;
  /** Whether the connections only stay open, so that their memory can be measured. */
  isIdle: boolean;
}

const KIB = 1024;

/** All of them, in the order of the tables. */
export const scenarios: Scenario[] = [
  ...streamScenarios("tcp"),
  ...streamScenarios("unix"),
  // More datagrams than about 270 at once are more than a receive buffer holds, and would be lost.
  ...[1, 64, 256].map((connections) => scenario("udp", connections, 64)),
];

function streamScenarios(transport: Transport): Scenario[] {
  return [
    ...[1, 64, 1000, 4000].map((connections) => scenario(transport, connections, 64)),
    scenario(transport, 64, 64 * KIB),
    scenario(transport, 992, 64, { bulk: 8 }),
    scenario(transport, 1, 64, { slow: 4000 }),
    scenario(transport, 1000, 64, { isIdle: true }),
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
    ? `${transport} idle`
    : bulk > 0
    ? `${shape} beside ${bulk} bulk streams`
    : slow > 0
    ? `${shape} beside ${slow} slow clients`
    : shape;
  return { name, transport, connections, size, bulk, slow, isIdle };
}
