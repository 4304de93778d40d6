/**
 * Permissions, asked for before they are needed.
 *
 * @module
 */

import { notCapable } from "./_refused.ts";

/**
 * Asks for the permissions that later calls will need.
 *
 * For a program that would otherwise be refused one permission after another, or when it already has
 * clients; and for calls of Node's API that throw where nothing can catch it.
 *
 * @param needed The permissions. The host of `net` is what `--allow-net=` would name.
 * @throws {Deno.errors.NotCapable} If any is not granted. The message names all of these.
 *
 * @example
 * ```ts
 * import { requirePermissions } from "@deno-sockets/samples";
 *
 * await requirePermissions({ name: "net", host: "127.0.0.1:0" });
 * Deno.listen({ hostname: "127.0.0.1", port: 0 }).close();
 * ```
 */
export async function requirePermissions(...needed: Deno.PermissionDescriptor[]): Promise<void> {
  const missing: Deno.PermissionDescriptor[] = [];
  for (const permission of needed) {
    const { state } = await Deno.permissions.request(permission);
    if (state !== "granted") missing.push(permission);
  }
  if (missing.length > 0) throw notCapable(missing);
}
