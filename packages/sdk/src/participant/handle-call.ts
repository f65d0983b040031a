/**
 * A call that starts: interceptors, handler and nested work, and what they make of the answer.
 *
 * P2 What the handler does decides the answer; an answer leaves after the handler, and all nested work, has ended.
 */
import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { metadataKeys } from '@tercet/core';
import type { MethodLike } from '../service-definition';
import { runInScope } from '../transaction-scope';
import type { CallContext } from './call-context';
import { readTrace } from './call-headers';
import type { AddTccOptions } from './handlers';
import { type ParticipantInterceptor, withinInterceptors } from './interceptors';
import type { HandlerEnd } from './nested-failure';
import type { NestedWork } from './nested-work';
import { isVerdict, statusOfError } from './status-of-error';

/** A handler as it is called; its types were checked at `addTcc`. */
export type PhaseHandler = (request: unknown, ctx: CallContext) => unknown;

/** Which handler a method has. */
export interface Route {
  /** `shop.StockTcc`. */
  readonly service: string;
  readonly action: string;
  readonly phase: 'try' | 'confirm' | 'cancel';
  readonly method: MethodLike;
  readonly handler: PhaseHandler;
}

/** What handling needs. */
export interface HandlingDeps {
  readonly interceptors: readonly ParticipantInterceptor[];
  readonly onError: AddTccOptions['onError'];
}

/** A call with all that its handler gets. */
export interface ReceivedCall {
  readonly request: unknown;
  readonly ctx: CallContext;
  /** undefined = this call can have none. */
  readonly nested: NestedWork | undefined;
}

/** How a call is answered. */
export type CallAnswer =
  | { readonly kind: 'reply'; readonly reply: unknown; readonly trailers: Metadata }
  | { readonly kind: 'status'; readonly status: StatusObject };

/** Handles a call. Rejects only where what was thrown cannot be looked at. */
export async function handleCall(
  deps: HandlingDeps,
  route: Route,
  received: ReceivedCall,
): Promise<CallAnswer> {
  const { ctx, nested } = received;
  const { gid, runId, branchId, phase } = ctx;
  const { deadline } = ctx;
  const scope = { gid, runId, branchId, phase, trace: readTrace(ctx.metadata), deadline };
  const ended = await runInScope(scope, () => endOf(() => around(deps, route, received)));
  // Interceptors may have changed what the rules of nested work had made of the handler's end.
  const end = nested === undefined ? ended : await nested.close(ended);
  if (end.kind === 'threw') {
    if (!isVerdict(end.error)) tell(deps, end.error, ctx);
    return { kind: 'status', status: statusOfError(end.error) };
  }
  // No bytes are the empty message of every type.
  const reply = end.reply ?? route.method.responseDeserialize(Buffer.alloc(0));
  return { kind: 'reply', reply, trailers: trailersOf(nested) };
}

function around(deps: HandlingDeps, route: Route, received: ReceivedCall): Promise<unknown> {
  const { ctx, nested, request } = received;
  const call = { ctx, service: route.service, request };
  return withinInterceptors(deps.interceptors, call, async () => {
    const ended = await endOf(() => route.handler(request, ctx));
    const end = nested === undefined ? ended : await nested.conclude(ended);
    if (end.kind === 'threw') throw end.error;
    return end.reply;
  });
}

async function endOf(work: () => unknown): Promise<HandlerEnd> {
  try {
    return { kind: 'returned', reply: await work() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

function trailersOf(nested: NestedWork | undefined): Metadata {
  const trailers = new Metadata();
  const ids = nested?.succeeded() ?? [];
  if (ids.length > 0) trailers.set(metadataKeys.branches, ids.join(','));
  return trailers;
}

function tell(deps: HandlingDeps, error: unknown, ctx: CallContext): void {
  // A hook must not change what the caller is told, nor end the process, and nobody waits for it.
  try {
    void Promise.resolve(deps.onError?.(error, ctx)).catch(() => {});
  } catch {}
}
