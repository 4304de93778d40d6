/**
 * A datagram socket that does not receive.
 *
 * @module
 */

import { assertRejects } from "@std/assert";
import { openDatagramTo, sendTo } from "../../lib/socket/datagram.ts";
import { toBytes } from "./bytes.ts";

/** The number of messages that a queue holds, one more than `net.unix.max_dgram_qlen`. */
export const QUEUE = 11;

/** A bound socket whose queue is full. */
export async function makeDeaf(path: string): Promise<Deno.DatagramConn> {
  const deaf = Deno.listenDatagram({ transport: "unixpacket", path });
  using sender = await openDatagramTo(deaf.addr);
  for (let sent = 0; sent < QUEUE; sent++) await sendTo(sender, toBytes("full"), deaf.addr);
  await assertRejects(
    () => sendTo(sender, toBytes("more"), deaf.addr, 0),
    Deno.errors.WouldBlock,
    `sendto ${path}: Resource temporarily unavailable, the peer does not receive`,
  );
  return deaf;
}
