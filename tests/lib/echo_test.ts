import { assertEquals } from "@std/assert";
import { echo } from "../../lib/server/echo.ts";

/** A connection whose peer sends pieces and accepts at most `takes` bytes per write. */
function connection(pieces: number[], takes = Infinity) {
  const asked: number[] = [];
  const sent: number[] = [];
  return {
    asked,
    sent,
    read(p: Uint8Array): Promise<number | null> {
      asked.push(p.length);
      const piece = pieces.shift();
      if (piece === undefined) return Promise.resolve(null);
      const count = Math.min(piece, p.length);
      if (piece > count) pieces.unshift(piece - count);
      return Promise.resolve(count);
    },
    write(p: Uint8Array): Promise<number> {
      const count = Math.min(takes, p.length);
      sent.push(count);
      return Promise.resolve(count);
    },
  };
}

Deno.test("echo() reads into a small buffer, and into a large one while reads fill it", async () => {
  const conn = connection([100, 65536, 65536, ...Array(20).fill(64), 1024, 5]);
  await echo(conn);
  const large = 80 * 1024;
  assertEquals(conn.asked.slice(0, 4), [1024, 1024, large, large]);
  assertEquals(conn.sent.slice(0, 4), [100, 1024, 65536 - 1024, 65536]);
  // After sixteen small pieces it returns to the small buffer.
  assertEquals(conn.asked.slice(4), [
    ...Array(16).fill(large),
    ...Array(5).fill(1024),
    large,
    large,
  ]);
});

Deno.test("echo() sends a whole piece before it reads again", async () => {
  const conn = connection([100, 7], 40);
  await echo(conn);
  assertEquals(conn.sent, [40, 40, 20, 7]);
  assertEquals(conn.asked.length, 3);
});

Deno.test("echo() reads at most `size` bytes at once", async () => {
  for (const size of [1, 80, 1024, 5000]) {
    const conn = connection([20_000]);
    const shown: number[] = [];
    await echo(conn, size, (message) => shown.push(message.length));
    assertEquals(Math.max(...conn.asked), size);
    assertEquals(shown, conn.sent);
    assertEquals(conn.sent.reduce((sum, count) => sum + count), 20_000);
  }
});
