// Errors of calls on an address. Where C calls getaddrinfo and socket first, Deno's calls include both.

import { AddrInfoError } from "../address/addrinfo_error.ts";
import { formatAddress } from "../address/format.ts";
import { codeOf, failed, strerror } from "../errors.ts";

/** The errors of socket(2) if no descriptor is left. */
const NO_DESCRIPTOR = ["EMFILE", "ENFILE"];

/**
 * `perror(3)` for a call on an address: returns an error that names the call, the address and the cause.
 *
 * @param call The call, by its name in C.
 * @param address The address to connect to, bind or send to.
 * @param error The value that the call threw.
 * @returns The error of {@linkcode failed}, which names the call `socket` if no descriptor was left; an
 * {@linkcode AddrInfoError} if the look-up of the host failed.
 */
export function failedAt(call: string, address: Deno.Addr, error: unknown): Error {
  // Deno has no error class for a failed look-up.
  const [, cause] = /^failed to lookup address information: (.+)/.exec(strerror(error)) ?? [];
  if (cause === undefined || !("hostname" in address)) {
    const isSocket = NO_DESCRIPTOR.includes(codeOf(error) ?? "");
    return failed(isSocket ? "socket" : call, error, formatAddress(address));
  }
  const code = cause.startsWith("Temporary failure") ? "EAI_AGAIN" : "EAI_NONAME";
  return new AddrInfoError(`getaddrinfo ${address.hostname}`, code);
}
