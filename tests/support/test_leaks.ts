/**
 * Tests for what a call leaves behind.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

/** Registers a test that fails if it leaves a timer, a socket or an unhandled rejection behind. */
export function testLeaks(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name,
    sanitizeOps: true,
    sanitizeResources: true,
    async fn() {
      const unhandled: unknown[] = [];
      const onRejection = (event: PromiseRejectionEvent) => {
        event.preventDefault();
        unhandled.push(event.reason);
      };
      addEventListener("unhandledrejection", onRejection);
      try {
        await fn();
        await nextTurn();
      } finally {
        removeEventListener("unhandledrejection", onRejection);
      }
      assertEquals(unhandled, [], "unhandled rejections");
    },
  });
}

/** Waits until the event loop has turned: until everything has happened that does not wait for I/O. */
export async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}
