/**
 * Free ports for transcripts and tests.
 *
 * @module
 */

/** The range of {@linkcode freePort}: above the well-known ports, below the ephemeral ports. */
const [FIRST_PORT, LAST_PORT] = [10_000, 30_000];

/** The number of ports that a worker reserves. */
const BLOCK = 200;

/**
 * The listener on the first port of this worker's block. It reserves the block: while it is open, other
 * workers and processes take other blocks. The system closes it when the worker ends.
 */
const block = takeBlock();
let lastPort = block.addr.port;

function takeBlock(): Deno.TcpListener {
  const blocks = (LAST_PORT - FIRST_PORT) / BLOCK;
  const start = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const listener = listenIfFree(FIRST_PORT + (start + i) % blocks * BLOCK);
    if (listener !== undefined) return listener;
  }
  throw new Error(`all ports from ${FIRST_PORT} to ${LAST_PORT} are in use`);
}

function listenIfFree(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/**
 * Returns a free port. It is not an ephemeral port, so no client takes it before the server binds it, and
 * other test files do not use it.
 */
export function freePort(): number {
  for (;;) {
    const offset = (lastPort - block.addr.port) % (BLOCK - 1) + 1;
    lastPort = block.addr.port + offset;
    const listener = listenIfFree(lastPort);
    if (listener === undefined) continue;
    listener.close();
    return lastPort;
  }
}
