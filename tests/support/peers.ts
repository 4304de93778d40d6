/**
 * Hostile peers: clients that reset or do not read, and servers that misbehave.
 *
 * @module
 */

import net from "node:net";
import { once } from "node:events";
import { withTimeout } from "../../lib/io/timeout.ts";
import { bytes } from "./bytes.ts";
import type { Address } from "./server.ts";

/** How long a peer may make no progress before it counts as one that takes no more, in ms. */
const STALL = 500;

/** How long the lines are that {@linkcode flood} sends; byte n of a line is n + 11 modulo it. */
export const LINE = 251;
const flow = new Uint8Array(LINE + 65536).map((_, offset) => flowAt(offset));

function flowAt(offset: number): number {
  return (offset + 11) % LINE; // at the end of a line, 10
}

/** Sends `limit` bytes and receives none, or stops when no more are taken; returns how many were. */
export async function flood(conn: Deno.Conn, limit: number): Promise<number> {
  let sent = 0;
  while (sent < limit) {
    const start = sent % LINE;
    const writing = conn.write(flow.subarray(start, start + Math.min(limit - sent, 65536)));
    try {
      sent += await withTimeout(writing, STALL, "the server takes no more");
    } catch (error) {
      if (!(error instanceof Deno.errors.TimedOut)) throw error;
      writing.catch(() => {}); // it goes on when the client receives, or ends with the connection
      break;
    }
  }
  return sent;
}

/** Receives what {@linkcode flood} sent, to the end of the stream; returns how many bytes came. */
export async function receiveFlood(conn: Deno.Conn): Promise<number> {
  let received = 0;
  for await (const piece of conn.readable) {
    for (const byte of piece) {
      if (byte !== flowAt(received)) throw new Error(`byte ${received} came back as ${byte}`);
      received++;
    }
  }
  return received;
}

/**
 * Connects and resets the connection: at once, or when the answer to `message` begins. A Unix socket
 * knows no reset: there it is closed.
 */
export async function connectAndReset(address: Address, message?: Uint8Array): Promise<void> {
  const socket = "path" in address
    ? net.connect(address.path)
    : net.connect(address.port, address.hostname);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {}); // the server may be quicker
  if (message !== undefined) socket.write(message);
  socket.once(message === undefined ? "connect" : "readable", () => {
    if ("path" in address) socket.destroy();
    else socket.resetAndDestroy();
  });
  await closed;
}

/** Some bytes that are no text, with lines among them, and no newline at the end. */
export const garbage: Uint8Array<ArrayBuffer> = bytes("\x1b[2J\x07\r\n\0%s\n\x9b\ufffe\n...");
garbage.set([0xff, 0xfe, 0xc0], garbage.length - 3);

/** A server that does to its clients as it likes. */
export class HostileServer implements AsyncDisposable {
  /** Resolves when a client is there. */
  readonly met: Promise<unknown>;
  readonly #server = net.createServer();

  /** Makes a server that has yet to be told where to listen. */
  constructor(meet: (socket: net.Socket) => void) {
    this.met = once(this.#server, "connection");
    this.#server.on("connection", (socket) => {
      socket.on("error", () => {}); // the client has gone
      meet(socket);
    });
  }

  /** Listens at a path, or without one on a free port of 127.0.0.1; returns the address in words. */
  async listen(path?: string): Promise<string> {
    if (path === undefined) this.#server.listen(0, "127.0.0.1");
    else this.#server.listen(path);
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "string" ? address : `127.0.0.1:${address?.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, "close"); // when all clients have gone, too
  }
}
