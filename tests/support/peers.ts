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

/** After how long without progress a write counts as blocked, in ms. */
const STALL = 500;

/** The length of the lines that {@linkcode flood} sends; byte n of a line is (n + 11) % LINE. */
export const LINE = 251;
const flow = new Uint8Array(LINE + 65536).map((_, offset) => flowAt(offset));

function flowAt(offset: number): number {
  return (offset + 11) % LINE; // at the end of a line, 10
}

/** Sends `limit` bytes, or until the connection blocks, and receives none; returns the number of bytes sent. */
export async function flood(conn: Deno.Conn, limit: number): Promise<number> {
  let sent = 0;
  while (sent < limit) {
    const start = sent % LINE;
    const writing = conn.write(flow.subarray(start, start + Math.min(limit - sent, 65536)));
    try {
      sent += await withTimeout(writing, STALL, "the server takes no more");
    } catch (error) {
      if (!(error instanceof Deno.errors.TimedOut)) throw error;
      writing.catch(() => {}); // it completes when the client receives, or fails with the connection
      break;
    }
  }
  return sent;
}

/** Receives the bytes of {@linkcode flood} until EOF; returns their number. */
export async function receiveFlood(conn: Deno.Conn): Promise<number> {
  let received = 0;
  for await (const piece of conn.readable) {
    for (const byte of piece) {
      if (byte !== flowAt(received)) throw new Error(`byte ${received} is ${byte}`);
      received++;
    }
  }
  return received;
}

/**
 * Connects and resets the connection: immediately, or when the reply to `message` begins. A Unix socket has
 * no reset: it is closed.
 */
export async function connectAndReset(address: Address, message?: Uint8Array): Promise<void> {
  const socket = "path" in address
    ? net.connect(address.path)
    : net.connect(address.port, address.hostname);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {}); // the server may close first
  if (message !== undefined) socket.write(message);
  socket.once(message === undefined ? "connect" : "readable", () => {
    if ("path" in address) socket.destroy();
    else socket.resetAndDestroy();
  });
  await closed;
}

/** Bytes that are not text, with newlines among them and none at the end. */
export const garbage: Uint8Array<ArrayBuffer> = bytes("\x1b[2J\x07\r\n\0%s\n\x9b\ufffe\n...");
garbage.set([0xff, 0xfe, 0xc0], garbage.length - 3);

/** A server whose behaviour the test defines. */
export class HostileServer implements AsyncDisposable {
  /** Resolves when a client has connected. */
  readonly met: Promise<unknown>;
  readonly #server = net.createServer();

  /** Creates a server that does not listen yet. */
  constructor(meet: (socket: net.Socket) => void) {
    this.met = once(this.#server, "connection");
    this.#server.on("connection", (socket) => {
      socket.on("error", () => {}); // the client has closed
      meet(socket);
    });
  }

  /** Listens at a path, or without one on a free port of 127.0.0.1; returns the address as a string. */
  async listen(path?: string): Promise<string> {
    if (path === undefined) this.#server.listen(0, "127.0.0.1");
    else this.#server.listen(path);
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "string" ? address : `127.0.0.1:${address?.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await once(this.#server, "close"); // when all clients have closed, too
  }
}
