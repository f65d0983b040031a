/** The command line cannot be understood: exit code 2, nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  constructor(
    message: string,
    /** What to type instead. */
    readonly hint: string,
  ) {
    super(message);
  }
}
