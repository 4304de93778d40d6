/**
 * Servers that a test starts on a free port or a path.
 *
 * @module
 */

import { type Process, startSample } from "../../contract/process.ts";

/** The port on which a process says that it listens. */
export async function listeningPort(process: Process): Promise<number> {
  const [, port] = await process.prints(/listening on .*[: ](\d+)$/im);
  return Number(port);
}

/**
 * Starts a server on a free port, and waits until it listens.
 *
 * @param path The sample.
 * @param hostname The address to bind.
 * @param grants What replaces the addresses in its flags.
 * @param options Its options.
 * @returns The server and the port.
 */
export async function startServer(
  path: string,
  hostname: string,
  grants: Record<string, string>,
  ...options: string[]
): Promise<{ server: Process; port: number }> {
  const server = startSample(path, [hostname, "0", ...options], grants);
  return { server, port: await listeningPort(server) };
}

/** Starts the Unix echo server on a path, and waits until it listens. */
export async function startUnixServer(path: string, ...options: string[]): Promise<Process> {
  const sample = "unix/stream_echo_server.ts";
  const server = startSample(sample, [path, ...options], { "/tmp/stream_echo.sock": path });
  await server.prints(/^listening on /m);
  return server;
}
