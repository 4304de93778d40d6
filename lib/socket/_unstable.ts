// Deno's unstable API `net`, which datagrams and shared ports require.

/**
 * Checks that Deno's unstable API `net` is on. If it is off, Deno has no `listenDatagram`, and a `listen` with
 * `reusePort` ends the process.
 *
 * @param what The feature that requires it.
 * @throws {Deno.errors.NotSupported} If it is off. The message says how to turn it on.
 */
export function requireUnstableNet(what: string): void {
  if (typeof Deno.listenDatagram === "function") return;
  const add = '"unstable": ["net"] in deno.json, or --unstable-net';
  throw new Deno.errors.NotSupported(`${what} require ${add}`);
}
