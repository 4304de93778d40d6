/**
 * Sockets' files.
 *
 * @module
 */

/** The permission bits of a file in octal, or null if it does not exist. */
export function modeOf(path: string): string | null {
  try {
    return ((Deno.lstatSync(path).mode ?? 0) & 0o777).toString(8);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Creates an old socket file that no process has open. */
export function makeStaleSocket(path: string, kind: "stream" | "datagram"): void {
  if (kind === "datagram") {
    Deno.listenDatagram({ transport: "unixpacket", path }).close();
  } else {
    const listener = Deno.listen({ transport: "unix", path: `${path}.other` });
    Deno.linkSync(`${path}.other`, path); // close() removes the other name, not this one
    listener.close();
  }
  Deno.utimeSync(path, 0, 0);
}
