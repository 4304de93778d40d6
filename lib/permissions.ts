/**
 * Permissions, asked for before they are needed.
 *
 * @module
 */

/**
 * Asks for the network permission that calls further on will need, as the first of them would.
 *
 * For a whole host, where the ports are not known beforehand: the refusal of a single port would not tell
 * which flag to give. And for calls of Node's API that throw where nobody can catch it.
 *
 * @param host What `--allow-net=` would name: a host or a host and a port.
 * @throws {Deno.errors.NotCapable} If it is not granted.
 *
 * @example
 * ```ts
 * import { requireNet } from "@deno-sockets/samples";
 *
 * await requireNet("127.0.0.1:0");
 * Deno.listen({ hostname: "127.0.0.1", port: 0 }).close();
 * ```
 */
export async function requireNet(host: string): Promise<void> {
  const { state } = await Deno.permissions.request({ name: "net", host });
  // In Deno's own words, which strerror understands.
  if (state !== "granted") throw new Deno.errors.NotCapable(`Requires net access to "${host}"`);
}
