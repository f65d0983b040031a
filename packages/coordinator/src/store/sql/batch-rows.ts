/**
 * A batch as rows for an SQL server: one list for each table and kind of change, so that each becomes one statement,
 * however many operations it carries.
 *
 * B1 A wave holds at most one operation per gid. Most batches are one wave. One with more for some gid, which the engine never
 *    makes, is as many waves as operations, written in order within one database transaction: so each has a count of its own.
 * B2 Rows of a list are sorted by gid: whoever locks several rows locks them in the same order.
 * B3 Every row carries its own guard: run id and epoch, and what else its operation says; the owner is the writer's, of a take
 *    the one that it names.
 */
import { type GlobalStatus, type GlobalTransaction, isFinished } from '@tercet/core';
import { gidOf, openStatusOf } from '../batch-results';
import { encodeSpecs } from '../rows/branch-specs';
import { encodeStates } from '../rows/branch-states';
import { ByteList } from '../rows/byte-list';
import { ROW_FORMAT } from '../rows/columns';
import { encodeDetails } from '../rows/details';
import type { SpecShapes } from '../rows/spec-shapes';
import { assertDecision, assertFresh, assertIds, assertResult } from '../row-rules';
import type { StoreOperation } from '../store';
import { cleanLabels, cleanText, storedCause } from '../stored-form';

/** What every row of a change is guarded by, with the owner. */
interface Guarded {
  readonly gid: string;
  readonly runId: string;
  readonly epoch: number;
}

/** A transaction to insert, with epoch 1 and the status `trying`; `next_at` is its deadline. */
export interface OpenRow {
  readonly gid: string;
  readonly runId: string;
  readonly name: string;
  readonly openedAt: number;
  readonly deadlineAt: number;
  readonly branches: number;
  readonly details: string | null;
  readonly states: string | null;
  readonly format: number;
}

/** Branches that are added: `branches` from `before`, only while the status is `trying`. */
export interface ExtendRow extends Guarded {
  readonly before: number;
  readonly branches: number;
  readonly states: string | null;
}

/**
 * Branches that were registered together: inserted only where the row of the transaction is the writer's, of this run,
 * epoch and number of branches, `trying`, after the statement that opened or extended it.
 */
export interface RegistrationInsert extends Guarded {
  /** Place of its first branch. With the gid the key. */
  readonly first: number;
  /** Number of branches that the transaction has with them. */
  readonly branches: number;
  readonly specs: string;
  readonly payloads: Uint8Array;
}

/** A label: inserted where the opening of its transaction was this one's. */
export interface LabelInsert extends Guarded {
  readonly name: string;
  readonly value: string;
}

/** A decision: only while the status is `trying`, with as many branches. */
export interface DecideRow extends Guarded {
  readonly branches: number;
  readonly status: GlobalStatus;
  readonly decidedAt: number | null;
  readonly cause: string | null;
  readonly reason: string | null;
  readonly states: string | null;
  /** Not null = it is finished at once: `open_owner` and `next_at` become null. */
  readonly finishedAt: number | null;
}

/** The result of a decision: inserted where the decision matched. */
export interface ResultInsert extends Guarded {
  /** The status that the decision has written. */
  readonly status: GlobalStatus;
  readonly result: Uint8Array;
}

/** Progress in phase two, or of what is held: only while the status is `from`, with as many branches. */
export interface ProgressRow extends Guarded {
  readonly branches: number;
  /** `confirming` or `cancelling`; `trying` of what is held. */
  readonly from: GlobalStatus;
  readonly status: GlobalStatus;
  readonly states: string | null;
  readonly nextAt: number | null;
  /** Not null = it is finished: `open_owner` and `next_at` become null. */
  readonly finishedAt: number | null;
}

/** An epoch to raise by one. */
export interface FenceRow {
  readonly gid: string;
  readonly epoch: number;
}

/** An unfinished row to take over from `owner`, its epoch raised by one; only where its format is one that is read. */
export interface TakeRow extends Guarded {
  readonly owner: string;
}

/** One wave of a batch (B1). */
export interface BatchRows {
  readonly opens: readonly OpenRow[];
  readonly extensions: readonly ExtendRow[];
  readonly registrations: readonly RegistrationInsert[];
  readonly labels: readonly LabelInsert[];
  readonly decisions: readonly DecideRow[];
  readonly results: readonly ResultInsert[];
  readonly progress: readonly ProgressRow[];
  readonly fences: readonly FenceRow[];
  readonly takes: readonly TakeRow[];
}

/** Lists whose rows are the first statement of an operation: their counts say which guards matched. */
export const guardedLists = [
  'opens',
  'extensions',
  'decisions',
  'progress',
  'fences',
  'takes',
] as const satisfies readonly (keyof BatchRows)[];

/** One of {@link guardedLists}. */
export type GuardedList = (typeof guardedLists)[number];

/** The list in which an operation has its guarded row. */
export const listOf = {
  open: 'opens',
  extend: 'extensions',
  decide: 'decisions',
  progress: 'progress',
  fence: 'fences',
  take: 'takes',
} as const satisfies Record<StoreOperation['kind'], GuardedList>;

type Lists = { [K in keyof BatchRows]: BatchRows[K][number][] };

/** The waves of a batch (B1). */
export function wavesOf(batch: readonly StoreOperation[]): readonly (readonly StoreOperation[])[] {
  const gids = new Set(batch.map(gidOf));
  if (gids.size < batch.length) return batch.map((operation) => [operation]);
  return batch.length === 0 ? [] : [batch];
}

/**
 * The rows of one wave (B2). Throws StoreFailure `data`, or whatever wrong data ends in. Rows are written out field by field: one spread costs more than all the rest of
 * a row.
 *
 * @param format of the rows that are opened: the newest one that whoever shares the store can read.
 */
export function batchRowsOf(
  wave: readonly StoreOperation[],
  shapes: SpecShapes,
  format = ROW_FORMAT,
): BatchRows {
  const lists: Lists = {
    opens: [],
    extensions: [],
    registrations: [],
    labels: [],
    decisions: [],
    results: [],
    progress: [],
    fences: [],
    takes: [],
  };
  const sorted = [...wave].sort((a, b) => (gidOf(a) < gidOf(b) ? -1 : 1));
  for (const operation of sorted) add(operation, lists, { shapes, format });
  return lists;
}

/** What rows are made with. */
interface Making {
  readonly shapes: SpecShapes;
  readonly format: number;
}

function add(operation: StoreOperation, lists: Lists, making: Making): void {
  const { shapes } = making;
  switch (operation.kind) {
    case 'open':
      return addOpen(operation.tx, lists, making);
    case 'extend': {
      const { tx, before } = operation;
      const { branches } = tx;
      lists.extensions.push({
        gid: tx.gid,
        runId: tx.runId,
        epoch: tx.epoch,
        before,
        branches: branches.length,
        states: encodeStates(tx),
      });
      return addRegistration(tx, before, { lists, shapes });
    }
    case 'decide':
      return addDecision(operation.tx, operation.result, lists);
    case 'progress':
      return addProgress(operation.tx, operation.nextAt, lists);
    case 'fence':
      lists.fences.push({ gid: operation.gid, epoch: operation.epoch });
      return;
    case 'take': {
      const { gid, runId, owner, epoch } = operation;
      lists.takes.push({ gid, runId, owner, epoch });
    }
  }
}

function addOpen(tx: GlobalTransaction, lists: Lists, { shapes, format }: Making): void {
  assertFresh(tx);
  const { gid, runId, openedAt, deadlineAt, branches } = tx;
  lists.opens.push({
    gid,
    runId,
    name: cleanText(tx.name),
    openedAt,
    deadlineAt,
    branches: branches.length,
    details: encodeDetails(tx),
    states: encodeStates(tx),
    format,
  });
  addRegistration(tx, 0, { lists, shapes });
  for (const [name, value] of Object.entries(cleanLabels(tx.labels))) {
    lists.labels.push({ gid: tx.gid, runId: tx.runId, epoch: tx.epoch, name, value });
  }
}

function addRegistration(
  tx: GlobalTransaction,
  first: number,
  { lists, shapes }: { readonly lists: Lists; readonly shapes: SpecShapes },
): void {
  assertIds(tx);
  const { branches } = tx;
  if (branches.length <= first) return;
  const bytes = new ByteList();
  const specs = encodeSpecs(tx, first, { shapes, bytes });
  const payloads = bytes.join();
  lists.registrations.push({
    gid: tx.gid,
    runId: tx.runId,
    epoch: tx.epoch,
    first,
    branches: branches.length,
    specs,
    payloads,
  });
}

function addDecision(tx: GlobalTransaction, result: Uint8Array | undefined, lists: Lists): void {
  assertDecision(tx);
  const { status, decidedAt, finishedAt, branches } = tx;
  const cause = storedCause(tx.cause);
  lists.decisions.push({
    gid: tx.gid,
    runId: tx.runId,
    epoch: tx.epoch,
    branches: branches.length,
    status,
    decidedAt: decidedAt ?? null,
    cause: cause?.kind ?? null,
    reason: cause?.kind === 'rollback' ? cause.reason : null,
    states: encodeStates(tx),
    finishedAt: isFinished(status) ? (finishedAt ?? null) : null,
  });
  if (result === undefined) return;
  assertResult(tx, result);
  lists.results.push({ gid: tx.gid, runId: tx.runId, epoch: tx.epoch, status, result });
}

function addProgress(tx: GlobalTransaction, nextAt: number | undefined, lists: Lists): void {
  const { status, finishedAt, branches } = tx;
  const finished = isFinished(status);
  if (finished) assertDecision(tx);
  lists.progress.push({
    gid: tx.gid,
    runId: tx.runId,
    epoch: tx.epoch,
    branches: branches.length,
    from: openStatusOf(status),
    status,
    states: encodeStates(tx),
    nextAt: finished ? null : (nextAt ?? null),
    finishedAt: finished ? (finishedAt ?? null) : null,
  });
}
