/** What a client tells besides results and errors: nothing of it makes a run fail. */

/** Something that went wrong beside the work. */
export interface TercetWarning {
  /**
   * Stable.
   * - `RESULT_NOT_ENCODED`: the callback's value cannot be encoded; attached runs get `undefined`.
   * - `RESULT_TOO_LARGE`: the same, because its encoding is above 64 KiB.
   * - `RESULT_NOT_DECODED`: the value of the run that did the work cannot be read; this run gets `undefined`.
   */
  readonly code: 'RESULT_NOT_ENCODED' | 'RESULT_TOO_LARGE' | 'RESULT_NOT_DECODED';
  /** What happened and what can be done, for people. Not stable. */
  readonly message: string;
  readonly gid: string;
  /** The run that met it. */
  readonly runId: string;
  /** What was thrown; undefined = nothing was. */
  readonly cause: unknown;
}

/** Hears of warnings. What it throws is ignored. */
export type WarningListener = (warning: TercetWarning) => void;

/** Tells a warning. Never throws. */
export function warn(listener: WarningListener | undefined, warning: TercetWarning): void {
  try {
    listener?.(warning);
  } catch {
    // A log that fails must not fail the work.
  }
}
