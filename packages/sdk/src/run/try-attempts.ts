/**
 * The calls of one registered Try, until one of them tells how it ended.
 *
 * A1 From the moment the first attempt leaves, the outcome is `unknown` until an answer says otherwise.
 * A2 Only the verdict `retry` is repeated: it promises that nothing was applied.
 * A3 What an interceptor throws fails the Try, but never changes the outcome that a reply stood for.
 * A4 Only ids nested under the called branch count as nested; a reply that names others tells nothing at all.
 * A5 An attempt that never left changes no outcome: whatever was known before it is still so.
 */
import {
  type BranchFailure,
  type BranchId,
  type BranchSpec,
  type CallFailure,
  type CallSignal,
  grpcCode,
  metadataKeys,
  nextDelayMs,
  outcomeOf,
  parseBranchId,
  RETRY_DELAY_MS_MIN,
  serviceOf,
  TercetError,
  type TryOutcome,
} from '@tercet/core';
import { sleep } from '../abort';
import type { TimePorts } from '../coordinator/repeat';
import type { Deadline } from '../deadline';
import { TryRejectedError, TryUnknownError } from '../errors';
import { isNestedUnder } from './branch-ids';
import { type SendDeps, type Sending, sendTry } from './intercepted-try';
import type { RunIdentity } from './run-plan';
import type { TryCall, TryReply } from './try-caller';

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
  readonly metadata: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** As `tx.use` was told. */
  readonly transport: TryCall['transport'];
  readonly deadline: Deadline;
  readonly signal: CallSignal;
}

/**
 * Calls until it is over. Resolves with the encoded reply; rejects with TryRejectedError, TryUnknownError, or with what
 * an interceptor threw.
 */
export async function attemptTry(deps: AttemptDeps, job: TryJob): Promise<Uint8Array> {
  const { record, signal } = job;
  const firstAt = deps.clock.now();
  for (let attempt = 1; ; attempt++) {
    const before = record.outcome;
    const sent = await sendTry(deps, sendingOf(deps, job, attempt));
    if (sent.kind === 'not-sent') throw sent.error;
    const { reply, broken } = sent;
    if (reply.sent === false) {
      record.outcome = before;
      if (broken === undefined) throw neverSent(reply, signal);
      throw broken.error;
    }
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
    const inTime = await pause(deps, job, Math.max(RETRY_DELAY_MS_MIN, wish));
    if (!inTime) throw new TryUnknownError(deps.identity.gid, record.failure, signal.reason);
  }
}

/** Waits for the next attempt; false = there will be none. */
async function pause(deps: AttemptDeps, job: TryJob, delayMs: number): Promise<boolean> {
  if (delayMs >= job.deadline.leftMs()) return false;
  await sleep(deps.scheduler, delayMs, job.signal);
  return !job.signal.aborted;
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
  const { record, deadline, notAfter, metadata: userMetadata, signal, transport } = job;
  const { spec } = record;
  return {
    made: { identity, spec, attempt, notAfter, userMetadata, signal, transport },
    deadline,
    sent: () => {
      record.outcome = 'unknown';
    },
  };
}

function neverSent({ code, message }: TryReply, signal: CallSignal): TercetError {
  const options = { message: `this Try was not sent: ${message}`, cause: signal.reason };
  switch (code) {
    case grpcCode.DEADLINE_EXCEEDED:
      return new TercetError('DEADLINE_EXCEEDED', options);
    case grpcCode.RESOURCE_EXHAUSTED:
      return new TercetError('LIMIT_EXCEEDED', options);
    case grpcCode.INVALID_ARGUMENT:
      return new TercetError('INVALID_ARGUMENT', options);
    default:
      return new TercetError('CALL_CANCELLED', options);
  }
}

function finalError(
  { gid }: RunIdentity,
  failure: BranchFailure,
  end: { readonly refused: boolean; readonly signal: CallSignal },
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
