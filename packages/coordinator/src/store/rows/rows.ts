/** Rows of the database → the transactions of core. Column names end here. */
import type { Branch, DecisionCause, Gid, GlobalTransaction, RunId } from '@tercet/core';
import { type DuePosition, type RowFacts, StoreFailure, type TransactionSummary } from '../store';
import { decodeSpecs } from './branch-specs';
import { decodeStates } from './branch-states';
import {
  type DueRow,
  type FactsRow,
  type LoadedRows,
  ROW_FORMAT,
  type TransactionRow,
} from './columns';
import { decodeDetails } from './details';
import { decodeTombstone } from './tombstone';

/** The transaction that rows hold. A row of a newer format is `unavailable`: this version cannot read it. */
export function transactionOf(rows: LoadedRows): GlobalTransaction {
  const row = rows.transaction;
  assertReadable(row.gid, row.format);
  return {
    gid: row.gid as Gid,
    runId: row.run_id as RunId,
    name: row.name,
    ...decodeDetails(row.details),
    labels: Object.fromEntries(rows.labels.map(({ name, value }) => [name, value])),
    status: row.status,
    openedAt: row.opened_at,
    deadlineAt: row.deadline_at,
    decidedAt: row.decided_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    cause: causeOf(row),
    epoch: row.epoch,
    branches: branchesOf(rows),
    ...decodeTombstone(row),
  };
}

function branchesOf({ transaction, registrations }: LoadedRows): readonly Branch[] {
  const registered = registrations.flatMap(decodeSpecs);
  const states = decodeStates(transaction, registered.length);
  return states.map((state, place) => ({ ...registered[place], ...state }) as Branch);
}

function causeOf({ cause, reason }: TransactionRow): DecisionCause | undefined {
  if (cause === null) return undefined;
  return cause === 'rollback' ? { kind: cause, reason: reason ?? '' } : { kind: cause };
}

/** A place in the order of due times. */
export function duePositionOf({ gid, next_at }: DueRow): DuePosition {
  return { nextAt: next_at, gid: gid as Gid };
}

/** Columns of a list. */
export const summaryColumns = [
  'gid',
  'run_id',
  'name',
  'status',
  'branches',
  'opened_at',
  'decided_at',
  'finished_at',
  'cause',
  'tombstone',
] as const satisfies readonly (keyof TransactionRow)[];

/** A row of a list. */
export function summaryOf(row: unknown): TransactionSummary {
  const columns = row as Pick<TransactionRow, (typeof summaryColumns)[number]>;
  return {
    gid: columns.gid as Gid,
    runId: columns.run_id as RunId,
    name: columns.name,
    status: columns.status,
    branches: columns.branches,
    openedAt: columns.opened_at,
    decidedAt: columns.decided_at ?? undefined,
    finishedAt: columns.finished_at ?? undefined,
    cause: columns.cause ?? undefined,
    tombstone: columns.tombstone !== null,
  };
}

/** Throws StoreFailure `unavailable`, reason `newer_format`, where the row's format is newer than what this version reads. */
export function assertReadable(gid: string, format: number): void {
  if (format <= ROW_FORMAT) return;
  const message = `transaction ${gid} has format ${format}, this version reads up to ${ROW_FORMAT}`;
  throw new StoreFailure('unavailable', message, { reason: 'newer_format' });
}

/** Those of the rows whose format this version reads. */
export function readableOf(rows: readonly LoadedRows[]): readonly LoadedRows[] {
  return rows.filter(({ transaction }) => transaction.format <= ROW_FORMAT);
}

/** What a row says, whatever its format is. */
export function factsOf(row: FactsRow): RowFacts {
  const { owner, epoch, run_id, status, branches } = row;
  return { owner, epoch, runId: run_id as RunId, status, branches };
}
