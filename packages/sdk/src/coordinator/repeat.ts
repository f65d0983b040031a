/**
 * Repeats a request to the coordinator until it is answered or the time is up. Safe because every request may be
 * repeated (rule I9).
 */
import {
  type CallSignal,
  type Clock,
  errorCatalogue,
  nextDelayMs,
  type Random,
  type RetryPolicy,
  type Scheduler,
  TercetError,
} from '@tercet/core';
import { linkSignals, sleep } from '../abort';
import type { Deadline } from '../deadline';
import type { Answer, CallBounds } from './coordinator-transport';
import { isForeign } from './foreign';

/** Time for one attempt, besides what the coordinator waits on purpose. */
export const ATTEMPT_MS = 5_000;
/** A restarted coordinator is asked again within a second; many clients together stay below one call a second each. */
export const repeatPolicy: RetryPolicy = { firstDelayMs: 50, maxDelayMs: 1_000 };

/** Ports of everything that takes time. */
export interface TimePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
}

/** A request and how long it is repeated. */
export interface Repetition<T> {
  /** No attempt starts when nothing is left of it. */
  readonly deadline: Deadline;
  /** How long the coordinator waits on purpose before it answers, milliseconds: added to each attempt's time. */
  readonly waitMs: number;
  /** Ends the attempt under way and all repeating. */
  readonly signals: readonly (CallSignal | undefined)[];
  /** Whether a lost answer is worth another attempt. */
  again(error: TercetError): boolean;
  attempt(bounds: CallBounds): Promise<Answer<T>>;
}

/** The last answer; after more than one attempt an earlier one may have taken effect. */
export interface Repeated<T> {
  readonly answer: Answer<T>;
  /** How many attempts left; 0 = there was no time or the signal was aborted. */
  readonly attempts: number;
}

/** Carries a request out. Never rejects. Between attempts it waits with full jitter. */
export async function repeat<T>(ports: TimePorts, request: Repetition<T>): Promise<Repeated<T>> {
  const link = linkSignals(request.signals);
  const { signal } = link;
  let answer: Answer<T> | undefined;
  let attempts = 0;
  try {
    while (!signal.aborted && request.deadline.leftMs() > 0) {
      const deadlineMs = Math.min(ATTEMPT_MS, request.deadline.leftMs()) + request.waitMs;
      attempts += 1;
      answer = await request.attempt({ deadlineMs, signal });
      if (answer.kind !== 'lost' || !request.again(answer.error)) return { answer, attempts };
      const delay = nextDelayMs(repeatPolicy, attempts, ports.random);
      await sleep(ports.scheduler, Math.min(delay, request.deadline.leftMs()), signal);
    }
    return { answer: signal.aborted ? givenUp(signal) : (answer ?? outOfTime()), attempts };
  } finally {
    link.release();
  }
}

/** Whether an error passes by itself: the coordinator is away, starting, stopping or slow. */
export function isPassing(error: TercetError): boolean {
  if (isForeign(error)) return false;
  const { rpc } = errorCatalogue[error.code];
  return rpc === 'UNAVAILABLE' || rpc === 'DEADLINE_EXCEEDED';
}

function givenUp(signal: CallSignal): Answer<never> {
  const cause: unknown = signal.reason;
  return { kind: 'lost', error: new TercetError('CALL_CANCELLED', { cause }) };
}

function outOfTime(): Answer<never> {
  return { kind: 'lost', error: new TercetError('DEADLINE_EXCEEDED') };
}
