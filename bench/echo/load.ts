/**
 * The load generator of the echo benchmark: loads a server and measures what its clients observe.
 *
 * Usage: bench/echo/load.ts TRANSPORT ADDRESS [OPTION...]
 *   TRANSPORT         tcp, unix or udp
 *   ADDRESS           HOST:PORT or a path
 *   --connections N   clients that send a message, wait for its echo, and send the next (1)
 *   --size BYTES      message size (64)
 *   --bulk N          additional streams that send 64 KiB chunks as fast as possible (0)
 *   --slow N          additional clients that all send a byte every 0.6 s (0)
 *   --warmup SECONDS  duration of the warm-up before the measurement (0.5)
 *   --seconds SECONDS duration of the measurement (2)
 *   --idle            after one round trip per client, keep the connections idle until stdin ends
 *
 * Prints "measuring" when all connections are open and the warm-up is over, and at the end a line
 * of JSON with the fields of the interface Load. The latencies include the elapsed time of the
 * round trips in progress at the end.
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

/** The result, which is printed as JSON. */
export interface Load {
  /** The time until every client had completed its first round trip, in ms. */
  connectMs: number;
  /** The duration of the measurement, in seconds. */
  seconds: number;
  /** Messages echoed completely to the clients. */
  roundTrips: number;
  /** The total size of these messages. */
  bytes: number;
  /** Bytes echoed to the bulk streams. */
  bulkBytes: number;
  /** Percentiles and maximum of the latency, in microseconds. */
  p50Us: number;
  p99Us: number;
  p999Us: number;
  maxUs: number;
  /** Jain's fairness index over the clients' round trips. */
  jain: number;
  /** Clients that completed no round trip. */
  unanswered: number;
  /** Datagrams resent because they were not answered within a second. */
  lost: number;
  /** The CPU time of the load generator, in seconds. */
  cpuSeconds: number;
}

/** The size of a bulk stream's chunks in bytes. */
const BULK_PIECE = 65536;

/** The interval between two bytes of a slow client, in ms. */
const SLOW_EVERY = 600;

/** The maximum number of connection attempts in progress, below the backlog of every server. */
const OPENING = 64;

/** The time after which an unanswered datagram counts as lost, in ms. */
const LOST_AFTER = 1000;

/** A connection to the server, or a datagram socket that sends to it. */
interface Peer {
  send(message: Uint8Array): Promise<unknown>;
  receive(buffer: Uint8Array): Promise<number>;
}

/** A client, which always has one message in flight. */
interface Client {
  peer: Peer;
  roundTrips: number;
  /** The time at which the message in flight was sent. */
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
      // Larger than a message: a read that fills its buffer would leave the connection ready, and Deno
      // would serve it again before the others.
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

    async function resendLost(): Promise<never> {
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
    const losses = transport === "udp" ? [resendLost()] : [];
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
    const cpuAtEnd = cpuSeconds();
    // A lower bound for the round trips in progress, so that a starved client affects the percentiles.
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
      cpuSeconds: cpuAtEnd - cpu,
    };
    console.log(JSON.stringify(load));
    Deno.exit(0); // round trips are still in progress
  },
);

/** Opens `count` peers, at most {@linkcode OPENING} at a time. */
async function openAll(open: () => Promise<Peer>, count: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  let left = count;
  const openSome = async () => {
    while (left-- > 0) peers.push(await open());
  };
  await Promise.all(Array.from({ length: OPENING }, openSome));
  return peers;
}

/** Connects to the server, or opens a datagram socket that sends to it. */
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

/** Returns the CPU time that this process has used. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
