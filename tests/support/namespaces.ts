/**
 * Network namespaces, which are networks within this machine. They require root.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { readSample } from "../../contract/header.ts";
import { Process } from "../../contract/process.ts";

/** A network namespace with a loopback interface. Disposing removes it, and the links to it. */
export class Namespace implements AsyncDisposable {
  /** A process that sleeps: the namespace exists as long as it. */
  readonly #holder: Process;
  #links = 0;

  private constructor(holder: Process) {
    this.#holder = holder;
  }

  /** Creates a namespace. */
  static async create(): Promise<Namespace> {
    const script = "ip link set lo up && echo created && exec sleep 600";
    const holder = new Process(["-n", "sh", "-c", script], false, undefined, "unshare");
    await holder.prints(/^created$/m);
    return new Namespace(holder);
  }

  /** Starts a program in the namespace. */
  start(...command: string[]): Process {
    const args = ["-t", `${this.#holder.pid}`, "-n", ...command];
    return new Process(args, false, undefined, "nsenter");
  }

  /**
   * Starts a sample in the namespace, with the flags of its header.
   *
   * @param path The sample.
   * @param args Its arguments.
   * @param through A command that runs the command of its arguments. Default none.
   */
  startSample(path: string, args: string[], through: string[] = []): Process {
    const { flags } = readSample(path);
    return this.start(...through, Deno.execPath(), "run", "--quiet", ...flags, path, ...args);
  }

  /** Runs a shell script in the namespace, which must succeed. */
  async run(script: string): Promise<void> {
    await using process = this.start("sh", "-e", "-c", script);
    assertEquals(await process.exits(), 0, `${script}: ${process.describe()}`);
  }

  /**
   * Links two namespaces.
   *
   * @param other The other namespace.
   * @param own The addresses of this end, with their networks: `10.77.0.1/24`.
   * @param others Those of the other end.
   */
  async link(other: Namespace, own: string[], others: string[]): Promise<void> {
    const [near, far] = [`link${this.#links++}`, `link${other.#links++}`];
    const peer = `peer name ${far} netns ${other.#holder.pid}`;
    await this.run(`ip link add ${near} type veth ${peer}`);
    await this.#configure(near, own);
    await other.#configure(far, others);
  }

  async #configure(name: string, addresses: string[]): Promise<void> {
    // nodad: an IPv6 address can be used at once.
    const adds = addresses.map((address) =>
      `ip addr add ${address} dev ${name} ${address.includes(":") ? "nodad" : ""}`
    );
    await this.run([...adds, `ip link set ${name} up`].join("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder[Symbol.asyncDispose]();
  }
}
