/**
 * Transactions of a store that was put back to an earlier moment. What was decided and done after that moment is
 * missing in it, so nothing is called and nothing is decided by time before an operator has looked.
 *
 * R1 Parking touches the pending branches alone: they get the reason `restored`, and keep their history. Those that are
 *    parked already stay as they are. Parking twice is parking once.
 * R2 A trying transaction whose branches are parked is held: time never decides it, and it takes no more branches. Its
 *    initiator may still decide it; that calls nobody, since its branches stay parked.
 * R3 An operator ends the hold by deciding: a resume cancels, as the deadline would have; a verdict decides for the end that
 *    it vouches for. Branches that the order does not name stay parked.
 */
import type { Branch } from './branch';
import type { DecisionCause, GlobalTransaction } from './global-transaction';
import { completed } from './phase-two';
import { type DecisionKind, isFinished } from './transitions';

/** The transaction with all its pending branches parked (R1); the same object where nothing is left to park. */
export function restored(tx: GlobalTransaction): GlobalTransaction {
  if (isFinished(tx.status) || !tx.branches.some(isToPark)) return tx;
  return { ...tx, branches: tx.branches.map((one) => (isToPark(one) ? parkedBranch(one) : one)) };
}

function isToPark({ status, parked }: Branch): boolean {
  return status === 'registered' && !parked;
}

function parkedBranch(branch: Branch): Branch {
  const attempts = { ...branch.attempts, nextAt: undefined, stuckReason: 'restored' as const };
  return { ...branch, parked: true, attempts };
}

/** Whether it is undecided and waits for an operator (R2): nothing but a restored store brings that about. */
export function isHeld(tx: GlobalTransaction): boolean {
  return tx.status === 'trying' && tx.branches.some(({ parked }) => parked);
}

/** When time decides a trying transaction, Unix ms; undefined = never, it is held. */
export function decidedByTimeAt(tx: GlobalTransaction): number | undefined {
  return isHeld(tx) ? undefined : tx.deadlineAt;
}

/**
 * A held transaction after an operator's decision at `now` (R3); `change` does what else the order says. It is finished where
 * that leaves nothing to call.
 */
export function decidedByOperator(
  tx: GlobalTransaction,
  { decision, by, change }: OperatorsDecision,
  now: number,
): GlobalTransaction {
  const confirm = decision === 'confirm';
  const cause: DecisionCause = confirm ? { kind: 'commit' } : { kind: 'rollback', reason: by };
  const branches = tx.branches.map((branch) => {
    return change(confirm ? { ...branch, phaseOne: 'done' as const, tryTold: true } : branch);
  });
  const status = confirm ? 'confirming' : 'cancelling';
  const next: GlobalTransaction = { ...tx, status, cause, decidedAt: now, branches };
  return completed(next, now) ?? next;
}

/** What an operator decides. */
export interface OperatorsDecision {
  readonly decision: DecisionKind;
  /** The reason that is kept where it is a cancel. */
  readonly by: string;
  /** What becomes of each branch. */
  readonly change: (branch: Branch) => Branch;
}
