/** Retention in the memory twin. It has no index: it looks at every row, which is done seldom. */
import { type GlobalTransaction, isFinished } from '@tercet/core';
import type { MemoryRow } from './memory-rows';
import { ROW_FORMAT } from './rows/columns';
import { decodeTombstone, encodeTombstone } from './rows/tombstone';
import type { Expired, ExpireQuery } from './store';

/** One step on `rows`, as {@link Store.expire}. */
export function expireRows(rows: Map<string, MemoryRow>, query: ExpireQuery): Expired {
  const { finishedBefore, forgetBefore, limit } = query;
  const whole = oldest(rows, finishedBefore, isExpirable).slice(0, limit);
  for (const row of whole)
    rows.set(row.tx.gid, { ...row, tx: tombstoneOf(row), result: undefined });
  const gone = oldest(rows, forgetBefore, ({ tx }) => tx.tombstone !== undefined).slice(0, limit);
  for (const { tx } of gone) rows.delete(tx.gid);
  const more = limit > 0 && (whole.length === limit || gone.length === limit);
  return { expired: whole.length, forgotten: gone.length, more };
}

/** When the whole finished transaction at `place` has finished, the latest first. */
export function finishedAtPlace(
  rows: ReadonlyMap<string, MemoryRow>,
  place: number,
): number | undefined {
  const whole = oldest(rows, Number.POSITIVE_INFINITY, isExpirable);
  return whole.at(-1 - place)?.tx.finishedAt;
}

function oldest(
  rows: ReadonlyMap<string, MemoryRow>,
  before: number,
  isMeant: (row: MemoryRow) => boolean,
): readonly MemoryRow[] {
  const finishedAt = ({ tx }: MemoryRow): number => tx.finishedAt ?? Number.POSITIVE_INFINITY;
  return [...rows.values()]
    .filter((row) => isFinished(row.tx.status) && finishedAt(row) < before && isMeant(row))
    .sort((a, b) => finishedAt(a) - finishedAt(b) || (a.tx.gid < b.tx.gid ? -1 : 1));
}

/** T1 of `rows/tombstone.ts`. */
function isExpirable({ tx, format }: MemoryRow): boolean {
  const isWhole = tx.tombstone === undefined && format <= ROW_FORMAT;
  return isWhole && tx.branches.every(({ verdict }) => verdict === undefined);
}

function tombstoneOf({ tx, result }: MemoryRow): GlobalTransaction {
  const { cause, branches } = tx;
  return {
    ...tx,
    policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
    labels: {},
    trace: undefined,
    cause: cause?.kind === 'rollback' ? { kind: 'rollback', reason: '' } : cause,
    branches: [],
    ...decodeTombstone({ tombstone: encodeTombstone(result), branches: branches.length }),
  };
}
