import { assertEquals, assertRejects } from "@std/assert";
import { accept } from "../../lib/server/accept.ts";
import { echo } from "../../lib/server/echo.ts";
import { readN, writeN } from "../../lib/io/read_write.ts";
import { openClient, openListener, openListeners } from "../../lib/socket/tcp.ts";
import { testWith } from "../support/test_with.ts";

// Both stacks: one socket for both, or a socket for each.

testWith(
  ["IPv6"],
  "one socket on :: takes clients of both stacks, and shows each as what it is",
  async () => {
    using listener = await openListener(0, { hostname: "::" });
    for (const host of ["127.0.0.1", "::1"]) {
      using client = await openClient(host, listener.addr.port);
      for await (using conn of accept(listener)) {
        assertEquals(conn.remoteAddr, client.localAddr);
        assertEquals(conn.remoteAddr.hostname, host);
        break;
      }
    }
  },
);

testWith(
  ["IPv6"],
  "openListeners() opens a socket for each loopback address, on one port",
  async () => {
    const listeners = await openListeners(null, 0);
    const [first, second] = listeners.map(({ addr }) => addr);
    assertEquals([first?.hostname, second?.hostname].sort(), ["127.0.0.1", "::1"]);
    assertEquals(first?.port, second?.port);

    const stop = new AbortController();
    const loops = listeners.map(async (listener) => {
      for await (const conn of accept(listener, { signal: stop.signal })) conn.serve(echo);
    });
    for (const { addr } of listeners) {
      using client = await openClient(addr.hostname, addr.port);
      await writeN(client, new TextEncoder().encode("hello"));
      assertEquals(await readN(client, new Uint8Array(5)), 5, addr.hostname);
    }
    stop.abort();
    await Promise.all(loops);
  },
);

testWith(
  ["IPv6"],
  "openListeners() leaves nothing open when one of its ports is taken",
  async () => {
    using taken = await openListener(0);
    const { port } = taken.addr;
    await assertRejects(() => openListeners(null, port), Deno.errors.AddrInUse);
    (await openListener(port, { hostname: "::1" })).close();
  },
);

Deno.test("openListeners() fails for an address that is not this host's", async () => {
  await assertRejects(() => openListeners("192.0.2.1", 0), Deno.errors.AddrNotAvailable);
});
