/**
 * The calls of one registered Try, until one of them tells how it ended.
 *
 * A1 From the moment the first attempt leaves, the outcome is `unknown` until an answer says otherwise.
 * A2 Only the verdict `retry` is repeated: it promises that nothing was applied.
 */
import {
  type BranchFailure,
  type BranchSpec,
  type CallFailure,
  type Outcome,
  type TryOutcome,
  grpcCode,
  metadataKeys,
  nextDelayMs,
  outcomeOf,
  serviceOf,
} from '@tercet/core';
import { sleep } from '../abort';
import type { TimePorts } from '../coordinator/repeat';
import type { Deadline } from '../deadline';
import { TryRejectedError, TryUnknownError } from '../errors';
import type { RunPlan } from './run-plan';
import type { TryCaller, TryReply } from './try-caller';

/** What the run knows of one Try. */
export interface TryRecord {
  readonly spec: BranchSpec;
  outcome: TryOutcome;
  /** How it failed, where it was sent and failed. */
  failure: BranchFailure | undefined;
}

/** What calling needs. */
export interface AttemptDeps extends TimePorts {
  readonly caller: TryCaller;
  readonly plan: RunPlan;
}

/** A registered Try. */
export interface TryJob {
  readonly record: TryRecord;
  readonly notAfter: number;
  /** The user's metadata. */
  readonly metadata: Readonly<Record<string, string | Uint8Array>>;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
}

/** Calls until it is over. Resolves with the encoded reply; rejects with TryRejectedError or TryUnknownError. */
export async function attemptTry(deps: AttemptDeps, job: TryJob): Promise<Uint8Array> {
  const { record, signal } = job;
  const firstAt = deps.clock.now();
  for (let attempt = 1; ; attempt++) {
    record.outcome = 'unknown';
    const reply = await callOnce(deps, job, attempt);
    const outcome = outcomeOf(record.spec.dialect, 'try', reply);
    if (outcome.kind === 'done') {
      record.outcome = 'done';
      return reply.payload ?? new Uint8Array();
    }
    record.failure = failureOf(record.spec, outcome.failure, {
      details: reply.rejectDetails,
      attempts: attempt,
      firstAt,
      lastAt: deps.clock.now(),
    });
    if (outcome.kind !== 'again') throw finalError(deps.plan, record, { outcome, signal });
    // The participant promised that nothing was applied: for the rollback that is as good as a refusal.
    record.outcome = 'refused';
    const delay = outcome.afterMs ?? nextDelayMs(record.spec.retry, attempt, deps.random);
    const worthIt = delay < job.deadline.leftMs();
    if (worthIt) await sleep(deps.scheduler, delay, signal);
    if (!worthIt || signal.aborted) {
      throw new TryUnknownError(deps.plan.gid, record.failure, signal.reason);
    }
  }
}

/** The failure of a Try whose reply could not be read: the Try itself succeeded. */
export function unreadable(plan: RunPlan, record: TryRecord, cause: unknown): TryUnknownError {
  const failure = {
    grpcCode: grpcCode.INTERNAL,
    message: 'the reply cannot be decoded',
    peer: undefined,
  };
  record.failure = failureOf(record.spec, failure, { attempts: 1 });
  return new TryUnknownError(plan.gid, record.failure, cause);
}

function callOnce(deps: AttemptDeps, job: TryJob, attempt: number): Promise<TryReply> {
  const { spec } = job.record;
  const { plan } = deps;
  const trace =
    plan.trace === undefined
      ? {}
      : {
          [metadataKeys.traceparent]: plan.trace.traceparent,
          ...(plan.trace.tracestate === ''
            ? {}
            : { [metadataKeys.tracestate]: plan.trace.tracestate }),
        };
  return deps.caller.call({
    target: spec.target,
    method: spec.methods.forward,
    payload: spec.payload,
    metadata: {
      ...job.metadata,
      ...trace,
      [metadataKeys.gid]: plan.gid,
      [metadataKeys.runId]: plan.runId,
      [metadataKeys.branchId]: spec.id,
      [metadataKeys.action]: spec.action,
      [metadataKeys.phase]: 'try',
      [metadataKeys.attempt]: String(attempt),
      [metadataKeys.notAfter]: String(job.notAfter),
    },
    deadlineMs: job.deadline.leftMs(),
    signal: job.signal,
  });
}

function finalError(
  plan: RunPlan,
  record: TryRecord,
  end: { outcome: Exclude<Outcome, { kind: 'done' | 'again' }>; signal: AbortSignal },
): TryRejectedError | TryUnknownError {
  const failure = record.failure ?? failureOf(record.spec, end.outcome.failure, { attempts: 1 });
  if (end.outcome.kind !== 'refused')
    return new TryUnknownError(plan.gid, failure, end.signal.reason);
  record.outcome = 'refused';
  return new TryRejectedError(plan.gid, failure);
}

function failureOf(
  spec: BranchSpec,
  failure: CallFailure,
  seen: { attempts: number; details?: unknown; firstAt?: number; lastAt?: number },
): BranchFailure {
  return {
    branch: spec.id,
    action: spec.action,
    service: serviceOf(spec.methods.forward),
    method: spec.methods.forward,
    phase: 'try',
    grpcCode: failure.grpcCode,
    message: failure.message,
    details: seen.details,
    attempts: seen.attempts,
    firstAt: seen.firstAt,
    lastAt: seen.lastAt,
    nextAt: undefined,
    peer: failure.peer,
  };
}
