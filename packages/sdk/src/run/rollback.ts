/** Cancels a run: tells how its Tries ended, and what the coordinator made of it. */
import { type TercetError, decisionOf, globalStatuses, plainText } from '@tercet/core';
import { isForeign } from '../coordinator/foreign';
import { repeat } from '../coordinator/repeat';
import { deadlineIn } from '../deadline';
import { durationText } from '../duration';
import { CoordinatorUnavailableError, textOfCause } from '../errors';
import { type Decided, cancelled } from './outcome';
import type { Silence } from './registration-batch';
import { DECISION_MS_MIN, type RunEnv, phaseTwoWaitMs } from './run-env';

/** The run's own timer and the clock may differ by so much at its timeout. */
const TIMER_EARLY_MS = 10;

/** How a rollback ended. */
export type RollbackEnd =
  | { readonly kind: 'rejected'; readonly error: TercetError }
  /** The coordinator had decided confirm: an earlier Commit that counted as refused took effect. */
  | { readonly kind: 'confirmed'; readonly refusal: TercetError };

/**
 * Rolls back. `cause` is what failed first. The Tries must have ended. Never rejects; takes at most what is left
 * of the run, at least 2 s, and the wait for Cancel.
 */
export async function rollback(env: RunEnv, cause: unknown): Promise<RollbackEnd> {
  const { plan, tries, batch } = env;
  await tries.ended();
  // Nothing was registered: there is nobody to tell.
  if (!batch.mayExist) return { kind: 'rejected', error: cancelled(env, cause, undefined) };
  // Nobody has answered yet, and nobody will: a Rollback would only cost its 2 s. A registration that did arrive has
  // sent no Try, and the coordinator cancels it at its deadline.
  const { silence } = batch;
  if (silence !== undefined && (silence.away || env.deadline.leftMs() <= TIMER_EARLY_MS)) {
    return { kind: 'rejected', error: unheard(env, cause, silence) };
  }
  const left = Math.max(env.deadline.leftMs(), DECISION_MS_MIN);
  const waitMs = env.closing.aborted ? 0 : phaseTwoWaitMs(env);
  const { answer } = await repeat(env, {
    deadline: deadlineIn(env.clock, left),
    waitMs,
    signals: [env.closed],
    again: () => true,
    attempt: (bounds) =>
      env.coordinator.rollback(
        {
          gid: plan.gid,
          runId: plan.runId,
          reason: plainText(textOfCause(cause), Number.POSITIVE_INFINITY),
          tries: tries.outcomes(),
          waitFor: 'executed',
          waitMs,
        },
        bounds,
      ),
  });
  if (answer.kind === 'ok') return { kind: 'rejected', error: cancelled(env, cause, answer.reply) };
  if (answer.kind === 'refused') return refused(env, cause, answer.error);
  return { kind: 'rejected', error: undecided(env, cause, answer.error) };
}

function refused(env: RunEnv, cause: unknown, refusal: TercetError): RollbackEnd {
  const status = statusOf(refusal);
  if (refusal.code === 'TRANSACTION_NOT_FOUND' && !env.batch.exists) {
    // The registration never arrived, and if it comes late it finds nobody who commits.
    return { kind: 'rejected', error: cancelled(env, cause, undefined) };
  }
  if (status !== undefined && decisionOf(status) === 'confirm' && refusal.code === 'WRONG_STATUS') {
    return { kind: 'confirmed', refusal };
  }
  return { kind: 'rejected', error: undecided(env, cause, refusal) };
}

function undecided(env: RunEnv, cause: unknown, answer: TercetError): CoordinatorUnavailableError {
  // Where it does not know our run, another one may have decided about this gid.
  const strange = answer.code === 'WRONG_RUN' || answer.code === 'TRANSACTION_NOT_FOUND';
  return new CoordinatorUnavailableError({
    message: `transaction ${env.plan.gid} failed, and Rollback was not answered with a decision: ${answer.message}`,
    gid: env.plan.gid,
    decided: strange ? 'unknown' : false,
    cause,
  });
}

function unheard(env: RunEnv, cause: unknown, silence: Silence): CoordinatorUnavailableError {
  const { address } = env.coordinator;
  const { last, lasted } = silence;
  const who = address === undefined ? 'the coordinator' : `the coordinator at ${address}`;
  const why = last === undefined ? '' : ` (${last.message})`;
  const what =
    last !== undefined && isForeign(last)
      ? last.message
      : `${who} did not answer for ${durationText(lasted)}${why}`;
  return new CoordinatorUnavailableError({
    message: `${what}; no Try was sent`,
    gid: env.plan.gid,
    decided: false,
    cause,
  });
}

/** The transaction's status where an error tells it. */
export function statusOf(error: TercetError): Decided['status'] | undefined {
  const status = error.details['status'];
  return isStatus(status) ? status : undefined;
}

function isStatus(text: string | undefined): text is Decided['status'] {
  return text !== undefined && (globalStatuses as readonly string[]).includes(text);
}
