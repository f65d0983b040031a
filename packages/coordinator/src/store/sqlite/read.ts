/** What the worker reads of transactions: the hot path's prepared statements, one after the other. */
import type { DueRow, LoadedRows, PayloadsRow } from './columns';
import type { DueRequest, LoadRequest } from './messages';
import type { Statements } from './statements';

/** Everything of one transaction, or undefined; with an owner only where it is that one's and unfinished. */
export function loadRows(
  statements: Statements,
  { gid, owner }: Omit<LoadRequest, 'kind'>,
): LoadedRows | undefined {
  const { loadTransaction, loadOwned } = statements;
  const transaction = owner === undefined ? loadTransaction.get(gid) : loadOwned.get(gid, owner);
  if (transaction === undefined) return undefined;
  return {
    transaction,
    branches: statements.loadBranches.all(gid),
    labels: statements.loadLabels.all(gid),
  };
}

/** What one branch sends, or undefined. */
export function loadPayloads(
  statements: Statements,
  { gid, branchId }: { readonly gid: string; readonly branchId: string },
): PayloadsRow | undefined {
  return statements.loadPayloads.get(gid, branchId) as PayloadsRow | undefined;
}

/** The result of a transaction, or undefined. */
export function loadResult(statements: Statements, gid: string): Uint8Array | undefined {
  const row = statements.loadResult.get(gid) as { readonly result: Uint8Array } | undefined;
  return row?.result;
}

/** A place before all others: no gid is empty. */
const beginning = { nextAt: Number.MIN_SAFE_INTEGER, gid: '' };

/** A page of what is due. */
export function loadDue(statements: Statements, request: DueRequest): readonly DueRow[] {
  const { nextAt, gid } = request.after ?? beginning;
  const { owner, before, limit } = request;
  return statements.due.all(owner, nextAt, gid, before, limit) as DueRow[];
}
