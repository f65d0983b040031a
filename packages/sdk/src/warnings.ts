/** What a client or a participant tells besides results and errors: nothing of it makes a run or a call fail. */

/** Something that went wrong beside the work. */
export interface TercetWarning {
  /**
   * Stable.
   * - `RESULT_NOT_ENCODED`: the callback's value cannot be encoded; attached runs get `undefined`.
   * - `RESULT_TOO_LARGE`: the same, because its encoding is above 64 KiB.
   * - `RESULT_NOT_DECODED`: the value of the run that did the work cannot be read; this run gets `undefined`.
   * - `RESULT_NOT_KEPT`: the same, because the run that did the work ended so long ago that its value is no longer kept.
   * - `DELIVER_NOT_OFFERED`: a participant's calls come one by one, unary, though nobody asked for that.
   * - `BARRIER_NOT_CLEANED`: rows of finished branches could not be removed; it is tried again within the hour.
   * - `BARRIER_NOT_DURABLE`: the barrier's server may forget what it has answered; the text names its settings.
   */
  readonly code:
    | 'RESULT_NOT_ENCODED'
    | 'RESULT_TOO_LARGE'
    | 'RESULT_NOT_DECODED'
    | 'RESULT_NOT_KEPT'
    | 'DELIVER_NOT_OFFERED'
    | 'BARRIER_NOT_CLEANED'
    | 'BARRIER_NOT_DURABLE';
  /** What happened and what can be done, for people. Not stable. */
  readonly message: string;
  /** The transaction that it concerns; undefined = none in particular. */
  readonly gid: string | undefined;
  /** The run that met it; undefined = none in particular. */
  readonly runId: string | undefined;
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
