/**
 * The errors of look-ups.
 *
 * @module
 */

import { failed } from "../errors.ts";

/**
 * The cause of an {@linkcode AddrInfoError}, by its name in C.
 *
 * @category Addresses
 */
export type AddrInfoCode =
  | "EAI_ADDRFAMILY"
  | "EAI_AGAIN"
  | "EAI_FAIL"
  | "EAI_NONAME"
  | "EAI_SERVICE";

const causes: Record<AddrInfoCode, string> = {
  EAI_ADDRFAMILY: "Address family for hostname not supported",
  EAI_AGAIN: "Temporary failure in name resolution",
  EAI_FAIL: "Non-recoverable failure in name resolution",
  EAI_NONAME: "Name or service not known",
  EAI_SERVICE: "Servname not supported for ai_socktype",
};

/**
 * `gai_strerror(3)`: the error of a failed look-up. The message names the call, its argument and the cause.
 *
 * Source: gai_strerror(3). See {@linkcode getAddrInfo} for an example.
 *
 * @category Addresses
 */
export class AddrInfoError extends Error {
  /** `AddrInfoError`. */
  override name = "AddrInfoError";
  /** The cause. */
  readonly code: AddrInfoCode;

  /**
   * Creates the error of a call.
   *
   * @param call The call and its argument.
   * @param code The cause.
   */
  constructor(call: string, code: AddrInfoCode) {
    super(`${call}: ${causes[code]}`);
    this.code = code;
  }
}

/** Returns the error of a look-up that was denied. Node's error does not name the permission. */
export function lookUpDenied(call: string, host: string): Error {
  return failed(call, new Deno.errors.NotCapable(`Requires net access to "${host}"`), host);
}
