/**
 * The load generator of the echo benchmark: keeps a server busy, and measures what its clients see.
 *
 * Usage: bench/echo/load.ts TRANSPORT ADDRESS [OPTION...]
 *   TRANSPORT         tcp, unix or udp
 *   ADDRESS           HOST:PORT or a path
 *   --connections N   clients that send a message, wait for all of it, and send the next (1)
 *   --size BYTES      of a message (64)
 *   --bulk N          streams beside them that send 64 KiB pieces as fast as they can (0)
 *   --slow N          clients beside them that send a byte every 0.6 s, all at the same time (0)
 *   --warmup SECONDS  before anything counts (0.5)
 *   --seconds SECONDS measured (2)
 *   --idle            hold the connections, as they are after a first round trip, until stdin ends
 *
 * When all connections are open and warm it prints "measuring", and in the end a line of JSON: the
 * time until all had made a first round trip, by which the server has accepted them;
 * latencies in microseconds over all round trips, those that the end cut off with their age so far;
 * Jain's index over the round trips of each client; how many clients got no reply at all; datagrams
 * without an answer for a second, which are sent again; and its own CPU time.
 *
 * bench/echo/load.c is the same program in C.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import process from "node:process";
import { count, main, oneOf, required, seconds, text, UsageError } from "../../cli.ts";
import { writeN } from "../../mod.ts";
import header from "./load.ts" with { type: "text" };
import { jain, Latencies, percentile } from "./statistics.ts";

/** What is measured, as it is printed. */
export interface Load {
  /** Until all connections had been served once, in ms. */
  connectMs: number;
  /** How long was measured. */
  seconds: number;
  /** Messages that came back whole to the clients. */
  roundTrips: number;
  /** The bytes of those. */
  bytes: number;
  /** Bytes that came back to the bulk streams. */
  bulkBytes: number;
  p50Us: number;
  p99Us: number;
  p999Us: number;
  maxUs: number;
  /** Jain's fairness index over the clients' round trips. */
  jain: number;
  /** Clients without a single round trip. */
  unanswered: number;
  /** Datagrams that were given up. */
  lost: number;
  /** What this took of the generator's own processor. */
  cpuSeconds: number;
}

/** What a bulk stream sends at once, in bytes. */
const BULK_PIECE = 65536;

/** How often a slow client sends a byte, in ms. */
const SLOW_EVERY = 600;

/** How many connections are being opened at once: fewer than any backlog holds. */
const OPENING = 64;

/** Until a datagram counts as lost, in ms. */
const LOST_AFTER = 1000;

/** What the server is reached by: one of its connections, or a socket that sends to it. */
interface Peer {
  send(message: Uint8Array): Promise<unknown>;
  receive(buffer: Uint8Array): Promise<number>;
}

/** A client: it always has one message under way. */
interface Client {
  peer: Peer;
  roundTrips: number;
  /** When the message that is under way was sent. */
  since: number;
}

await main(
  header,
  {
    operands: { transport: required(oneOf("tcp", "unix", "udp")), address: required(text) },
    options: {
      connections: count(1),
      size: count(64),
      bulk: count(0),
      slow: count(0),
      warmup: seconds(0.5),
      seconds: seconds(2),
      idle: false,
    },
  },
  async (
    { transport, address, connections, size, bulk, slow, warmup, seconds: duration, idle },
  ) => {
    const opening = performance.now();
    const peers = await openAll(() => open(transport, address), connections + bulk + slow);
    const slowPeers = peers.splice(0, slow);
    const clients = peers.slice(bulk).map((peer): Client => ({ peer, roundTrips: 0, since: 0 }));
    const message = new Uint8Array(size).fill(0x2e);
    const latencies = new Latencies();
    let bulkBytes = 0;
    let lost = 0;

    async function makeRoundTrip(client: Client, buffer: Uint8Array): Promise<void> {
      client.since = performance.now();
      const sent = client.peer.send(message);
      for (let received = 0; received < size;) received += await client.peer.receive(buffer);
      await sent;
      client.roundTrips++;
      latencies.add(performance.now() - client.since);
    }

    async function makeRoundTrips(client: Client): Promise<never> {
      // A read that fills its buffer would leave its connection ready for another, ahead of the others.
      const buffer = new Uint8Array(size + 1024);
      for (;;) await makeRoundTrip(client, buffer);
    }

    async function sendBulk(peer: Peer): Promise<never> {
      const piece = new Uint8Array(BULK_PIECE).fill(0x2e);
      for (;;) await peer.send(piece);
    }

    async function receiveBulk(peer: Peer): Promise<never> {
      const buffer = new Uint8Array(BULK_PIECE);
      for (;;) bulkBytes += await peer.receive(buffer);
    }

    async function sendSlowly(): Promise<never> {
      const byte = new Uint8Array(1);
      for (let due = performance.now();;) {
        for (const peer of slowPeers) await peer.send(byte);
        due += SLOW_EVERY;
        await delay(due - performance.now());
      }
    }

    async function discard(peer: Peer): Promise<never> {
      const buffer = new Uint8Array(80);
      for (;;) await peer.receive(buffer);
    }

    async function sendLostAgain(): Promise<never> {
      for (;;) {
        await delay(LOST_AFTER / 4);
        const now = performance.now();
        for (const client of clients.filter(({ since }) => now - since > LOST_AFTER)) {
          lost++;
          client.since = now;
          await client.peer.send(message);
        }
      }
    }

    let [began, cpu] = [0, 0];
    const start = () => {
      console.log("measuring");
      [began, cpu] = [performance.now(), cpuSeconds()];
    };
    const losses = transport === "udp" ? [sendLostAgain()] : [];
    const firstRoundTrips = clients.map((client) => makeRoundTrip(client, new Uint8Array(size)));
    await Promise.race([Promise.all(firstRoundTrips), ...losses]);
    const connectMs = performance.now() - opening;
    if (idle) {
      start();
      await Array.fromAsync(Deno.stdin.readable);
    } else {
      const busy = [
        ...losses,
        ...clients.map(makeRoundTrips),
        ...peers.slice(0, bulk).flatMap((peer) => [sendBulk(peer), receiveBulk(peer)]),
        ...slow > 0 ? [sendSlowly(), ...slowPeers.map(discard)] : [],
      ];
      await Promise.race([delay(warmup), ...busy]);
      for (const client of clients) client.roundTrips = 0;
      latencies.clear();
      bulkBytes = lost = 0;
      start();
      await Promise.race([delay(duration), ...busy]);
    }

    const ended = performance.now();
    const cpuInAll = cpuSeconds();
    // What is under way has taken this long at least: left out, a client that starves would not show.
    if (!idle) { for (const { since } of clients) latencies.add(ended - since); }
    const sorted = latencies.sorted();
    const us = (p: number) => percentile(sorted, p) * 1000;
    const shares = clients.map(({ roundTrips }) => roundTrips);
    const roundTrips = shares.reduce((sum, share) => sum + share);
    const load: Load = {
      connectMs,
      seconds: (ended - began) / 1000,
      roundTrips,
      bytes: roundTrips * size,
      bulkBytes,
      p50Us: us(0.5),
      p99Us: us(0.99),
      p999Us: us(0.999),
      maxUs: us(1),
      jain: jain(shares),
      unanswered: shares.filter((share) => share === 0).length,
      lost,
      cpuSeconds: cpuInAll - cpu,
    };
    console.log(JSON.stringify(load));
    Deno.exit(0); // with all that is under way
  },
);

/** Opens so many peers, not too many at once. */
async function openAll(open: () => Promise<Peer>, count: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  let left = count;
  const openSome = async () => {
    while (left-- > 0) peers.push(await open());
  };
  await Promise.all(Array.from({ length: OPENING }, openSome));
  return peers;
}

/** Opens a way to the server. */
async function open(transport: "tcp" | "unix" | "udp", address: string): Promise<Peer> {
  if (transport === "unix") return stream(await Deno.connect({ transport, path: address }));
  const { hostname, port } = parseAddress(address);
  if (transport === "udp") {
    const socket = Deno.listenDatagram({ transport, hostname: "127.0.0.1", port: 0 });
    const server: Deno.NetAddr = { transport, hostname, port };
    return {
      send: (message) => socket.send(message, server),
      receive: async (buffer) => (await socket.receive(buffer))[0].length,
    };
  }
  const conn = await Deno.connect({ hostname, port });
  conn.setNoDelay(true);
  return stream(conn);
}

function stream(conn: Deno.Conn): Peer {
  return {
    send: (message) => writeN(conn, message),
    async receive(buffer) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("the server closed a connection");
      return count;
    },
  };
}

function parseAddress(text: string): { hostname: string; port: number } {
  const [, hostname, port] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (hostname === undefined) throw new UsageError(`${JSON.stringify(text)} is not HOST:PORT`);
  return { hostname, port: Number(port) };
}

/** The CPU time that this process has taken so far. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
