/**
 * Requests permissions, and reports all that are missing.
 *
 * @module
 */

/**
 * Requests the permissions that later calls need.
 *
 * Use it to report all missing permissions at start-up, instead of one at a time or when a client connects,
 * and before calls of Node's API whose errors cannot be caught.
 *
 * @param needed The permissions. The host of `net` has the syntax of `--allow-net=HOST`.
 * @throws {Deno.errors.NotCapable} If a permission is not granted. The message names all missing permissions.
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
 * Completes the error of a call that was denied: Deno names only the first missing permission.
 *
 * @param error The value that the call threw.
 * @param needed Returns the permissions that the call, and the calls after it, need.
 * @returns If the call was denied, an error that names all missing permissions; otherwise `error`.
 */
export function nameAllMissing(
  error: unknown,
  needed: () => Deno.PermissionDescriptor[],
): unknown {
  if (!(error instanceof Deno.errors.NotCapable)) return error;
  const missing = needed().filter((permission) => !isGranted(permission));
  return missing.length === 0 ? error : notCapable(missing, error);
}

/** Returns an error for several permissions, in the format of Deno's messages, which `strerror` parses. */
function notCapable(
  missing: Deno.PermissionDescriptor[],
  cause?: Error,
): Deno.errors.NotCapable {
  const message = missing.map((permission) => {
    const scope = scopeOf(permission);
    const text = scope instanceof URL ? decodeURIComponent(scope.pathname) : scope;
    return `Requires ${permission.name} access to "${text}"`;
  });
  return new Deno.errors.NotCapable(message.join("; "), { cause });
}

function scopeOf(permission: Deno.PermissionDescriptor): string | URL | undefined {
  switch (permission.name) {
    case "net":
      return permission.host;
    case "run":
      return permission.command;
    default:
      return "path" in permission ? permission.path : undefined;
  }
}

function isGranted(permission: Deno.PermissionDescriptor): boolean {
  try {
    return Deno.permissions.querySync(permission).state === "granted";
  } catch {
    return true; // no flag can grant it, so it cannot be missing
  }
}

/** Returns the permissions to listen on a Unix-domain socket, or to connect to it. */
export function unixPermissions(path: string): Deno.PermissionDescriptor[] {
  const absolute = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  return [
    { name: "net", host: `unix:${absolute}` },
    { name: "read", path },
    { name: "write", path },
  ];
}

/** Returns the permissions to send to a Unix-domain datagram socket. */
export function unixSendPermissions(path: string): Deno.PermissionDescriptor[] {
  return unixPermissions(path).filter(({ name }) => name !== "read");
}
