/**
 * The error of an invalid command line.
 *
 * @module
 */

/**
 * The error of an invalid command line. {@linkcode main} prints it with the usage, and exits.
 *
 * See {@linkcode main} for an example.
 *
 * @category Program
 */
export class UsageError extends Error {
  /** `UsageError`. */
  override name = "UsageError";
  /** The exit status. */
  readonly status: number;

  /**
   * Creates the error.
   *
   * @param message The cause.
   * @param status The exit status. Default 2.
   */
  constructor(message: string, status?: number) {
    status ??= 2;
    super(message);
    this.status = status;
  }
}
