/**
 * Order and cursors of lists, the same in every store: unfinished transactions first (latest opened first), then
 * finished ones (latest finished first), the gid deciding between equal times. A cursor names the last row of its
 * page by that order, so rows that come or go elsewhere do not shift the next page.
 */
import { TercetError } from '@tercet/core';
import type { TransactionPage, TransactionSummary } from './store';

/** Place of a row in the order of lists. */
export interface ListPosition {
  readonly section: 'open' | 'finished';
  /** Opening time, or finishing time where finished. */
  readonly at: number;
  readonly gid: string;
}

/** The place of a row. */
export function positionOf(row: TransactionSummary): ListPosition {
  return row.finishedAt === undefined
    ? { section: 'open', at: row.openedAt, gid: row.gid }
    : { section: 'finished', at: row.finishedAt, gid: row.gid };
}

/** Sorts by place: negative where `a` stands before `b`. */
export function comparePositions(a: ListPosition, b: ListPosition): number {
  if (a.section !== b.section) return a.section === 'open' ? -1 : 1;
  if (a.at !== b.at) return b.at - a.at;
  return a.gid === b.gid ? 0 : a.gid < b.gid ? 1 : -1;
}

/** The page of `limit` rows of a sorted list that was read with one row more, if there is one. */
export function pageOf(rows: readonly TransactionSummary[], limit: number): TransactionPage {
  const transactions = rows.slice(0, limit);
  const last = transactions.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { transactions, nextCursor: more ? encodeCursor(positionOf(last)) : undefined };
}

/** A place as opaque text. */
export function encodeCursor({ section, at, gid }: ListPosition): string {
  return Buffer.from(JSON.stringify([section, at, gid])).toString('base64url');
}

/** The place that a cursor names, undefined without a cursor. Throws INVALID_ARGUMENT for any other text. */
export function decodeCursor(cursor: string | undefined): ListPosition | undefined {
  if (cursor === undefined) return undefined;
  const parts = parseJson(Buffer.from(cursor, 'base64url').toString());
  if (Array.isArray(parts) && parts.length === 3) {
    const [section, at, gid] = parts as readonly unknown[];
    const known = section === 'open' || section === 'finished';
    if (known && Number.isSafeInteger(at) && typeof gid === 'string') {
      return { section, at: Number(at), gid };
    }
  }
  throw new TercetError('INVALID_ARGUMENT', {
    message: 'cursor is not one that this list returned',
    details: { field: 'cursor' },
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
