import { decisionOf, isFinished } from '@tercet/core';
import type { RowFacts, StoreOperation } from './store';

/**
 * Whether an operation of the incarnation `me` has taken effect, judged from the row alone. Used where a guard
 * matched nothing (it may be a repeat) and after a fence, which raises the row's epoch by `raised`.
 */
export function tookEffect(
  operation: StoreOperation,
  row: RowFacts | undefined,
  who: { readonly me: string; readonly raised?: number },
): boolean {
  if (row === undefined || row.owner !== who.me) return false;
  if (!('tx' in operation)) {
    const ofThisRun = operation.kind === 'fence' || row.runId === operation.runId;
    return ofThisRun && row.epoch === operation.epoch + 1;
  }
  return changed(operation, row, who.raised ?? 0);
}

function changed(
  operation: Extract<StoreOperation, { readonly tx: unknown }>,
  row: RowFacts,
  raised: number,
): boolean {
  const { tx } = operation;
  if (row.epoch !== tx.epoch + raised || row.runId !== tx.runId) return false;
  switch (operation.kind) {
    case 'open':
      return row.status === 'trying' && row.branches === tx.branches.length;
    case 'extend':
      return row.branches === tx.branches.length && row.status === 'trying';
    case 'decide':
      return row.status === tx.status;
    case 'progress':
      // A finished row holds the last of its progress; earlier ones of the same decision are part of it. Before
      // that attempts leave no mark in the row: an unfinished progress is written again, which is safe.
      return isFinished(row.status) && decisionOf(row.status) === decisionOf(tx.status);
  }
}
