/** Waits for a fact of a transaction, as many rounds as the time allows. */
import {
  type CallSignal,
  type Fact,
  type Gid,
  holds,
  nextDelayMs,
  type TercetError,
} from '@tercet/core';
import { linkSignals, sleep } from '../abort';
import type { Deadline } from '../deadline';
import type { TransactionView } from '../transaction-view';
import type { CoordinatorTransport } from './coordinator-transport';
import { type TimePorts, isPassing, repeat, repeatPolicy } from './repeat';

/** Longest wait asked of the coordinator in one call: under the contract's 60 s and under most idle timeouts. */
const ROUND_MS_MAX = 20_000;

/** What to wait for. */
export interface FactWait {
  readonly gid: Gid;
  /** Bring what Commit carried, too. Default false. */
  readonly withResult?: boolean;
  /** Ask once without waiting first: a branch may be parked already, and no wait would tell. Default false. */
  readonly lookFirst?: boolean;
  readonly fact: Fact;
  readonly deadline: Deadline;
  readonly signals: readonly (CallSignal | undefined)[];
}

/** The transaction as it was at the end. */
export interface Seen {
  readonly view: TransactionView;
  readonly result: Uint8Array | undefined;
}

/** How it ended. */
export type WaitEnd =
  | ({ readonly kind: 'holds' } & Seen)
  /** A branch is parked: waiting longer does not help. */
  | ({ readonly kind: 'parked' } & Seen)
  /** The time is over, the fact does not hold. */
  | ({ readonly kind: 'pending' } & Seen)
  | { readonly kind: 'refused'; readonly error: TercetError }
  /** The time is over or the wait was given up, and the last question was not answered. */
  | { readonly kind: 'lost'; readonly error: TercetError };

/** Waits. Never rejects. */
export async function waitForFact(
  ports: TimePorts & { readonly coordinator: CoordinatorTransport },
  wait: FactWait,
): Promise<WaitEnd> {
  for (let round = wait.lookFirst === true ? 0 : 1; ; round++) {
    const roundMs = (): number =>
      round === 0 ? 0 : Math.min(wait.deadline.leftMs(), ROUND_MS_MAX);
    const { answer } = await repeat(ports, {
      deadline: wait.deadline,
      waitMs: roundMs(),
      signals: wait.signals,
      again: isPassing,
      attempt: (bounds) => {
        const { gid, fact, withResult = false } = wait;
        const request = { gid, waitFor: fact, waitMs: roundMs(), withResult };
        return ports.coordinator.waitTransaction(request, bounds);
      },
    });
    if (answer.kind !== 'ok') return answer;
    const { transaction: view, result } = answer.reply;
    if (holds(view.reached, wait.fact)) return { kind: 'holds', view, result };
    if (view.branches.some((branch) => branch.parked)) return { kind: 'parked', view, result };
    if (round === 0) continue;
    const pause = nextDelayMs(repeatPolicy, round, ports.random);
    // A coordinator that answers early (it is stopping) must not be asked in a tight loop.
    if (pause >= wait.deadline.leftMs()) return { kind: 'pending', view, result };
    await pauseFor(ports, pause, wait);
  }
}

async function pauseFor(ports: TimePorts, ms: number, wait: FactWait): Promise<void> {
  const link = linkSignals(wait.signals);
  await sleep(ports.scheduler, ms, link.signal);
  link.release();
}
