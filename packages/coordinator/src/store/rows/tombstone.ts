/**
 * What is left of a finished transaction's row after retention ↔ its column `tombstone`: the digest of the result, empty where
 * there was none. NULL = the transaction is whole.
 *
 * T1 A row with a verdict in `states` never becomes a tombstone: operators' words are kept for ever.
 */
import { createHash } from 'node:crypto';
import type { GlobalTransaction } from '@tercet/core';
import type { TransactionRow } from './columns';

/**
 * Texts of which one stands in `states` exactly where a branch has a verdict (T1; `branch-states.ts`): no other array in there
 * begins with a text, and a quote within a text is escaped.
 */
export const verdictMarks = ['["confirmed",', '["cancelled",'] as const;

/** The text of a transaction that Commit gave this result. */
export function encodeTombstone(result: Uint8Array | undefined): string {
  return result === undefined ? '' : createHash('sha256').update(result).digest('hex');
}

/** The part of a transaction that is there where only a tombstone is left. */
export function decodeTombstone({
  tombstone,
  branches,
}: Pick<TransactionRow, 'tombstone' | 'branches'>): Pick<GlobalTransaction, 'tombstone'> {
  if (tombstone === null) return {};
  return { tombstone: { branches, resultDigest: tombstone === '' ? undefined : tombstone } };
}
