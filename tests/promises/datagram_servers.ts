/**
 * The programs that bind datagram sockets or Unix paths, as the promises' tests start them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { encodeRequest } from "../../protocols/calculator.ts";
import type { Need } from "../../contract/requirements.ts";
import { type Process, startSample } from "../../contract/process.ts";

/** A program that binds a path, and the path that its flags name. */
export interface PathProgram {
  sample: string;
  /** Its arguments, for a path of the test's. */
  args: (path: string) => string[];
  /** What its flags name, and what is granted in its place. */
  grants: (path: string) => Record<string, string>;
  /** Whether it reads stdin. */
  reads: boolean;
  /** What it prints when it has bound the path; null if it prints nothing. */
  ready: RegExp | null;
}

/** The programs that bind a path. */
export const pathPrograms: PathProgram[] = [
  {
    sample: "unix/stream_echo_server.ts",
    args: (path) => [path],
    grants: (path) => ({ "/tmp/stream_echo.sock": path }),
    reads: false,
    ready: /^listening on /m,
  },
  {
    sample: "unix/dgram_echo_server.ts",
    args: (path) => [path],
    grants: (path) => ({
      "/tmp/dgram_echo.sock": path,
      "/tmp/dgram_echo_client.sock": `${path}.client`,
    }),
    reads: false,
    ready: /^listening on /m,
  },
  {
    sample: "unix/dgram_receive.ts",
    args: (path) => [path],
    grants: (path) => ({ "/tmp/dgram.sock": path }),
    reads: false,
    ready: /^listening on /m,
  },
  {
    sample: "unix/dgram_echo_client.ts",
    args: (path) => [`${path}.server`, path, "--timeout=60"],
    grants: (path) => ({
      "/tmp/dgram_echo.sock": `${path}.server`,
      "/tmp/dgram_echo_client.sock": path,
    }),
    reads: true,
    ready: null,
  },
];

/** Starts a program that binds a path, and waits until it has done so. */
export async function startAt(program: PathProgram, path: string): Promise<Process> {
  const { sample, args, grants, reads, ready } = program;
  const process = startSample(sample, args(path), grants(path), reads);
  if (ready !== null) await process.prints(ready);
  else await waitFor(() => modeOf(path) === "600", `${sample} does not bind ${path}`);
  return process;
}

/** A file's mode, or null if there is none. */
export function modeOf(path: string): string | null {
  try {
    return ((Deno.lstatSync(path).mode ?? 0) & 0o777).toString(8);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Waits until a condition holds. */
export async function waitFor(condition: () => boolean, message: string): Promise<void> {
  const deadline = AbortSignal.timeout(30_000);
  while (!condition()) {
    assert(!deadline.aborted, message);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A UDP server that replies to each message. */
export interface UdpServer {
  sample: string;
  host: string;
  request: Uint8Array<ArrayBuffer>;
  /** What answers the request, in hexadecimal. */
  reply: string;
}

const hello = new TextEncoder().encode("hello");

/** The UDP servers that reply. */
export const udpServers: UdpServer[] = [
  {
    sample: "servers/udp_echo.ts",
    host: "127.0.0.1",
    request: hello,
    reply: hello.toHex(),
  },
  {
    sample: "servers/udp_echo_prefork.ts",
    host: "127.0.0.1",
    request: hello,
    reply: hello.toHex(),
  },
  {
    sample: "servers/udp_sum.ts",
    host: "127.0.0.1",
    request: new Uint8Array([0, 0, 0, 5, 0, 0, 0, 7]),
    reply: "0000000c",
  },
  {
    sample: "servers/udp_calculator.ts",
    host: "::1",
    request: encodeRequest({ operation: "+", ascii: false, numbers: [5, 7] }),
    reply: "800000000c",
  },
];

/** Starts a server on a free port of a host, which is granted whole; returns it and its address. */
export async function startUdp(
  { sample, host }: UdpServer,
  ...options: string[]
): Promise<{ server: Process; address: Deno.NetAddr }> {
  const server = startSample(sample, [host, "0", ...options]);
  const [, port] = await server.prints(/^listening on .*:(\d+)$/m);
  return { server, address: { transport: "udp", hostname: host, port: Number(port) } };
}

/** What the tests that are for each UDP server need. */
export function needsOf({ host }: UdpServer): Need[] {
  return host.includes(":") ? ["IPv6"] : [];
}

/** Asserts that a process ends with a status within a time that is no grace period's end. */
export async function assertEndsInTime(
  process: Process,
  status: number,
  ms: number,
): Promise<void> {
  const start = performance.now();
  assertEquals(await process.exits(), status, process.describe());
  const took = performance.now() - start;
  assert(took < ms, `it took ${took} ms to end: ${process.describe()}`);
}
