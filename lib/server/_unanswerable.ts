// Detects datagrams that must not be answered: from port 0, or with the socket's own address as a forged source.

import { formatAddress, unmapAddress } from "../address/format.ts";
import { report } from "../io/log_error.ts";
import { sharedPorts } from "../socket/datagram.ts";

/** Reports whether an address can be bound. */
type CanBind = (address: Deno.NetAddr) => boolean | Promise<boolean>;

/** Addresses known to be local. */
const local = new Set<string>();

/**
 * Reports whether a datagram's source is port 0 or the address of the socket that received it.
 *
 * The addresses of a socket on a wildcard address are all local addresses: loopback, and those that can be
 * bound.
 *
 * @param from The source of the datagram.
 * @param socket The socket.
 * @param canBind Reports whether an address can be bound. Default: by Deno, which without the permission
 * recognizes only loopback.
 * @returns Whether a reply is impossible, or would come back to the socket.
 */
export function isUnanswerable(
  from: Deno.Addr,
  socket: Pick<Deno.DatagramConn, "addr">,
  canBind?: CanBind,
): boolean | Promise<boolean> {
  const own = socket.addr;
  if (!("hostname" in from) || !("hostname" in own)) {
    return "path" in from && "path" in own && from.path === own.path;
  }
  if (from.port === 0) return true;
  if (from.port !== own.port || sharedPorts.has(socket)) return false;
  const { hostname } = unmapAddress(from);
  const { hostname: bound } = unmapAddress(own);
  if (hostname === bound) return true;
  const isWildcard = ["0.0.0.0", "::"].includes(bound);
  return isWildcard &&
    (/^(127\.|::1$)/.test(hostname) || isLocal(hostname, canBind ?? denoCanBind));
}

/** Drops the datagrams of a server that must not be answered, and reports the first. */
export class UnanswerableFilter {
  readonly #syscall: string;
  readonly #socket: Pick<Deno.DatagramConn, "addr">;
  readonly #onError: (error: Error) => void;
  readonly #canBind: CanBind | undefined;
  #hasReported = false;

  /**
   * @param syscall The call that receives, by its name in C.
   * @param socket The socket.
   * @param onError Called once, with an error that names the first source.
   * @param canBind As for {@linkcode isUnanswerable}.
   */
  constructor(
    syscall: string,
    socket: Pick<Deno.DatagramConn, "addr">,
    onError: (error: Error) => void,
    canBind?: CanBind,
  ) {
    this.#syscall = syscall;
    this.#socket = socket;
    this.#onError = onError;
    this.#canBind = canBind;
  }

  /** Reports whether to drop a datagram. Usually `false`, not a promise, so that most datagrams await nothing. */
  drops(from: Deno.Addr): boolean | Promise<boolean> {
    const isDropped = isUnanswerable(from, this.#socket, this.#canBind);
    return isDropped === false ? false : this.#dropIf(isDropped, from);
  }

  async #dropIf(isDropped: boolean | Promise<boolean>, from: Deno.Addr): Promise<boolean> {
    if (!await isDropped) return false;
    if (!this.#hasReported) {
      this.#hasReported = true;
      const cause = "dropped, the source is port 0 or this socket (reported once)";
      report(this.#onError, new Error(`${this.#syscall} ${formatAddress(from)}: ${cause}`));
    }
    return true;
  }
}

async function isLocal(hostname: string, canBind: CanBind): Promise<boolean> {
  if (local.has(hostname)) return true;
  if (!await canBind({ transport: "udp", hostname, port: 0 })) return false;
  local.add(hostname);
  return true;
}

async function denoCanBind(address: Deno.NetAddr): Promise<boolean> {
  const host = formatAddress(address);
  // On a terminal, Deno would prompt for a missing permission.
  if ((await Deno.permissions.query({ name: "net", host })).state !== "granted") return false;
  try {
    Deno.listenDatagram({ ...address, transport: "udp" }).close();
    return true;
  } catch {
    return false;
  }
}
