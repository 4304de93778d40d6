import { assert, assertEquals } from "@std/assert";
import { Process } from "../../contract/process.ts";
import { testWith } from "../support/test_with.ts";

// Leaks of descriptors and memory.

/** The number of connections between the measurements. */
const COUNT = 100_000;

/** More than the noise, and less than 100 bytes a connection, in bytes. */
const MAX_HEAP = 4e6;

/** The same outside of the heap, where the noise is higher, in bytes. */
const MAX_OUTSIDE = 16e6;

const program = (path: string) => `
  import * as posix from ${JSON.stringify(import.meta.resolve("../../posix.ts"))};
  const poller = new posix.Poller();
  const stop = new AbortController();
  const buffer = new Uint8Array(8);
  const linger = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);
  let [served, errors] = [0, 0];
  const listen = (address) => {
    const listener = posix.socket(posix.addressFamily(address), posix.SOCK_STREAM);
    posix.bind(listener, address);
    posix.listen(listener, 4096);
    return listener;
  };
  const serve = async (listener) => {
    const onError = () => errors++;
    for await (const conn of posix.acceptEvents(listener, poller, { signal: stop.signal, onError })) {
      served++;
      conn.serve(() => {
        const size = conn.recv(buffer);
        if (size > 0) conn.send(buffer.subarray(0, size));
        else if (size === 0) conn.close();
      });
    }
  };
  const listeners = [
    listen({ transport: "unix", path: ${JSON.stringify(path)} }),
    listen({ transport: "tcp", hostname: "127.0.0.1", port: 0 }),
  ];
  const addresses = listeners.map(posix.getsockname);
  const loops = listeners.map(serve);
  // Clients in rounds: those of the Unix-domain socket close, the others reset; each tenth does so immediately.
  const round = async (size) => {
    const before = served;
    const clients = Array.from({ length: size }, (_, n) => {
      const address = addresses[n % 2];
      const client = posix.socket(posix.addressFamily(address), posix.SOCK_STREAM);
      posix.connect(client, address);
      // A reset leaves no port in TIME_WAIT.
      if (n % 2 === 1) posix.setsockopt(client, posix.SOL_SOCKET, posix.SO_LINGER, linger);
      posix.send(client, buffer);
      if (n % 10 === 9) client.close();
      return client;
    });
    for (const client of clients) {
      if (client.fd === -1) continue;
      while (posix.recv(client, buffer) === -posix.EAGAIN) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      client.close();
    }
    while (served < before + size) await new Promise((resolve) => setImmediate(resolve));
  };
  const measure = async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let i = 0; i < 3; i++) gc();
    const { heapUsed, heapTotal, external, rss } = Deno.memoryUsage();
    const descriptors = [...Deno.readDirSync("/proc/self/fd")].length;
    return { descriptors, heap: heapUsed + external, outside: rss - heapTotal };
  };
  for (let n = 0; n < 20_000; n += 500) await round(500);
  const before = await measure();
  for (let n = 0; n < ${COUNT}; n += 500) await round(500);
  const after = await measure();
  stop.abort();
  await Promise.all(loops);
  console.log(JSON.stringify({ before, after, served, errors }));`;

testWith(
  ["Linux C library"],
  "100,000 connections leak no descriptor and no memory",
  async (folder) => {
    const flags = ["--allow-all", "--v8-flags=--expose-gc"];
    await using process = new Process(["run", ...flags, "-"], true);
    await process.type(program(`${folder}/socket`));
    await process.endInput();
    await process.prints(/"served".*\n/);
    assertEquals(await process.exits(), 0, process.describe());
    const { before, after, served, errors } = JSON.parse(process.stdout);
    assertEquals(served, 20_000 + COUNT);
    assert(errors > 0, "resets are errors");
    assertEquals(after.descriptors, before.descriptors);
    assert(after.heap - before.heap < MAX_HEAP, process.stdout);
    assert(after.outside - before.outside < MAX_OUTSIDE, process.stdout);
  },
);
