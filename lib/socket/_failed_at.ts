/**
 * Errors of calls on an address: where C looks its name up first, Deno's calls do that by themselves.
 *
 * @module
 */

import { formatAddress } from "../address/format.ts";
import { codeOf, failed, strerror } from "../errors.ts";
import { AddrInfoError } from "../address/addrinfo.ts";

/** What socket(2) fails with where no descriptor is left; Deno calls it within `connect` and `bind`. */
const NO_DESCRIPTOR = ["EMFILE", "ENFILE"];

/**
 * `perror(3)` for a call on an address: an error that names the call, the address and the cause.
 *
 * @param call The call as the C programmer knows it.
 * @param address Where it connects, binds or sends to.
 * @param error What it threw.
 * @returns As {@linkcode failed} returns, for `socket` if that is the call that failed; if it was the look-up
 * of the host's name that failed, an {@linkcode AddrInfoError}.
 */
export function failedAt(call: string, address: Deno.Addr, error: unknown): Error {
  // Deno gives a failed look-up no class of its own.
  const [, cause] = /^failed to lookup address information: (.+)/.exec(strerror(error)) ?? [];
  if (cause === undefined || !("hostname" in address)) {
    const isSocket = NO_DESCRIPTOR.includes(codeOf(error) ?? "");
    return failed(isSocket ? "socket" : call, error, formatAddress(address));
  }
  const code = cause.startsWith("Temporary failure") ? "EAI_AGAIN" : "EAI_NONAME";
  return new AddrInfoError(`getaddrinfo ${address.hostname}`, code);
}
