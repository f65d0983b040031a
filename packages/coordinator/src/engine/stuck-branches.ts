import {
  type Branch,
  type GlobalTransaction,
  type StuckReason,
  openPhase,
  openSince,
  pendingBranches,
  stuckReasonAt,
} from '@tercet/core';

/** A branch past its alert threshold. */
export interface StuckBranch {
  readonly tx: GlobalTransaction;
  readonly branch: Branch;
  readonly reason: StuckReason;
}

/** The stuck branches among transactions, the oldest decision first. */
export function stuckBranches(
  transactions: readonly GlobalTransaction[],
  at: { readonly now: number; readonly clockSkewMs: number },
): readonly StuckBranch[] {
  const found = transactions
    .filter((tx) => openPhase(tx) !== undefined)
    .flatMap((tx) =>
      pendingBranches(tx).flatMap((branch): StuckBranch | [] => {
        const since = openSince(tx, branch, at.clockSkewMs) ?? at.now;
        const reason = stuckReasonAt(branch, since, at.now);
        return reason === undefined ? [] : { tx, branch, reason };
      }),
    );
  return found.sort((a, b) => (a.tx.decidedAt ?? 0) - (b.tx.decidedAt ?? 0));
}
