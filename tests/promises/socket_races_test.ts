import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { temporaryFolder } from "../../contract/process.ts";
import { openUnixClient } from "../../lib/socket/unix.ts";
import { openers } from "../support/bound_sockets.ts";
import { makeStaleSocket } from "../support/files.ts";
import { startProgram } from "../support/program.ts";

// Of several programs that take over a stale socket at the same time, one succeeds.

/** The time limit of a test, in ms. */
const PATIENCE = { timeout: 60_000 };

for (const [name, open] of Object.entries(openers)) {
  Deno.test(`${name}: one of several concurrent calls takes over a socket`, PATIENCE, async () => {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/socket`;
    for (let round = 1; round <= 50; round++) {
      makeStaleSocket(path, "stream");
      const calls = Array.from({ length: 5 }, () => open(path));
      const winners = [];
      for (const result of await Promise.allSettled(calls)) {
        if (result.status === "fulfilled") winners.push(result.value);
        else assertInstanceOf(result.reason, Deno.errors.AddrInUse, `round ${round}`);
      }
      assertEquals(winners.length, 1, `round ${round}: winners`);
      for (const socket of winners) {
        await socket.assertWorks(`round ${round}`);
        socket.close();
      }
    }
  });
}

/** Opens a listener for each byte read, and closes it after one client that sends. */
const racer = `
  import { openUnixListener } from "${import.meta.resolve("../../lib/socket/unix.ts")}";
  const byte = new Uint8Array(1);
  for (let round = 1; await Deno.stdin.read(byte) !== null; round++) {
    try {
      const listener = await openUnixListener(Deno.args[0] + "/" + round);
      console.log("won");
      (async () => {
        for (let isClient = false; !isClient;) {
          const conn = await listener.accept();
          isClient = await conn.read(byte.slice()) !== null; // the other racer probes whether it is live
          conn.close();
        }
        listener.close();
      })();
    } catch (error) {
      console.log(error.message);
    }
  }`;

Deno.test("openUnixListener(): one of two processes takes over a socket", PATIENCE, async () => {
  await using folder = await temporaryFolder();
  await using a = startProgram(racer, folder.path);
  await using b = startProgram(racer, folder.path);
  const deadline = AbortSignal.timeout(PATIENCE.timeout);
  for (let round = 1; round <= 100; round++) {
    const path = `${folder.path}/${round}`;
    makeStaleSocket(path, "stream");
    await Promise.all([a.type("."), b.type(".")]);
    const results = [];
    for (const racer of [a, b]) {
      const lines = () => racer.stdout.split("\n");
      assert(await racer.until(() => lines().length > round, deadline), racer.describe());
      results.push(lines()[round - 1]);
    }
    assertEquals(results.sort(), [`bind ${path}: Address already in use`, "won"]);
    using client = await openUnixClient(path);
    await client.write(new Uint8Array([7]));
    assertEquals(await client.read(new Uint8Array(1)), null, path);
  }
});
