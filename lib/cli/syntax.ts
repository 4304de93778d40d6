/**
 * The types with which a program declares its command line.
 *
 * @module
 */

/** What a word on the command line means: its value when it is missing, and how it is read. */
export interface Argument<T> {
  /** The value when it is not given. Without one, the argument is required. */
  default?: T;
  /**
   * Reads it.
   *
   * @param text The word on the command line.
   * @returns The value.
   * @throws {Error} If there is something wrong with it, which the message says.
   */
  parse(text: string): T | Promise<T>;
}

/**
 * The options of a program, by their names in camel case, each with its default: text, something else
 * ({@linkcode host}, {@linkcode group}, {@linkcode port}, {@linkcode count}, {@linkcode seconds}, {@linkcode mode},
 * {@linkcode oneOf}), or `false` for a flag; or {@linkcode required}.
 */
export type Options = Record<string, string | Argument<unknown> | false>;

/** Options and operands. The last operand may be `[]`: a list of all the words that are left. */
export type Arguments = Record<string, Options[string] | []>;

/** The values that a program receives for its {@linkcode Arguments}. */
export type Values<A extends Arguments> = {
  [N in keyof A]: A[N] extends Argument<infer T> ? T
    : A[N] extends false ? boolean
    : A[N] extends [] ? string[]
    : string;
};

/** The arguments that {@linkcode main} reads. */
export interface Syntax<O extends Arguments, P extends Options> {
  /** The operands, in order. If there are too few words, it is the required ones that get them. */
  operands: O;
  /** The options. Default none. */
  options?: P;
  /**
   * The test of `argc`, for a program that has its own words for a wrong number of operands: called with
   * their number before they are read, and throws or exits.
   */
  checkCount?: (count: number) => void;
}
