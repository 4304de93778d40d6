/**
 * A separate process that sends the lines to each client, so that sending does not occupy the event
 * loop that reads.
 *
 * @module
 */

import { text } from "./lines.ts";

/** Starts the process, which ends with this one; returns the port on which it listens. */
export async function startSender(): Promise<number> {
  const args = ["run", "--allow-net=127.0.0.1", import.meta.url];
  const sender = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  addEventListener("unload", () => sender.kill());
  const { value } = await sender.stdout.getReader().read();
  return Number(new TextDecoder().decode(value));
}

async function send(conn: Deno.Conn): Promise<void> {
  using _ = conn;
  for (let sent = 0; sent < text.length;) sent += await conn.write(text.subarray(sent));
}

if (import.meta.main) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  for await (const conn of listener) send(conn).catch(() => {}); // a client may close early
}
