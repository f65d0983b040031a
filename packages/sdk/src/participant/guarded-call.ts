/**
 * A call behind a barrier: interceptors around it, then the barrier, and inside of its local transaction the handler with
 * its nested work.
 *
 * B1 The handler runs once for each local transaction, with a `ctx` and nested work of its own. Nested ids begin anew, so
 *    a restart registers the same branches. A nested Try that failed fails the work: the local transaction is rolled back.
 * B2 The reply is encoded before COMMIT; one that cannot be encoded rolls back. The bytes that were kept are those that
 *    leave, now and for every duplicate, with the same nested ids.
 * B3 OK is answered only where the barrier said so. An interceptor cannot make OK of a call that was rolled back, was kept
 *    out, or was never carried out; nor another error of a conflict, of a late Try, or of an end that nobody knows.
 * B4 No call comes to the barrier before it was found usable (BarrierReadiness).
 */
import { status } from '@grpc/grpc-js';
import { onAbort } from '../abort';
import {
  type Barrier,
  type BarrierCall,
  type BarrierEnd,
  NOTE_BYTES_MAX,
  type OpenedCall,
  type WorkDone,
} from '../barrier/barrier';
import { BarrierConflictError, BarrierError, ConfigError, textOfCause } from '../errors';
import { runInScope } from '../transaction-scope';
import type { BarrierReadiness } from './barrier-readiness';
import { type CallAnswer, type CallRefusal, refusal, replyBytes } from './call-answer';
import { EncodedReply, bufferOf } from './encoded-reply';
import { GuardedContext, handlerOf, tooLarge } from './guarded-context';
import {
  type HandlingDeps,
  answerOfThrown,
  endOf,
  intercepted,
  scopeOf,
  tell,
} from './handle-call';
import type { HandlerEnd } from './nested-failure';
import type { NestedWork } from './nested-work';
import type { ReceivedCall } from './received-call';
import { LateTryError, textOfThrown } from './refusal-of-error';
import { type Note, decodeNote, encodeNote } from './stored-note';

/** The barrier of a service. */
export interface Guard {
  readonly barrier: Barrier<unknown>;
  readonly readiness: BarrierReadiness;
}

/** Why a call may not come to the barrier yet (B4); undefined = it may. */
export async function refusalByBarrier(
  { barrier, readiness }: Guard,
  deps: HandlingDeps,
  { call, ctx }: ReceivedCall,
): Promise<CallRefusal | undefined> {
  let giveUp: () => void = () => {};
  const gone = new Promise<void>((resolve) => {
    giveUp = onAbort(call.signal, () => resolve());
  });
  try {
    await Promise.race([readiness.readyForCall(), gone]);
  } catch (error) {
    tell(deps, error, ctx);
    return refusal(status.UNAVAILABLE, textOfThrown(`the barrier ${barrier.name}`, error));
  } finally {
    giveUp();
  }
  if (!call.givenUp) return undefined;
  return refusal(status.CANCELLED, 'given up before the barrier was found usable');
}

/** Handles a call that may start. Rejects only where what was thrown cannot be looked at. */
export async function handleGuarded(
  guard: Guard,
  deps: HandlingDeps,
  received: ReceivedCall,
): Promise<CallAnswer> {
  received.startBehindBarrier();
  const guarded = new GuardedCall(guard.barrier, deps, received);
  const end = await guarded.settled(await endOf(() => around(guarded, deps, received)));
  if (end.kind === 'threw') return answerOfThrown(deps, received, end.error);
  return { kind: 'reply', reply: end.reply, branches: guarded.branches };
}

/** The handler has a scope of its own: it starts behind awaits of the barrier. */
function around(guarded: GuardedCall, deps: HandlingDeps, received: ReceivedCall): unknown {
  const carryOut = (): Promise<unknown> => guarded.carryOut();
  if (deps.interceptors.length === 0) return carryOut();
  return runInScope(scopeOf(received), () => intercepted(deps, received, carryOut));
}

/** One call at the barrier. */
class GuardedCall {
  /** What the last local transaction replied with, before it was encoded. */
  private reply: unknown;
  private nested: NestedWork | undefined;
  private end: BarrierEnd | undefined;
  private note: Note | undefined;
  private failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly barrier: Barrier<unknown>,
    private readonly deps: HandlingDeps,
    private readonly received: ReceivedCall,
  ) {}

  /** The nested branches that an OK names. */
  get branches(): Note['branches'] {
    return this.note?.branches ?? [];
  }

  /** Resolves with the reply; rejects with why there is none. */
  async carryOut(): Promise<unknown> {
    try {
      const end = await this.barrier.carryOut(this.asCall(), (opened) => this.work(opened));
      return this.ended(end);
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  /** B3: what the interceptors made of the end, put right. */
  async settled(end: HandlerEnd): Promise<HandlerEnd> {
    const kept = this.kept(end);
    return this.nested === undefined ? kept : await this.nested.close(kept);
  }

  private kept(end: HandlerEnd): HandlerEnd {
    const { failure } = this;
    if (failure !== undefined && (end.kind === 'returned' || stands(failure.error))) {
      return { kind: 'threw', error: failure.error };
    }
    if (end.kind === 'threw') return end;
    if (this.end === undefined) return { kind: 'threw', error: this.notCarriedOut() };
    return { kind: 'returned', reply: end.reply ?? undefined };
  }

  private ended(end: BarrierEnd): unknown {
    const { route, ctx } = this.received;
    switch (end.kind) {
      case 'late':
        throw new LateTryError();
      case 'conflict':
        throw new BarrierConflictError(end.message, detailsOf(this.received));
      case 'empty':
        this.end = end;
        return undefined;
      case 'done':
      case 'duplicate':
        if (ctx.phase === 'try') this.note = decodeNote(end.note);
        this.end = end;
        // Interceptors look at messages, and may replace them.
        if (this.deps.interceptors.length === 0) return new EncodedReply(bufferOf(end.reply));
        return end.kind === 'done'
          ? this.reply
          : route.method.responseDeserialize(bufferOf(end.reply));
    }
  }

  /** B1: one local transaction. */
  private async work(opened: OpenedCall<unknown>): Promise<WorkDone> {
    const { received, deps } = this;
    const { route, call } = received;
    const nested = received.nestedWork(deps);
    this.nested = nested;
    const { headers } = received;
    const ctx = new GuardedContext({ route, call, headers, use: received.useOf(nested) }, opened);
    let end = await endOf(() =>
      runInScope(scopeOf(received), () => route.handler(call.request, ctx)),
    );
    const saved = ctx.end();
    if (nested !== undefined) end = await nested.close(end);
    if (end.kind === 'threw') throw end.error;
    this.reply = end.reply ?? undefined;
    const reply = this.encoded(end.reply);
    if (route.phase !== 'try') return { reply, note: undefined };
    return { reply, note: this.noteOf({ saved, branches: nested?.succeeded() ?? [] }) };
  }

  private noteOf(note: Note): Uint8Array | undefined {
    const bytes = encodeNote(note);
    if (bytes === undefined || bytes.length <= NOTE_BYTES_MAX) return bytes;
    throw new ConfigError(`ctx.save: ${tooLarge(handlerOf(this.received.route), bytes.length)}`);
  }

  /** B2. */
  private encoded(reply: unknown): Uint8Array {
    const { route } = this.received;
    try {
      return replyBytes(route.method, reply ?? undefined);
    } catch (cause) {
      throw new ConfigError(
        `${handlerOf(route)} returned a reply that ${route.method.path} cannot encode: ${textOfCause(cause)}; nothing was committed`,
      );
    }
  }

  private asCall(): BarrierCall {
    const { route, headers, call } = this.received;
    return {
      runId: headers.runId,
      branchId: headers.branchId,
      gid: headers.gid,
      service: route.service,
      action: route.action,
      phase: route.phase,
      attempt: headers.attempt,
      deadline: call.deadline,
      givenUp: () => call.givenUp,
      cancelWhenTryUnknown: route.cancelWhenTryUnknown,
      encodeReply: (reply) => this.encoded(reply),
    };
  }

  private notCarriedOut(): ConfigError {
    const { phase, action } = this.received.route;
    return new ConfigError(
      `an interceptor of this participant answered ${phase} of ${action} without calling next: with a barrier nothing is OK that did not go through it`,
      { option: 'interceptors' },
    );
  }
}

/** Whether interceptors may not make another error of it. */
function stands(error: unknown): boolean {
  return (
    error instanceof BarrierConflictError ||
    error instanceof BarrierError ||
    error instanceof LateTryError
  );
}

function detailsOf({ ctx, route }: ReceivedCall): Readonly<Record<string, string>> {
  const { gid, runId, branchId, action, phase } = ctx;
  return { gid, run_id: runId, branch_id: branchId, service: route.service, action, phase };
}
