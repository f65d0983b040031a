/**
 * One attempt of a Try within its client's interceptors.
 *
 * N1 What the participant answered counts, whatever an interceptor does afterwards.
 * N2 A Try that has no time left, or was given up, is not sent any more.
 * N3 No interceptor keeps a Try from ending: the wait for it is bounded.
 */
import { type CallSignal, type Scheduler, TercetError, serviceOf } from '@tercet/core';
import { onAbort } from '../abort';
import type { Deadline } from '../deadline';
import type { TercetInterceptor, TryAdditions, TryInfo } from '../interceptors';
import { namesOf, refuseUnknown } from '../known-options';
import { type Link, startChain } from './interceptor-chain';
import { mergedMetadata } from './metadata-rules';
import { OutgoingTry, type TryAttempt, metadataOf } from './outgoing-try';
import type { TryCaller, TryReply } from './try-caller';

/** How long interceptors may go on after the Try's deadline, or after it was given up. */
const GRACE_MS = 1_000;
const additionNames = namesOf<TryAdditions>({ metadata: true });

/** An attempt to make. */
export interface Sending {
  readonly made: TryAttempt;
  readonly deadline: Deadline;
  /** Called in the turn in which the call leaves. */
  sent(): void;
}

/** How it went. */
export type Sent =
  | {
      readonly kind: 'sent';
      readonly reply: TryReply;
      /** What an interceptor threw nevertheless; undefined = none did. */
      readonly broken: Broken | undefined;
    }
  | { readonly kind: 'not-sent'; readonly error: unknown };

interface Broken {
  readonly error: unknown;
}

/** What sending needs. */
export interface SendDeps {
  readonly caller: TryCaller;
  readonly scheduler: Scheduler;
  /** Default: none. */
  readonly interceptors?: readonly TercetInterceptor[];
}

/** Makes one attempt. Rejects only where the caller, against its contract, does. */
export async function sendTry(deps: SendDeps, sending: Sending): Promise<Sent> {
  const links = (deps.interceptors ?? []).flatMap(linkOf);
  if (links.length > 0) return withinChain(deps, sending, links);
  const call = new OutgoingTry(sending.made, sending.deadline.leftMs());
  sending.sent();
  const reply = await deps.caller.call(call);
  return { kind: 'sent', reply, broken: undefined };
}

async function withinChain(
  deps: SendDeps,
  sending: Sending,
  links: readonly Link<TryInfo, TryAdditions, TryReply>[],
): Promise<Sent> {
  const { made, deadline } = sending;
  const { spec, signal, transport } = made;
  let inFlight: Promise<TryReply> | undefined;
  const chain = startChain<TryInfo, TryAdditions, TryReply>({
    hook: 'try',
    links,
    input: infoOf(made, deadline.leftMs()),
    merge: (info, additions) => {
      refuseUnknown('next of a try interceptor', additions, additionNames);
      const { metadata = {} } = additions;
      return { ...info, metadata: mergedMetadata(info.metadata, metadata) };
    },
    work: ({ metadata }) => {
      const deadlineMs = deadline.leftMs();
      if (signal.aborted || deadlineMs <= 0) return Promise.reject(notSent(signal));
      sending.sent();
      const { target, methods, payload } = spec;
      const call = { target, method: methods.forward, payload, metadata, signal, transport };
      inFlight = deps.caller.call({ ...call, deadlineMs });
      return inFlight;
    },
  });
  const broken = await endOf(deps.scheduler, sending, chain.ended);
  chain.close();
  if (inFlight !== undefined) return { kind: 'sent', reply: await inFlight, broken };
  if (broken !== undefined) return { kind: 'not-sent', error: broken.error };
  throw new Error('bug: a chain ended well, and the Try was never sent');
}

/** Waits for the chain, but not for ever. */
async function endOf(
  scheduler: Scheduler,
  { made, deadline }: Sending,
  ended: Promise<void>,
): Promise<Broken | undefined> {
  const { spec, signal } = made;
  const late = graceAfter(scheduler, deadline.leftMs(), signal);
  try {
    const over = await Promise.race([ended.then(() => false), late.over.then(() => true)]);
    if (!over) return undefined;
    const message = `a try interceptor was still busy ${GRACE_MS} ms after Try ${spec.action} (branch ${spec.id}) was over`;
    return { error: new TercetError('DEADLINE_EXCEEDED', { message }) };
  } catch (error) {
    return { error };
  } finally {
    late.release();
  }
}

/** Resolves GRACE_MS after the deadline or the abort, whichever is first. */
function graceAfter(
  scheduler: Scheduler,
  leftMs: number,
  signal: CallSignal,
): { readonly over: Promise<void>; release(): void } {
  let pass: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    pass = resolve;
  });
  let timer = scheduler.after(leftMs + GRACE_MS, pass);
  const stop = onAbort(signal, () => {
    timer.cancel();
    timer = scheduler.after(GRACE_MS, pass);
  });
  return {
    over,
    release: () => {
      stop();
      timer.cancel();
    },
  };
}

/** What interceptors are told. */
function infoOf(made: TryAttempt, deadlineMs: number): TryInfo {
  const { identity, spec, attempt } = made;
  const { gid, runId } = identity;
  const { forward: method } = spec.methods;
  return {
    gid,
    runId,
    branch: spec.id,
    action: spec.action,
    service: serviceOf(method),
    method,
    target: spec.target,
    attempt,
    deadlineMs,
    metadata: metadataOf(made),
  };
}

function linkOf(interceptor: TercetInterceptor): readonly Link<TryInfo, TryAdditions, TryReply>[] {
  if (interceptor.try === undefined) return [];
  return [(info, next) => Promise.resolve(interceptor.try?.(info, next))];
}

function notSent(signal: CallSignal): TercetError {
  const cause: unknown = signal.reason;
  return signal.aborted
    ? new TercetError('CALL_CANCELLED', {
        message: 'this Try was given up before it was sent',
        cause,
      })
    : new TercetError('DEADLINE_EXCEEDED', {
        message: 'this Try was not sent: its interceptors took all of its time',
      });
}
