/**
 * Streams that behave as badly as they may: sources to read from and targets to write to.
 *
 * @module
 */

import type { Reader, Writer } from "../../lib/io/read_write.ts";

/** How many of the bytes it is offered the call number `turn` reads or writes. */
export type Amount = (offered: number, turn: number) => number;

/** As many as it can. */
export const whole: Amount = (offered) => offered;

/** The ones that get everything through in the end. */
export const amounts: Record<string, Amount> = {
  "whole": whole,
  "one byte at a time": () => 1,
  "halves": (offered) => Math.ceil(offered / 2),
  "nothing twice, then a little": (_offered, turn) => turn % 3 === 2 ? 10 : 0,
};

/** The one that never does. */
export const nothing: Amount = () => 0;

/** What a source does next: gives bytes, throws an error, once, or is at its end. */
export type Step = Uint8Array | Error | null;

/** A source that takes one step after another, and is at its end after the last. */
export class Source implements Reader {
  readonly #amount: Amount;
  readonly #steps: Step[];
  #turn = 0;

  constructor(amount: Amount, ...steps: Step[]) {
    this.#amount = amount;
    this.#steps = steps;
  }

  read(p: Uint8Array): Promise<number | null> {
    // Whoever does so would take the 0 for a source that has nothing.
    if (p.length === 0) return Promise.reject(new Error("asked for no bytes at all"));
    const amount = this.#amount(p.length, this.#turn++);
    if (amount === 0) return Promise.resolve(0);
    const [step = null] = this.#steps;
    if (!(step instanceof Uint8Array)) {
      this.#steps.shift();
      return step === null ? Promise.resolve(null) : Promise.reject(step);
    }
    const piece = step.subarray(0, Math.min(amount, p.length));
    p.set(piece);
    if (piece.length < step.length) this.#steps[0] = step.subarray(piece.length);
    else this.#steps.shift();
    return Promise.resolve(piece.length);
  }
}

/** A target that keeps what it takes; it may fail, once, when it has taken so many bytes. */
export class Target implements Writer {
  readonly taken: number[] = [];
  readonly #amount: Amount;
  #turn = 0;
  #failure: { after: number; error: Error } | undefined;

  constructor(amount: Amount, failure?: { after: number; error: Error }) {
    this.#amount = amount;
    this.#failure = failure;
  }

  write(p: Uint8Array): Promise<number> {
    const room = (this.#failure?.after ?? Infinity) - this.taken.length;
    if (room === 0) {
      const error = this.#failure?.error;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    const piece = p.subarray(0, Math.min(this.#amount(p.length, this.#turn++), room));
    for (const byte of piece) this.taken.push(byte);
    return Promise.resolve(piece.length);
  }
}
