/**
 * Refused calls: Deno names the first permission that is missing, but a call may need several.
 *
 * @module
 */

/**
 * Completes the error of a call that was refused.
 *
 * @param error What the call threw.
 * @param needed Lists all the permissions that it needs, and those that the calls after it will need.
 * @returns If it is a refusal, one that names all of them that are missing; any other error as it is.
 */
export function refused(error: unknown, needed: () => Deno.PermissionDescriptor[]): unknown {
  if (!(error instanceof Deno.errors.NotCapable)) return error;
  const missing = needed().filter((permission) => !isGranted(permission));
  return missing.length === 0 ? error : notCapable(missing, error);
}

/** Deno's error for several permissions, in its own words, of which `strerror` makes the flags. */
export function notCapable(
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
    return true; // it is none that a flag could name
  }
}

/** The permissions to listen on a Unix-domain socket, or to connect to it. */
export function unixPermissions(path: string): Deno.PermissionDescriptor[] {
  const absolute = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  return [{ name: "net", host: `unix:${absolute}` }, { name: "read", path }, {
    name: "write",
    path,
  }];
}

/** The permissions to send to a Unix-domain datagram socket. */
export function unixSendPermissions(path: string): Deno.PermissionDescriptor[] {
  return unixPermissions(path).filter(({ name }) => name !== "read");
}
