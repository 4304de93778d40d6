// Deno's unstable API `net`, which datagrams and shared ports require.

/**
 * Checks that Deno's unstable API `net` is on. If it is off, Deno has no `listenDatagram`, and a `listen` with
 * `reusePort` ends the process.
 *
 * @param feature The feature that requires it, in the plural.
 * @throws {Deno.errors.NotSupported} If it is off. The message says how to turn it on.
 */
export function requireUnstableNet(feature: string): void {
  if (typeof Deno.listenDatagram === "function") return;
  const add = '"unstable": ["net"] in deno.json, or --unstable-net';
  throw new Deno.errors.NotSupported(`${feature} require ${add}`);
}
