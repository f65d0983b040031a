/**
 * The calls of one registered Try, until one of them tells how it ended.
 *
 * A1 From the moment the first attempt leaves, the outcome is `unknown` until an answer says otherwise.
 * A2 Only the verdict `retry` is repeated: it promises that nothing was applied.
 * A3 What an interceptor throws fails the Try, but never changes the outcome that a reply stood for.
 * A4 Only ids nested under the called branch count as nested; a reply that names others tells nothing at all.
 */
import {
  RETRY_DELAY_MS_MIN,
  type BranchFailure,
  type BranchId,
  type BranchSpec,
  type CallFailure,
  TercetError,
  type TryOutcome,
  grpcCode,
  metadataKeys,
  nextDelayMs,
  outcomeOf,
  parseBranchId,
  serviceOf,
} from '@tercet/core';
import { sleep } from '../abort';
import type { TimePorts } from '../coordinator/repeat';
import type { Deadline } from '../deadline';
import { TryRejectedError, TryUnknownError } from '../errors';
import { isNestedUnder } from './branch-ids';
import { type SendDeps, type Sending, sendTry } from './intercepted-try';
import { traceMetadata } from './metadata-rules';
import type { RunIdentity } from './run-plan';

/** What the run knows of one Try. */
export interface TryRecord {
  readonly spec: BranchSpec;
  outcome: TryOutcome;
  /** How it failed, where it was sent and failed. */
  failure: BranchFailure | undefined;
  /** The nested branches that its successful attempt told of. */
  nested: readonly BranchId[];
}

/** What calling needs. */
export interface AttemptDeps extends TimePorts, SendDeps {
  readonly identity: RunIdentity;
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

/**
 * Calls until it is over. Resolves with the encoded reply; rejects with TryRejectedError, TryUnknownError, or with what
 * an interceptor threw.
 */
export async function attemptTry(deps: AttemptDeps, job: TryJob): Promise<Uint8Array> {
  const { record, signal } = job;
  const firstAt = deps.clock.now();
  for (let attempt = 1; ; attempt++) {
    const sent = await sendTry(deps, sendingOf(deps, job, attempt));
    if (sent.kind === 'not-sent') throw sent.error;
    const { reply, broken } = sent;
    const outcome = outcomeOf(record.spec.dialect, 'try', reply);
    if (outcome.kind === 'done') {
      record.nested = nestedOf(deps.identity, record, reply.branches);
      record.outcome = 'done';
      if (broken !== undefined) throw broken.error;
      return reply.payload ?? new Uint8Array();
    }
    // What the participant promised: nothing was applied. For the rollback `again` is as good as a refusal.
    if (outcome.kind === 'refused' || outcome.kind === 'again') record.outcome = 'refused';
    record.failure = failureOf(record.spec, outcome.failure, {
      details: reply.rejectDetails,
      attempts: attempt,
      firstAt,
      lastAt: deps.clock.now(),
    });
    if (broken !== undefined) throw broken.error;
    if (outcome.kind !== 'again') {
      throw finalError(deps.identity, record.failure, {
        refused: outcome.kind === 'refused',
        signal,
      });
    }
    const wish = outcome.afterMs ?? nextDelayMs(record.spec.retry, attempt, deps.random);
    const delay = Math.max(RETRY_DELAY_MS_MIN, wish);
    const worthIt = delay < job.deadline.leftMs();
    if (worthIt) await sleep(deps.scheduler, delay, signal);
    if (!worthIt || signal.aborted) {
      throw new TryUnknownError(deps.identity.gid, record.failure, signal.reason);
    }
  }
}

/** The failure of a Try that answered OK with something that could not be read. */
export function unreadable(
  { gid }: RunIdentity,
  record: TryRecord,
  cause: unknown,
): TryUnknownError {
  const failure = {
    grpcCode: grpcCode.INTERNAL,
    message: cause instanceof TercetError ? cause.message : 'the reply cannot be decoded',
    peer: undefined,
  };
  record.failure = failureOf(record.spec, failure, { attempts: 1 });
  return new TryUnknownError(gid, record.failure, cause);
}

function nestedOf(
  identity: RunIdentity,
  record: TryRecord,
  told: readonly string[],
): readonly BranchId[] {
  try {
    return [...new Set(told.map((text) => nestedId(text, record.spec.id)))];
  } catch (cause) {
    throw unreadable(identity, record, cause);
  }
}

function nestedId(text: string, parent: BranchId): BranchId {
  const id = parseBranchId(text, metadataKeys.branches);
  if (isNestedUnder(id, parent)) return id;
  throw new TercetError('INVALID_ARGUMENT', {
    message: `${metadataKeys.branches}: ${id} is not nested under branch ${parent}`,
    details: { field: metadataKeys.branches },
  });
}

function sendingOf({ identity }: AttemptDeps, job: TryJob, attempt: number): Sending {
  const { record, deadline } = job;
  const { spec } = record;
  const { forward: method } = spec.methods;
  const { gid, runId } = identity;
  return {
    info: {
      gid,
      runId,
      branch: spec.id,
      action: spec.action,
      service: serviceOf(method),
      method,
      target: spec.target,
      attempt,
    },
    call: {
      target: spec.target,
      method,
      payload: spec.payload,
      metadata: {
        ...job.metadata,
        ...traceMetadata(identity.trace),
        [metadataKeys.gid]: gid,
        [metadataKeys.runId]: runId,
        [metadataKeys.branchId]: spec.id,
        [metadataKeys.action]: spec.action,
        [metadataKeys.phase]: 'try',
        [metadataKeys.attempt]: String(attempt),
        [metadataKeys.notAfter]: String(job.notAfter),
      },
      signal: job.signal,
    },
    deadline,
    sent: () => {
      record.outcome = 'unknown';
    },
  };
}

function finalError(
  { gid }: RunIdentity,
  failure: BranchFailure,
  end: { readonly refused: boolean; readonly signal: AbortSignal },
): TryRejectedError | TryUnknownError {
  if (end.refused) return new TryRejectedError(gid, failure);
  return new TryUnknownError(gid, failure, end.signal.reason);
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
