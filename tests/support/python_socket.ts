/**
 * A datagram socket of Python, an independent peer.
 *
 * @module
 */

import { assert } from "@std/assert";
import { Process } from "../../contract/process.ts";

/** The time limit for a value, in ms. */
const PATIENCE = 30_000;

/** Evaluates each line that it reads, and prints the value. */
const PROGRAM = `
import socket, struct, sys
s = socket.socket(getattr(socket, sys.argv[1]), socket.SOCK_DGRAM)
s.settimeout(30)
for line in sys.stdin:
    print(repr(eval(line)), flush=True)
`;

/** A Python process with a datagram socket `s`. */
export class PythonSocket extends Process {
  #values = 0;

  constructor(family: "AF_INET" | "AF_INET6" | "AF_UNIX") {
    super(["-c", PROGRAM, family], true, undefined, "python3");
  }

  /** Evaluates an expression on the socket `s`; returns the `repr` of its value. */
  async eval(expression: string): Promise<string> {
    const index = this.#values++;
    const values = () => this.stdout.split("\n");
    await this.type(`${expression}\n`);
    const came = () => values().length > index + 1;
    const found = await this.until(came, AbortSignal.timeout(PATIENCE));
    assert(found, `${expression} ${this.describe()}`);
    return values()[index] ?? "";
  }

  /** Binds the socket to a free port, or to `port`; returns the port. */
  async bind(host: string, port = 0): Promise<number> {
    await this.eval(`s.bind((${JSON.stringify(host)}, ${port}))`);
    return Number(await this.eval("s.getsockname()[1]"));
  }
}
