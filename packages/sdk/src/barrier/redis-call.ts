/**
 * One call of a branch at Redis: the handler plans, its one `apply` is carried out, and what became of that is the end of
 * the call whatever the handler makes of it.
 *
 * RD7 An end that was told (late, conflict, empty, refused, failed) wins over what the handler does with it.
 * RD8 Once `apply` was carried out, a handler that throws, or applies again, leaves the call unknown: never refused, never OK.
 */
import { BarrierError, ConfigError, textOfCause } from '../errors';
import {
  type BarrierCall,
  type BarrierEnd,
  type OpenedCall,
  REPLY_BYTES_MAX,
  type StoredTry,
  type WorkDone,
} from './barrier';
import type { RedisScript } from './redis-script';
import { type ScriptAnswer, scriptAnswer } from './redis-answer';
import { addScript, type ScriptShelf } from './redis-script';
import { type CheckedPlan, checkedPlan, type RedisPlan } from './redis-plan';
import type { RedisSender } from './redis-send';
import { appliedBut, EndedCall, endOf, errorOf, notSentOk, unreadable } from './redis-ends';
import { detailsOf, refuseGivenUp } from './restarts';
import { handlerOf } from './rules';

/** What handlers get as `ctx.db`. */
export interface RedisCall {
  /**
   * Carries out the call's work, as one script with the barrier's own row. To be called exactly once by every handler, with
   * everything that the call is to do; return what it resolves with.
   *
   * Resolves with the reply of the plan, also where the work was done before: its caller then gets the reply of then.
   * Rejects where the call ends without its work (the Try came too late, the Cancel has nothing to undo, `check` refused):
   * let that pass, the SDK answers for it. Rejects with ConfigError, and sends nothing, for a malformed plan, for a second
   * `apply`, and after the handler has ended; with TccRetry where Redis takes no work now, with BarrierError where nobody
   * knows whether the work was done.
   */
  apply<Reply = void>(plan: RedisPlan<Reply>): Promise<Reply>;
}

/** What a call needs. */
export interface RedisCallDeps {
  readonly sender: RedisSender;
  readonly scripts: ScriptShelf;
  readonly keyPrefix: string;
  readonly retentionMs: number;
  readonly now: () => number;
}

/** How the handler, with all around it, ended. */
export type WorkEnd =
  | { readonly kind: 'returned'; readonly done: WorkDone }
  | { readonly kind: 'threw'; readonly error: unknown };

/** How the one `apply` ended. */
type Applied =
  | { readonly kind: 'failed'; readonly error: Error }
  | { readonly kind: 'ended'; readonly end: BarrierEnd }
  | Answered;

/** The work is done, now or before. */
interface Answered {
  readonly kind: 'done' | 'duplicate';
  readonly row: string;
  readonly reply: Uint8Array;
  /** What the handler gets. */
  readonly value: unknown;
  /** Whether the row does not have the reply yet. */
  readonly replyToAdd: boolean;
  readonly note: Uint8Array | undefined;
}

/** One call. */
export class CallAtRedis implements OpenedCall<RedisCall> {
  readonly db: RedisCall = { apply: (plan) => this.apply(plan) };
  private applied: Promise<Applied> | undefined;
  private left: { readonly tried: StoredTry | undefined } | undefined;
  private misuse: string | undefined;
  private ended = false;

  constructor(
    private readonly deps: RedisCallDeps,
    private readonly call: BarrierCall,
  ) {}

  /** What the Try left. Throws ConfigError in Confirm and Cancel until `apply` was answered: only then it is known. */
  get tried(): StoredTry | undefined {
    if (this.call.phase === 'try' || this.left !== undefined) return this.left?.tried;
    throw new ConfigError(
      `${handlerOf(this.call)} asked what its Try left before ctx.db.apply was answered: with Redis it comes with that ` +
        'answer; before, only the texts of check and apply see it, as tried.saved and tried.reply',
    );
  }

  /** What the call comes to, after its handler has ended. Rejects as `Barrier.carryOut` does. */
  async conclude(work: WorkEnd): Promise<BarrierEnd> {
    this.ended = true;
    const applied = await this.applied;
    if (applied === undefined) throw work.kind === 'threw' ? work.error : this.notApplied();
    if (applied.kind === 'failed') throw applied.error;
    if (applied.kind === 'ended') return applied.end;
    if (this.misuse !== undefined) throw appliedBut(this.call, this.misuse);
    if (work.kind === 'threw') {
      throw appliedBut(this.call, `threw afterwards: ${textOfCause(work.error)}`, work.error);
    }
    if (applied.kind === 'done' && Buffer.compare(applied.reply, work.done.reply) !== 0) {
      throw appliedBut(this.call, 'returned another reply than the one that apply resolved with');
    }
    const note = applied.note ?? work.done.note;
    await this.add(applied, applied.note === undefined ? note : undefined);
    return { kind: applied.kind, reply: applied.reply, note };
  }

  private apply<Reply>(plan: RedisPlan<Reply>): Promise<Reply> {
    const result = this.applyOnce(plan);
    // A handler that does not wait for it must not end the process: `conclude` tells what happened.
    result.catch(() => undefined);
    return result;
  }

  private async applyOnce<Reply>(plan: RedisPlan<Reply>): Promise<Reply> {
    if (this.ended) throw this.refused('used ctx.db after it had ended');
    if (this.applied !== undefined) {
      this.misuse = 'called ctx.db.apply twice; the second was not sent. Put everything into one';
      throw this.refused('called ctx.db.apply twice; put everything into one');
    }
    this.applied = this.carriedOut(plan).catch((error: unknown) => ({
      kind: 'failed',
      error: error instanceof Error ? error : new Error(textOfCause(error)),
    }));
    const applied = await this.applied;
    if (applied.kind === 'failed') throw applied.error;
    if (applied.kind === 'ended') throw new EndedCall(applied.end);
    return applied.value as Reply;
  }

  private async carriedOut(plan: RedisPlan<unknown>): Promise<Applied> {
    const { deps, call } = this;
    const { keyPrefix, scripts } = deps;
    const { runId, branchId } = call;
    const checked = checkedPlan(plan, { runId, branchId, keyPrefix, handler: handlerOf(call) });
    const stored = typeof plan.reply === 'function' ? undefined : this.encoded(plan.reply);
    const script = scripts.of(checked.check, checked.apply);
    const answer = await this.answer(checked, script, stored);
    if (answer.kind !== 'done' && answer.kind !== 'duplicate') {
      const end = endOf(call, answer, checked);
      if (end !== undefined) return { kind: 'ended', end };
      throw errorOf(call, answer, { row: checked.row, script });
    }
    this.left = { tried: answer.tried };
    const { value, bytes } = this.replyOf(plan, answer.saved, stored);
    const before = answer.kind === 'duplicate' ? answer.reply : stored;
    return {
      kind: answer.kind,
      row: checked.row,
      reply: before ?? bytes,
      value,
      replyToAdd: before === undefined,
      note: answer.kind === 'duplicate' ? answer.note : undefined,
    };
  }

  private async answer(
    plan: CheckedPlan,
    script: RedisScript,
    reply: Uint8Array | undefined,
  ): Promise<ScriptAnswer> {
    const { deps, call } = this;
    refuseGivenUp(call);
    const sent = await deps.sender.run({
      script,
      keys: [plan.row, ...plan.keys],
      args: [...this.ownArgs(reply), ...plan.args],
      deadline: call.deadline,
    });
    if (sent.kind !== 'answered') throw notSentOk(call, sent, script);
    const answer = scriptAnswer(sent.answer);
    if (answer === undefined) throw unreadable(call, sent.answer);
    return answer;
  }

  private ownArgs(reply: Uint8Array | undefined): (string | Buffer)[] {
    const { call, deps } = this;
    return [
      call.phase,
      call.gid,
      String(call.attempt),
      String(deps.now()),
      String(deps.retentionMs),
      call.cancelWhenTryUnknown,
      reply === undefined ? 'made' : 'stored',
      reply === undefined ? '' : bufferOf(reply),
    ];
  }

  private replyOf(
    { reply }: RedisPlan<unknown>,
    saved: string | undefined,
    stored: Uint8Array | undefined,
  ): { readonly value: unknown; readonly bytes: Uint8Array } {
    if (stored !== undefined) return { value: reply, bytes: stored };
    try {
      const value = (reply as (saved: string | undefined) => unknown)(saved);
      return { value, bytes: this.encoded(value) };
    } catch (error) {
      throw appliedBut(
        this.call,
        `could not make its reply afterwards: ${textOfCause(error)}`,
        error,
      );
    }
  }

  private encoded(reply: unknown): Uint8Array {
    const bytes = this.call.encodeReply(reply);
    if (bytes.length <= REPLY_BYTES_MAX) return bytes;
    throw new ConfigError(
      `${handlerOf(this.call)} gave apply a reply of ${bytes.length} bytes, at most ${REPLY_BYTES_MAX} are kept`,
      detailsOf(this.call),
    );
  }

  /** What was not known before the script of the call. Without it the call is not OK. */
  private async add({ row, reply, replyToAdd }: Answered, note?: Uint8Array): Promise<void> {
    const { call, deps } = this;
    const slot = call.phase === 'try' ? 'try' : 'end';
    const args = [
      ...(replyToAdd ? [`${slot}.reply`, bufferOf(reply)] : []),
      ...(note !== undefined && slot === 'try' ? ['try.note', bufferOf(note)] : []),
    ];
    if (args.length === 0) return;
    const { deadline } = call;
    const sent = await deps.sender.run({ script: addScript, keys: [row], args, deadline });
    if (sent.kind === 'answered') return;
    throw new BarrierError(
      `${handlerOf(call)} has done its work, but what belongs to its reply could not be stored (${textOfCause(sent.error)})`,
      { details: detailsOf(call), cause: sent.error },
    );
  }

  private notApplied(): ConfigError {
    return this.refused(
      'ended without ctx.db.apply; call it once, also where nothing is to be done in Redis (then with the tag alone)',
    );
  }

  private refused(what: string): ConfigError {
    return new ConfigError(`${handlerOf(this.call)} ${what}`, detailsOf(this.call));
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
