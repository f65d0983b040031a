import {
  type Branch,
  type Gid,
  type GlobalTransaction,
  type StuckReason,
  openPhase,
  openSince,
  pendingBranches,
  stuckReasonAt,
} from '@tercet/core';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';

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
        const since = openSince(tx, branch, at.clockSkewMs);
        const reason = stuckReasonAt(branch, since, at.now);
        return reason === undefined ? [] : { tx, branch, reason };
      }),
    );
  return found.sort((a, b) => (a.tx.decidedAt ?? 0) - (b.tx.decidedAt ?? 0) || byGid(a, b));
}

/** Among those that were decided together: always the same order. */
function byGid(a: StuckBranch, b: StuckBranch): number {
  return a.tx.gid < b.tx.gid ? -1 : Number(a.tx.gid > b.tx.gid);
}

/** Rows of a page when unfinished transactions outside memory are looked through. */
const PAGE = 500;

/**
 * The unfinished transactions of ours, all that are in memory and those in phase two that are not: these are read page
 * by page, for operators only, who ask seldom and want all of them. One that leaves or comes meanwhile is there once.
 */
export async function unfinished(
  residents: Residents,
  reader: StoreReader,
): Promise<readonly GlobalTransaction[]> {
  const found = new Map<Gid, GlobalTransaction>();
  for (const { gid, tx } of residents.all()) if (tx !== undefined) found.set(gid, tx);
  if (residents.absentCount === 0) return [...found.values()];
  const statuses = ['confirming', 'cancelling'] as const;
  const rest = { name: undefined, gidPrefix: undefined, limit: PAGE };
  let cursor: string | undefined;
  do {
    const page = await reader.list({ ...rest, statuses, cursor });
    for (const { gid } of page.transactions) {
      const tx = residents.get(gid)?.tx ?? (await reader.loadOwned(gid));
      if (tx !== undefined) found.set(gid, tx);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return [...found.values()];
}
