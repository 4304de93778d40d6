/**
 * The error of a wrong command line.
 *
 * @module
 */

/**
 * The command line is not what the program's usage says.
 *
 * See {@linkcode main} for an example.
 */
export class UsageError extends Error {
  /** Its name, as every error has one. */
  override name = "UsageError";
  /** The exit status. */
  readonly status: number;

  /**
   * Makes the error.
   *
   * @param message What is wrong with the command line.
   * @param status The exit status. Default 2.
   */
  constructor(message: string, status: number = 2) {
    super(message);
    this.status = status;
  }
}
