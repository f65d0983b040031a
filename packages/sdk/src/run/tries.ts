/**
 * The Tries of one run, or of one Try with nested work, from the user's call to the reply.
 *
 * T1 A Try is sent only when its registration was answered with "trying" and time is left (rule I4).
 * T2 Any Try that fails fails the run before the user's code learns of it.
 * T3 A failed Try that nobody awaits is no unhandled rejection.
 * T4 What succeeded is each done Try and what its successful attempt told of nested ones, nothing else.
 */
import { type BranchFailure, type BranchId, TercetError, type TryOutcome } from '@tercet/core';
import { linkSignals } from '../abort';
import type { Answer } from '../coordinator/coordinator-transport';
import { type Deadline, deadlineIn } from '../deadline';
import { AttachedError, CoordinatorUnavailableError } from '../errors';
import { type TryStart, branchSpecOf } from './branch-spec';
import type { Registered, RegistrationBatch } from './registration-batch';
import type { RunControl } from './run-control';
import { type AttemptDeps, type TryRecord, attemptTry, unreadable } from './try-attempts';

/** What the Tries of a run need. */
export interface TriesDeps extends AttemptDeps {
  /** The id of the next branch; `branchIds` makes it. */
  readonly nextId: () => BranchId;
  readonly control: RunControl;
  readonly batch: RegistrationBatch;
  /** End of the run's phase one; for nested work, of the Try that does it. */
  readonly deadline: Deadline;
}

/** All Tries that one run, or one Try with nested work, starts itself. */
export class Tries {
  private readonly records: TryRecord[] = [];
  private readonly running = new Set<Promise<unknown>>();

  constructor(private readonly deps: TriesDeps) {}

  /** Starts a Try; the promise is its reply. */
  start(start: TryStart): Promise<unknown> {
    const reply = this.carryOut(start);
    const forget = (): void => void this.running.delete(reply);
    this.running.add(reply);
    reply.then(forget, forget);
    return reply;
  }

  /**
   * Resolves when no Try is under way, those started meanwhile included. By the time the caller goes on another one
   * may have started: look at `busy`.
   */
  async ended(): Promise<void> {
    while (this.busy) await Promise.allSettled(this.running);
  }

  /** Whether a Try is under way. */
  get busy(): boolean {
    return this.running.size > 0;
  }

  /** The branches, in the order of their start; none is added once the run decides. */
  get branches(): readonly TryRecord[] {
    return this.records;
  }

  /** Every branch whose Try is known to be done, nested ones included, each before what is nested under it. */
  succeeded(): readonly BranchId[] {
    const done = this.records.filter(({ outcome }) => outcome === 'done');
    return done.flatMap(({ spec, nested }) => [spec.id, ...nested]);
  }

  /** What a rollback tells: of every Try of this run, and of those nested under a done one, which are done too. */
  outcomes(): ReadonlyMap<BranchId, TryOutcome> {
    return new Map([
      ...this.records.map(({ spec, outcome }) => [spec.id, outcome] as const),
      ...this.succeeded().map((id) => [id, 'done'] as const),
    ]);
  }

  /** Every Try that was sent and failed. */
  failures(): readonly BranchFailure[] {
    return this.records.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  }

  private async carryOut(start: TryStart): Promise<unknown> {
    const { control } = this.deps;
    const refusal = control.refusal();
    if (refusal !== undefined) throw refusal;
    try {
      return await this.registerAndCall(start);
    } catch (error) {
      control.fail(error);
      throw error;
    }
  }

  private async registerAndCall(start: TryStart): Promise<unknown> {
    const { deps } = this;
    const spec = branchSpecOf(deps.nextId(), start, deps.deadline.leftMs());
    const record: TryRecord = { spec, outcome: 'not-sent', failure: undefined, nested: [] };
    this.records.push(record);
    const answer = await deps.batch.register(spec);
    const link = linkSignals([deps.control.signal, start.options.signal]);
    try {
      const { notAfter, remainingMs } = this.permitted(answer, start);
      const left = Math.min(spec.deadlines.forwardMs, remainingMs, deps.deadline.leftMs());
      if (left <= 0) throw tooLate();
      const payload = await attemptTry(deps, {
        record,
        notAfter,
        metadata: start.use.metadata,
        transport: start.use.transport,
        deadline: deadlineIn(deps.clock, left),
        signal: link.signal,
      });
      return this.decoded(record, start, payload);
    } finally {
      link.release();
    }
  }

  /** The registration, where the Try may be sent; else throws why not. */
  private permitted(answer: Answer<Registered>, start: TryStart): Registered {
    const { control, identity } = this.deps;
    const refusal = control.refusal();
    if (refusal !== undefined) throw refusal;
    if (answer.kind === 'refused') throw this.refused(answer.error);
    if (answer.kind === 'lost') {
      throw new CoordinatorUnavailableError({
        message: `branch was not registered: ${answer.error.message}`,
        gid: identity.gid,
        decided: false,
        cause: answer.error,
      });
    }
    const { signal } = start.options;
    if (signal?.aborted !== true) return answer.reply;
    const cause: unknown = signal.reason;
    throw new TercetError('CALL_CANCELLED', {
      message: 'this Try was given up before it was sent',
      cause,
    });
  }

  private refused(error: TercetError): TercetError {
    const { control, identity } = this.deps;
    if (error.code === 'ANOTHER_RUN') {
      const attached = new AttachedError(identity.gid, error);
      control.end({ kind: 'attached', error: attached });
      return attached;
    }
    if (error.code === 'GID_CONFLICT') control.end({ kind: 'conflict', error });
    return error;
  }

  private decoded(record: TryRecord, start: TryStart, payload: Uint8Array): unknown {
    const { buffer, byteOffset, byteLength } = payload;
    try {
      return start.action.methods.try.responseDeserialize(
        Buffer.from(buffer, byteOffset, byteLength),
      );
    } catch (cause) {
      throw unreadable(this.deps.identity, record, cause);
    }
  }
}

function tooLate(): TercetError {
  return new TercetError('DEADLINE_EXCEEDED', {
    message: 'this Try was not sent: the transaction has no time left',
  });
}
