import {
  type BranchId,
  type CallSignal,
  type Clock,
  type Gid,
  type GlobalTransaction,
  type OperatorDecision,
  type OperatorEvent,
  TercetError,
  type TransactionEvent,
  operate,
} from '@tercet/core';
import type { Admission } from './admission';
import type { FanOut } from './fan-out';
import type { Mending } from './mending';
import type { Progress } from './progress';
import type { OrderResult, Resident } from './resident';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';
import type { Takeover } from './takeover';

/** What carrying orders out needs. */
export interface OrdersDeps {
  readonly residents: Residents;
  readonly fanOut: FanOut;
  readonly progress: Progress;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly reader: StoreReader;
  readonly takeover: Takeover;
  readonly mending: Mending;
  /** Whether other nodes use the store, too. */
  readonly shared: boolean;
  /** Brings an event to a transaction, as initiators do. */
  readonly decide: (gid: Gid, event: TransactionEvent) => Promise<GlobalTransaction>;
}

/** How often an order begins anew where other nodes were faster, before its operator is sent back. */
const TRIES = 3;

/** Carries out what operators ask of the branches of decided transactions, and of those that are held. */
export class Orders {
  constructor(private readonly deps: OrdersDeps) {}

  /** Resolves when it is durable; rejects with the TercetError that `operate` or the store gave. Repeating is safe. */
  async take(gid: Gid, event: OperatorEvent, signal?: CallSignal): Promise<OrderResult> {
    for (let tries = this.deps.shared ? TRIES : 1; ; tries--) {
      try {
        return await this.takeOnce(gid, event, signal);
      } catch (error) {
        const again = error instanceof TercetError && error.code === 'MOVED' && tries > 1;
        if (!again || signal?.aborted === true) throw error;
      }
    }
  }

  private async takeOnce(
    gid: Gid,
    event: OperatorEvent,
    signal: CallSignal | undefined,
  ): Promise<OrderResult> {
    const { residents, takeover } = this.deps;
    const resident = residents.of(gid);
    const held = event.kind === 'resolve' ? event.branchId : undefined;
    try {
      // What is taken over to be resolved must not be called first.
      if (held !== undefined) resident.hold(held);
      // Behind a decision that is on its way: the order is about what is durable.
      const first = await resident.serially(() => this.present(resident));
      const decision = this.decisionOn(first, gid, event);
      if (decision.kind === 'repeated') return { tx: decision.current, changed: [] };
      if (first?.status === 'trying' && event.kind !== 'retry') {
        return await this.decide(first, event, { changed: decision.changed, signal });
      }
      if (resident.tx === undefined) {
        await resident.serially(() => takeover.now(resident));
        const anew = this.decisionOn(resident.tx, gid, event);
        if (anew.kind === 'repeated') return { tx: anew.current, changed: [] };
      }
      return event.kind === 'resolve'
        ? await this.resolve(resident, event, signal)
        : await this.deps.progress.order(resident, event);
    } finally {
      if (held !== undefined) resident.unhold(held);
      this.deps.fanOut.drive(resident);
      residents.forgetIfUnused(resident);
    }
  }

  /** What is there, in memory only where it is still ours. */
  private async present(resident: Resident): Promise<GlobalTransaction | undefined> {
    const { mending, reader, residents, shared } = this.deps;
    if (shared && resident.tx !== undefined) {
      const row = await reader.facts(resident.gid);
      const stale = row === undefined || mending.isForeign(row) || mending.isNewer(resident, row);
      if (stale) mending.lose(resident);
    }
    return await residents.present(resident);
  }

  private decisionOn(
    tx: GlobalTransaction | undefined,
    gid: Gid,
    event: OperatorEvent,
  ): Exclude<OperatorDecision, { kind: 'rejected' }> {
    if (tx === undefined) throw notFound(gid);
    const decision = operate(tx, event, this.deps.clock.now());
    if (decision.kind === 'rejected') throw decision.error;
    return decision;
  }

  /** What is held is decided like anything else; who decided it first is obeyed. */
  private async decide(
    held: GlobalTransaction,
    order: Exclude<OperatorEvent, { kind: 'retry' }>,
    { changed, signal }: Pick<OrderResult, 'changed'> & { readonly signal: CallSignal | undefined },
  ): Promise<OrderResult> {
    const { decide, admission, clock } = this.deps;
    const tx = await decide(held.gid, { kind: 'order', order });
    if (operate(tx, order, clock.now()).kind !== 'repeated') {
      return await this.take(held.gid, order, signal);
    }
    const target = order.kind === 'resolve' ? targetOf(tx, order.branchId) : undefined;
    if (target !== undefined) admission.branchDone(target);
    return { tx, changed };
  }

  /** While a verdict is on its way nobody calls the branch, and a call that runs has its say first. */
  private async resolve(
    resident: Resident,
    event: Extract<OperatorEvent, { kind: 'resolve' }>,
    signal: CallSignal | undefined,
  ): Promise<OrderResult> {
    const { fanOut, progress, admission } = this.deps;
    const { branchId } = event;
    try {
      await fanOut.hold(resident, branchId);
      // A verdict cannot be taken back: one that its operator gave up meanwhile is not recorded.
      if (signal?.aborted === true) throw givenUp(resident.gid, branchId);
      const target = targetOf(resident.tx, branchId);
      const result = await progress.order(resident, event);
      if (result.changed.length > 0 && target !== undefined) admission.branchDone(target);
      return result;
    } finally {
      resident.unhold(branchId);
    }
  }
}

function givenUp(gid: Gid, branchId: BranchId): TercetError {
  return new TercetError('CALL_CANCELLED', {
    message: `branch ${branchId} of ${gid} was not resolved: the request was given up while a call of the branch was under way`,
    details: { gid, branch_id: branchId },
  });
}

function targetOf(tx: GlobalTransaction | undefined, id: BranchId): string | undefined {
  return tx?.branches.find(({ spec }) => spec.id === id)?.spec.target;
}

/** Nothing is kept under this gid. */
export function notFound(gid: Gid): TercetError {
  const message = `no transaction ${gid} is kept`;
  return new TercetError('TRANSACTION_NOT_FOUND', { message, details: { gid } });
}
