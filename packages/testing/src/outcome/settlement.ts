/** Lets virtual time pass until a transaction is settled, and says why where it is not. */
import { type Gid, type TercetError, decisionOf, toTercetError } from '@tercet/core';
import type { Duration, TransactionView } from '@tercet/sdk';
import type { Coordinator } from '@tercet/coordinator';
import type { History } from '../history';
import { durationMs, refuseUnknown } from '../options';
import type { Flow } from '../time/flow';
import type { VirtualTime } from '../time/virtual-time';
import { transactionView } from '../initiator/views';
import { spanText, story } from './story';

/** What is expected. */
export interface ExpectSettledOptions {
  /** How it must have ended. Default: either way. */
  readonly status?: 'confirmed' | 'cancelled';
  /** Most virtual time that may pass. Default 1 h. */
  readonly within?: Duration;
}

/** What it needs. */
export interface SettlementDeps {
  readonly coordinator: Coordinator;
  readonly flow: Flow;
  readonly time: VirtualTime;
  readonly history: History;
}

/** Expectations of how transactions end. */
export class Settlement {
  constructor(private readonly deps: SettlementDeps) {}

  /** Resolves with the settled transaction. Rejects with its story where it does not settle, or ends otherwise. */
  async expect(gid: string, options: ExpectSettledOptions): Promise<TransactionView> {
    refuseUnknown('expectSettled', options, ['status', 'within']);
    const { status, within = '1h' } = options;
    const withinMs = durationMs('within', within);
    await this.deps.flow.passUntil('expectSettled', withinMs, async () => {
      const seen = await this.look(gid);
      if (seen instanceof Error) return false;
      return seen.reached === 'settled' || hopeless(seen, status);
    });
    const view = await this.look(gid);
    if (view instanceof Error) throw new Error(unknownText(gid, view));
    if (view.reached === 'settled' && (status === undefined || view.status === status)) return view;
    throw new Error(`${this.complaint(view, status, withinMs)}\n${this.storyOf(view)}`);
  }

  /** The transaction as it is now, or why nobody knows it. */
  async look(gid: string): Promise<TransactionView | TercetError> {
    const { coordinator, time } = this.deps;
    try {
      const { tx } = await coordinator.transactions.get({ gid: gid as Gid, withResult: false });
      return transactionView(tx, { now: time.now(), clockSkewMs: coordinator.config.clockSkewMs });
    } catch (error) {
      return toTercetError(error);
    }
  }

  private complaint(
    view: TransactionView,
    status: ExpectSettledOptions['status'],
    withinMs: number,
  ): string {
    const wanted = status ?? 'settled';
    if (view.reached === 'settled')
      return `expected ${view.gid} to be ${wanted}, it is ${view.status}:`;
    if (status !== undefined && contradicts(view, status)) {
      return `expected ${view.gid} to be ${wanted}, but the other way was decided:`;
    }
    if (allParked(view)) {
      return `expected ${view.gid} to be ${wanted}, but what is left of it is parked and goes on with an operator only:`;
    }
    const waited = `after ${spanText(withinMs)} of virtual time`;
    return `expected ${view.gid} to be ${wanted}, ${waited} it is not:`;
  }

  private storyOf(view: TransactionView): string {
    return story({ view, calls: this.deps.history.of(view.gid), now: this.deps.time.now() });
  }
}

function unknownText(gid: string, { message }: TercetError): string {
  return `expected ${gid} to be settled, but the coordinator does not know it (${message}); a run registers it with its first Try, and one without a Try leaves nothing behind`;
}

/** Whether more time cannot make it what is expected. */
function hopeless(view: TransactionView, status: ExpectSettledOptions['status']): boolean {
  return allParked(view) || (status !== undefined && contradicts(view, status));
}

function contradicts({ status }: TransactionView, wanted: 'confirmed' | 'cancelled'): boolean {
  const decision = decisionOf(status);
  return decision !== undefined && decision !== (wanted === 'confirmed' ? 'confirm' : 'cancel');
}

function allParked({ decidedAt, branches }: TransactionView): boolean {
  const open = branches.filter(({ status }) => status === 'registered');
  return (
    decidedAt !== undefined &&
    open.some(({ parked }) => parked) &&
    open.every(({ parked, waitsFor }) => parked || waitsFor !== undefined)
  );
}
