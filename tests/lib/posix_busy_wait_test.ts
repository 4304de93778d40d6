import { assert } from "@std/assert";
import { FdSet, poll, POLLIN, select, send, SOCK_STREAM, socketpair } from "../../posix.ts";
import type { Descriptor } from "../../posix.ts";
import { stopwatch } from "../support/time.ts";
import { testWith } from "../support/test_with.ts";

const waits: Record<string, (descriptor: Descriptor) => Promise<number>> = {
  poll: (descriptor) => poll([{ descriptor, events: POLLIN }]),
  select(descriptor) {
    const readable = new FdSet();
    readable.add(descriptor);
    return select(readable, null, null);
  },
};

for (const [name, wait] of Object.entries(waits)) {
  testWith(
    ["Linux C library"],
    `\`${name}()\` lets timers run while a descriptor is always ready`,
    async () => {
      const [left, right] = socketpair(SOCK_STREAM);
      using _left = left;
      using _right = right;
      send(left, new Uint8Array(1));
      let isOver = false;
      const timer = setTimeout(() => isOver = true, 10);
      const elapsed = stopwatch();
      while (!isOver && elapsed() < 10_000) await wait(right);
      clearTimeout(timer);
      assert(isOver, "the timer has not fired");
    },
  );
}
