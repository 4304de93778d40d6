/**
 * Misbehaving streams: sources to read from and targets to write to.
 *
 * @module
 */

import type { Reader, Writer } from "../../lib/io/read_write.ts";

/** The number of bytes that call number `turn` reads or writes, of those offered. */
export type Amount = (offered: number, turn: number) => number;

/** All bytes. */
export const whole: Amount = (offered) => offered;

/** Amounts with which every byte is transferred in the end. */
export const amounts: Record<string, Amount> = {
  "whole": whole,
  "one byte at a time": () => 1,
  "halves": (offered) => Math.ceil(offered / 2),
  "nothing twice, then a little": (_offered, turn) => turn % 3 === 2 ? 10 : 0,
};

/** The amount with which none is. */
export const nothing: Amount = () => 0;

/** The next step of a source: bytes, an error, or EOF. */
export type Step = Uint8Array | Error | null;

/** A source that performs one step after another, then returns EOF. */
export class Source implements Reader {
  readonly #amount: Amount;
  readonly #steps: Step[];
  #turn = 0;

  constructor(amount: Amount, ...steps: Step[]) {
    this.#amount = amount;
    this.#steps = steps;
  }

  read(p: Uint8Array): Promise<number | null> {
    // The caller would mistake the 0 for a source without bytes.
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

/** A target that keeps the bytes written; it may fail once, after a number of bytes. */
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
