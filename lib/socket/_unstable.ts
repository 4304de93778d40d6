/**
 * Deno's unstable API for sockets, and how to switch it on.
 *
 * @module
 */

/**
 * Throws if Deno runs without its unstable API `net`, which datagrams and shared ports need.
 *
 * Deno itself has no `listenDatagram` then, and ends the process at a `listen` with `reusePort`.
 *
 * @param what What needs it.
 * @throws {Deno.errors.NotSupported} Says what to add.
 */
export function requireUnstableNet(what: string): void {
  if (typeof Deno.listenDatagram === "function") return;
  const add = '"unstable": ["net"] in deno.json, or --unstable-net';
  throw new Deno.errors.NotSupported(`${what} require ${add}`);
}
