import {
  type Branch,
  type Gid,
  type GlobalTransaction,
  type StuckReason,
  isHeld,
  openPhase,
  openSince,
  pendingBranches,
  stuckReasonAt,
} from '@tercet/core';
import type { Residents } from './residents';
import type { StoreReader } from './store-reader';

/** A branch past its alert threshold, or of a transaction that is held. */
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
    .filter((tx) => openPhase(tx) !== undefined || isHeld(tx))
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
 * The unfinished transactions, those in memory and those that are not: of ours, or, where nodes share the store, of all of them,
 * so that any node tells an operator what waits. These are read page by page: who asks, asks seldom and wants all of them. One
 * that leaves or comes meanwhile is there once.
 */
export async function unfinished(
  residents: Residents,
  reader: StoreReader,
  shared: boolean,
): Promise<readonly GlobalTransaction[]> {
  const found = new Map<Gid, GlobalTransaction>();
  // Another node may have ended, or taken over, what memory still holds: where the store is shared, it says what there is.
  if (!shared) for (const { gid, tx } of residents.all()) if (tx !== undefined) found.set(gid, tx);
  if (!shared && residents.absentCount === 0) return [...found.values()];
  const statuses = ['trying', 'confirming', 'cancelling'] as const;
  const rest = { name: undefined, gidPrefix: undefined, limit: PAGE };
  let cursor: string | undefined;
  do {
    const page = await reader.list({ ...rest, statuses, cursor });
    const gids = page.transactions.map(({ gid }) => gid).filter((gid) => !found.has(gid));
    for (const tx of await reader.loadMany(gids)) {
      const known = residents.get(tx.gid)?.tx;
      found.set(tx.gid, known !== undefined && known.epoch >= tx.epoch ? known : tx);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return [...found.values()];
}
