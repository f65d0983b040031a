import {
  type BranchId,
  type CallSignal,
  type Clock,
  type Gid,
  type GlobalTransaction,
  type OperatorEvent,
  TercetError,
  operate,
} from '@tercet/core';
import type { Admission } from './admission';
import type { FanOut } from './fan-out';
import { type Progress, moved } from './progress';
import type { OrderResult, Resident } from './resident';
import type { Residents } from './residents';

/** What carrying orders out needs. */
export interface OrdersDeps {
  readonly residents: Residents;
  readonly fanOut: FanOut;
  readonly progress: Progress;
  readonly admission: Admission;
  readonly clock: Clock;
}

/** Carries out what operators ask of the branches of decided transactions. */
export class Orders {
  constructor(private readonly deps: OrdersDeps) {}

  /** Resolves when it is durable; rejects with the TercetError that `operate` or the store gave. Repeating is safe. */
  async take(gid: Gid, event: OperatorEvent, signal?: CallSignal): Promise<OrderResult> {
    const { residents, clock } = this.deps;
    const resident = residents.of(gid);
    try {
      // Behind a decision that is on its way: the order is about what is durable.
      const tx = await resident.serially(() => residents.present(resident));
      if (tx === undefined) throw notFound(gid);
      const decision = operate(tx, event, clock.now());
      if (decision.kind === 'rejected') throw decision.error;
      if (decision.kind === 'repeated') return { tx: decision.current, changed: [] };
      if (resident.tx === undefined) throw moved(resident);
      return event.kind === 'resolve'
        ? await this.resolve(resident, event, signal)
        : await this.deps.progress.order(resident, event);
    } finally {
      this.deps.fanOut.drive(resident);
      residents.forgetIfUnused(resident);
    }
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
