import { phaseTwoOf } from '@tercet/core';
import type { OperationResult, RowFacts, StoreOperation } from './store';
import { tookEffect } from './took-effect';

/** What is known of a batch after its commit. */
export interface CommittedBatch {
  readonly batch: readonly StoreOperation[];
  /** Whether the guard of each operation matched. */
  readonly matched: readonly boolean[];
  /** What the rows say now; at least those that {@link gidsInQuestion} names. */
  readonly facts: ReadonlyMap<string, RowFacts | undefined>;
  /** The incarnation that wrote the batch. */
  readonly me: string;
}

/** The gid that an operation concerns. */
export function gidOf(operation: StoreOperation): string {
  return 'gid' in operation ? operation.gid : operation.tx.gid;
}

/** The gids whose rows have to be read: a guard matched nothing there, or the operation tells the row. */
export function gidsInQuestion(
  batch: readonly StoreOperation[],
  matched: readonly boolean[],
): ReadonlySet<string> {
  const asked = batch.filter((operation, i) => tellsRow(operation) || matched[i] !== true);
  return new Set(asked.map(gidOf));
}

/**
 * The results of a committed batch. An operation whose guard matched nothing may be a repeat (S3). It is judged by
 * the row as it stood right after it: from the end of the batch, the effects of later operations are taken back.
 */
export function batchResults(committed: CommittedBatch): readonly OperationResult[] {
  const { batch, matched, me } = committed;
  const results: OperationResult[] = new Array<OperationResult>(batch.length);
  const then = new Map(committed.facts);
  for (let index = batch.length - 1; index >= 0; index--) {
    const operation = batch[index];
    if (operation === undefined) continue;
    const gid = gidOf(operation);
    const row = then.get(gid);
    const applied = matched[index] === true || tookEffect(operation, row, { me });
    const now = committed.facts.get(gid);
    results[index] = applied ? appliedResult(operation, now) : { kind: 'refused', row: now };
    if (applied && row !== undefined) then.set(gid, before(operation, row));
  }
  return results;
}

function appliedResult(operation: StoreOperation, row: RowFacts | undefined): OperationResult {
  const told = tellsRow(operation) && row !== undefined;
  return told ? { kind: 'applied', row } : { kind: 'applied' };
}

/** Whether its result tells what the row says. */
export function tellsRow({ kind }: StoreOperation): boolean {
  return kind === 'fence' || kind === 'take';
}

/** What the row said before an operation that took effect. */
function before(operation: StoreOperation, row: RowFacts): RowFacts | undefined {
  switch (operation.kind) {
    case 'open':
      return undefined;
    case 'extend':
      return { ...row, branches: operation.before };
    case 'decide':
      return { ...row, status: 'trying' };
    case 'progress':
      return { ...row, status: openStatusOf(operation.tx.status) };
    case 'fence':
      return { ...row, epoch: operation.epoch };
    case 'take':
      return { ...row, owner: operation.owner, epoch: operation.epoch };
  }
}

/** The status in which phase two of this decision runs: `confirming` of `confirmed`. */
export function openStatusOf(status: StatusOfRow): StatusOfRow {
  if (status === phaseTwoOf.confirming.end) return 'confirming';
  return status === phaseTwoOf.cancelling.end ? 'cancelling' : status;
}

type StatusOfRow = RowFacts['status'];
