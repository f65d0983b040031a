/**
 * What to ask the store about a write in doubt, and what its answer means. A plain read would prove nothing: the
 * write may still be under way behind it. So the question is a write itself, one that the first cannot overtake.
 */
import type { OperationResult, StoreOperation } from '../store/store';
import { tookEffect } from '../store/took-effect';
import { type TransactionOperation, type WriteResult, epochOf } from './write-queue';

/** What became of a write in doubt: it is settled, or it has to be written again in the given form. */
export type DoubtVerdict =
  | { readonly kind: 'settled'; readonly result: WriteResult }
  | { readonly kind: 'again'; readonly operation: TransactionOperation };

/**
 * An open and a take are repeated as they are: they block on the row, and a repeat of one that took effect says so. Anything
 * else raises the row's epoch, which fences the first write.
 */
export function questionOf(operation: TransactionOperation): StoreOperation {
  if (isItsOwnQuestion(operation)) return operation;
  return { kind: 'fence', gid: operation.tx.gid, epoch: operation.tx.epoch };
}

/** Reads the answer to `questionOf(operation)`, asked by the incarnation `me`. */
export function verdictOf(
  operation: TransactionOperation,
  answer: OperationResult,
  me: string,
): DoubtVerdict {
  if (isItsOwnQuestion(operation) || answer.kind === 'refused') {
    return { kind: 'settled', result: resultOf(operation, answer) };
  }
  const epoch = operation.tx.epoch + 1;
  if (tookEffect(operation, answer.row, { me, raised: 1 })) {
    return { kind: 'settled', result: { kind: 'applied', epoch } };
  }
  return { kind: 'again', operation: { ...operation, tx: { ...operation.tx, epoch } } };
}

/** The result of an operation as the store told it. */
export function resultOf(operation: TransactionOperation, result: OperationResult): WriteResult {
  if (result.kind === 'refused') return result;
  return { kind: 'applied', epoch: epochOf(operation) };
}

function isItsOwnQuestion(
  operation: TransactionOperation,
): operation is Extract<TransactionOperation, { kind: 'open' | 'take' }> {
  return operation.kind === 'open' || operation.kind === 'take';
}
