/**
 * Permissions: requested before they are needed, and named completely when they are missing.
 *
 * @module
 */

/**
 * Requests the permissions that later calls need.
 *
 * For a program that would otherwise be denied one permission after another, or only when it has clients;
 * and for calls of Node's API whose errors cannot be caught.
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
 *
 * @category Sockets
 */
export async function requirePermissions(...needed: Deno.PermissionDescriptor[]): Promise<void> {
  const missing: Deno.PermissionDescriptor[] = [];
  for (const permission of needed) {
    const { state } = await Deno.permissions.request(permission);
    if (state !== "granted") missing.push(permission);
  }
  if (missing.length > 0) throw notCapable(missing);
}

/**
 * Completes the error of a call that was denied: Deno names the first missing permission only.
 *
 * @param error What the call threw.
 * @param needed Returns the permissions that the call, and the calls after it, need.
 * @returns If the call was denied, an error that names all that are missing; otherwise `error`.
 */
export function nameAllMissing(
  error: unknown,
  needed: () => Deno.PermissionDescriptor[],
): unknown {
  if (!(error instanceof Deno.errors.NotCapable)) return error;
  const missing = needed().filter((permission) => !isGranted(permission));
  return missing.length === 0 ? error : notCapable(missing, error);
}

/** Deno's error for several permissions, in its own words, which `strerror` turns into flags. */
function notCapable(
  missing: Deno.PermissionDescriptor[],
  cause?: Error,
): Deno.errors.NotCapable {
  const message = missing.map((permission) => {
    const scope = "host" in permission ? permission.host : "path" in permission && permission.path;
    const text = scope instanceof URL ? decodeURIComponent(scope.pathname) : scope;
    return `Requires ${permission.name} access to "${text}"`;
  });
  return new Deno.errors.NotCapable(message.join("; "), { cause });
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  try {
    return Deno.permissions.querySync(permission).state === "granted";
  } catch {
    return true; // no flag can name it, so it cannot be missing
  }
}

/** The permissions to listen on a Unix-domain socket, or to connect to it. */
export function unixPermissions(path: string): Deno.PermissionDescriptor[] {
  const absolute = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  return [
    { name: "net", host: `unix:${absolute}` },
    { name: "read", path },
    { name: "write", path },
  ];
}

/** The permissions to send to a Unix-domain datagram socket. */
export function unixSendPermissions(path: string): Deno.PermissionDescriptor[] {
  return unixPermissions(path).filter(({ name }) => name !== "read");
}
