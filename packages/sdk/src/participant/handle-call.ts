/**
 * A call that starts: interceptors, handler and nested work, and what they make of the answer.
 *
 * P2 What the handler does decides the answer; an answer leaves after the handler, and all nested work, has ended.
 */
import { runInScope } from '../transaction-scope';
import { type CallAnswer } from './call-answer';
import type { CallContext } from './call-context';
import type { AddTccOptions } from './handlers';
import { type ParticipantInterceptor, withinInterceptors } from './interceptors';
import type { HandlerEnd } from './nested-failure';
import type { NestedWork } from './nested-work';
import type { NestingDeps, ReceivedCall } from './received-call';
import { LateTryError, isVerdict, refusalOf } from './refusal-of-error';

/** What handling needs. */
export interface HandlingDeps extends NestingDeps {
  readonly interceptors: readonly ParticipantInterceptor[];
  readonly onError: AddTccOptions['onError'];
}

/** Handles a call. Rejects only where what was thrown cannot be looked at. */
export async function handleCall(deps: HandlingDeps, received: ReceivedCall): Promise<CallAnswer> {
  received.start(deps);
  const { nested } = received;
  let end: HandlerEnd;
  try {
    const reply = await runInScope(scopeOf(received), () => around(deps, received));
    end = { kind: 'returned', reply };
  } catch (error) {
    end = { kind: 'threw', error };
  }
  // Interceptors may have changed what the rules of nested work had made of the handler's end.
  if (nested !== undefined) end = await nested.close(end);
  if (end.kind === 'threw') return answerOfThrown(deps, received, end.error);
  return { kind: 'reply', reply: end.reply ?? undefined, branches: nested?.succeeded() ?? [] };
}

/** The answer to what was thrown; `onError` hears of what nobody expects. */
export function answerOfThrown(
  deps: Pick<HandlingDeps, 'onError'>,
  { ctx }: ReceivedCall,
  error: unknown,
): CallAnswer {
  if (!isVerdict(error) && !(error instanceof LateTryError)) tell(deps, error, ctx);
  return refusalOf(error);
}

/** What `currentTransaction` tells within the call. */
export function scopeOf({ ctx, call }: ReceivedCall): Parameters<typeof runInScope>[0] {
  const { gid, runId, branchId, phase, deadline } = ctx;
  return { gid, runId, branchId, phase, trace: call.trace, deadline };
}

function around(deps: HandlingDeps, received: ReceivedCall): unknown {
  return deps.interceptors.length === 0
    ? handled(received)
    : intercepted(deps, received, () => handled(received));
}

/** Runs `handler` within the interceptors. */
export function intercepted(
  { interceptors }: HandlingDeps,
  { ctx, route, call }: ReceivedCall,
  handler: () => unknown,
): Promise<unknown> {
  const seen = { ctx, service: route.service, request: call.request };
  return withinInterceptors(interceptors, seen, handler);
}

function handled({ route, call, ctx, nested }: ReceivedCall): unknown {
  const work = (): unknown => route.handler(call.request, ctx);
  return nested === undefined ? work() : concluded(nested, work);
}

async function concluded(nested: NestedWork, work: () => unknown): Promise<unknown> {
  const end = await nested.conclude(await endOf(work));
  if (end.kind === 'threw') throw end.error;
  return end.reply;
}

/** How something ended. Never rejects. */
export async function endOf(work: () => unknown): Promise<HandlerEnd> {
  try {
    return { kind: 'returned', reply: await work() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

/** Tells `onError`: a hook must not change what the caller is told, nor end the process, and nobody waits for it. */
export function tell(
  { onError }: Pick<HandlingDeps, 'onError'>,
  error: unknown,
  ctx: CallContext,
): void {
  try {
    void Promise.resolve(onError?.(error, ctx)).catch(() => {});
  } catch {}
}
