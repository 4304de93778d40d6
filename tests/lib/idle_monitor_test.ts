import { assertEquals } from "@std/assert";
import { IdleMonitor, type Monitored } from "../../lib/server/idle_monitor.ts";

/** Blocks the event loop, as a busy program does. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("IdleMonitor does not abort a connection by checks that run late, while it drains", async () => {
  const aborted = Promise.withResolvers<Error>();
  let isAborted = false;
  const conn: Monitored = {
    activity: { reading: 1, writing: 0, changes: 1, bytes: 0 },
    abort(reason) {
      isAborted = true;
      monitor.remove(conn);
      aborted.resolve(reason);
    },
  };
  const monitor = new IdleMonitor({ idleTimeout: 0, minRate: 0 });
  monitor.add(conn);
  monitor.drain(30_000);
  for (let checks = 0; checks < 5; checks++) {
    block(200); // the next check is due within 100 ms
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(isAborted, false);
  assertEquals((await aborted.promise).message, "the server is shutting down");
});
