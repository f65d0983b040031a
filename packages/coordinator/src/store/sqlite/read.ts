/** What the worker reads of transactions: the hot path's prepared statements, one after the other. */
import type { BranchPayloads } from '../store';
import { findPayload, payloadsOf } from '../rows/branch-specs';
import type { DueRow, FactsRow, LoadedRows } from '../rows/columns';
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
    transaction: transaction as LoadedRows['transaction'],
    registrations: statements.loadRegistrations.all(gid) as LoadedRows['registrations'],
    labels: statements.loadLabels.all(gid) as LoadedRows['labels'],
  };
}

/** Everything of several transactions; what is not kept is left out. */
export function loadMany(statements: Statements, gids: readonly string[]): readonly LoadedRows[] {
  return gids.flatMap((gid) => loadRows(statements, { gid, owner: undefined }) ?? []);
}

/** What the row of a gid says, or undefined. */
export function loadFacts(statements: Statements, gid: string): FactsRow | undefined {
  return statements.facts.get(gid) as FactsRow | undefined;
}

const noBytes = new Uint8Array(0);

/** What one branch sends, or undefined. Only its own bytes leave the database. */
export function loadPayloads(
  statements: Statements,
  { gid, branchId }: { readonly gid: string; readonly branchId: string },
): BranchPayloads | undefined {
  const rows = statements.loadSpecs.all(gid) as { readonly id: number; readonly specs: string }[];
  for (const { id, specs } of rows) {
    const place = findPayload(specs, branchId);
    if (place === undefined) continue;
    const row = statements.cutPayload.get(place.at + 1, place.length, id);
    // Out of no bytes SQLite cuts NULL.
    const { bytes } = row as { readonly bytes: Uint8Array | null };
    return payloadsOf(place.lengths, bytes ?? noBytes);
  }
  return undefined;
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
