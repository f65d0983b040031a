/** The value of a run on its way to attached runs. What goes wrong with it is a warning, never an error. */
import { limits } from '@tercet/core';
import { textOfCause } from '../errors';
import { type WarningListener, warn } from '../warnings';
import type { RunPlan } from './run-plan';

/** The bytes that Commit carries, or undefined where there are none: no value, or one that cannot be carried. */
export function encodedResult(
  plan: RunPlan,
  value: unknown,
  onWarning: WarningListener | undefined,
): Uint8Array | undefined {
  if (value === undefined) return undefined;
  const { gid, runId } = plan;
  const tell = (code: 'RESULT_NOT_ENCODED' | 'RESULT_TOO_LARGE', why: string, cause?: unknown) =>
    warn(onWarning, {
      code,
      message: `the value of run ${gid} is left out, attached runs will get undefined: ${why}`,
      gid,
      runId,
      cause,
    });
  try {
    const bytes: unknown = plan.codec.encode(value);
    if (!(bytes instanceof Uint8Array)) throw new TypeError('encode has to return a Uint8Array');
    if (bytes.length <= limits.resultBytesMax) return bytes;
    tell(
      'RESULT_TOO_LARGE',
      `it takes ${bytes.length} bytes, at most ${limits.resultBytesMax} are kept; return less, such as an id`,
    );
  } catch (cause) {
    tell('RESULT_NOT_ENCODED', textOfCause(cause), cause);
  }
  return undefined;
}

/** The value of the run that did the work was there once, and is not any more. */
export function warnOfTombstone(plan: RunPlan, onWarning: WarningListener | undefined): void {
  const { gid, runId } = plan;
  warn(onWarning, {
    code: 'RESULT_NOT_KEPT',
    message: `the work of ${gid} was done and confirmed by an earlier run, but that run’s value is no longer kept: this run has undefined; the coordinator keeps values for --retention`,
    gid,
    runId,
    cause: undefined,
  });
}

/** The value of the run that did the work, or undefined where it gave none or it cannot be read. */
export function decodedResult(
  plan: RunPlan,
  bytes: Uint8Array | undefined,
  onWarning: WarningListener | undefined,
): unknown {
  if (bytes === undefined) return undefined;
  try {
    return plan.codec.decode(bytes);
  } catch (cause) {
    warn(onWarning, {
      code: 'RESULT_NOT_DECODED',
      message: `the value of the run that did ${plan.gid} cannot be read: ${textOfCause(cause)}; do both runs use the same codec?`,
      gid: plan.gid,
      runId: plan.runId,
      cause,
    });
    return undefined;
  }
}
