/**
 * The types of a command line's declaration.
 *
 * @module
 */

/**
 * The kind of an argument: how it is parsed, and its default.
 *
 * @category Arguments
 */
export interface Argument<T> {
  /** The value when the argument is not given. An argument without this property is required. */
  default?: T;
  /**
   * Parses the argument.
   *
   * @param text The word on the command line.
   * @returns The value.
   * @throws {Error} If the word is invalid. The message states the cause.
   */
  parse(text: string): T | Promise<T>;
}

/**
 * The options of a program by their names in camel case. Each is an {@linkcode Argument}, the default of an
 * option that is text, or `false` for a flag.
 *
 * @category Arguments
 */
export type Options = Record<string, string | Argument<unknown> | false>;

/**
 * Options and operands. The last operand may be `[]`: a list of all remaining words.
 *
 * @category Arguments
 */
export type Arguments = Record<string, Options[string] | []>;

/**
 * The values that a program receives for its {@linkcode Arguments}.
 *
 * @category Arguments
 */
export type Values<A extends Arguments> = {
  [N in keyof A]: A[N] extends Argument<infer T> ? T
    : A[N] extends false ? boolean
    : A[N] extends [] ? string[]
    : string;
};

/**
 * The arguments of a program.
 *
 * @category Arguments
 */
export interface Syntax<O extends Arguments, P extends Options> {
  /** The operands, in order. If there are too few words, the required operands take precedence. */
  operands: O;
  /** The options. Default none. */
  options?: P;
  /**
   * The check of `argc`, for a program with its own message for a wrong number of operands. Called with the
   * number of operands before they are parsed. It must throw or exit if the number is wrong.
   */
  checkCount?: (count: number) => void;
}
