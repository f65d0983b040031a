/** Domain operations → prepared statements with values. Guards come first: they alone decide (S2, I8). */
import type { Branch, BranchId, GlobalTransaction } from '@tercet/core';
import { isFinished } from '@tercet/core';
import { openStatusOf } from '../batch-results';
import type {
  DecideOperation,
  ExtendOperation,
  OpenOperation,
  ProgressOperation,
  StoreOperation,
} from '../store';
import {
  storedAttempts,
  storedBranch,
  storedBytes,
  storedCause,
  storedTransaction,
  storedVerdict,
} from '../stored-form';
import type { SqlValue } from './driver';
import type { EncodedOperation, EncodedStatement } from './messages';
import { progressColumnNames } from './columns';
import { branchRow, progressColumns, transactionRow } from './rows';
import { branchColumns, transactionColumns } from './statements';

/** Encodes one operation of the incarnation `me`. */
export function encodeOperation(operation: StoreOperation, me: string): EncodedOperation {
  switch (operation.kind) {
    case 'open':
      return encodeOpen(operation, me);
    case 'extend':
      return encodeExtend(operation, me);
    case 'decide':
      return encodeDecide(operation, me);
    case 'progress':
      return encodeProgress(operation, me);
    case 'fence': {
      const { gid, epoch } = operation;
      return { gid, asksRow: true, guard: { name: 'fence', values: [gid, me, epoch] }, rest: [] };
    }
  }
}

function encodeOpen(operation: OpenOperation, me: string): EncodedOperation {
  const tx = storedTransaction(operation.tx);
  const row = transactionRow(tx, me);
  const labels = Object.entries(tx.labels).map(([name, value]): EncodedStatement => {
    return { name: 'insertLabel', values: [tx.gid, name, value] };
  });
  return {
    gid: tx.gid,
    asksRow: false,
    guard: { name: 'open', values: transactionColumns.map((column) => row[column]) },
    rest: [...tx.branches.map((branch, i) => insertBranch(tx, i, branch)), ...labels],
  };
}

function encodeExtend({ tx, before }: ExtendOperation, me: string): EncodedOperation {
  const added = tx.branches.slice(before).map(storedBranch);
  return {
    gid: tx.gid,
    asksRow: false,
    guard: { name: 'extend', values: [tx.branches.length, ...guardValues(tx, me), before] },
    rest: added.map((branch, i) => insertBranch(tx, before + i, branch)),
  };
}

function encodeDecide({ tx, result }: DecideOperation, me: string): EncodedOperation {
  const cause = storedCause(tx.cause);
  const reason = cause?.kind === 'rollback' ? cause.reason : null;
  const decision = [tx.status, tx.decidedAt ?? null, cause?.kind ?? null, reason];
  const guard: EncodedStatement = isFinished(tx.status)
    ? {
        name: 'decideAndFinish',
        values: [...decision, tx.finishedAt ?? null, ...guardValues(tx, me)],
      }
    : { name: 'decide', values: [...decision, ...guardValues(tx, me)] };
  return {
    gid: tx.gid,
    asksRow: false,
    guard,
    rest: [...tellTries(tx), ...keepResult(tx, result)],
  };
}

function keepResult(tx: GlobalTransaction, result: Uint8Array | undefined): EncodedStatement[] {
  if (result === undefined) return [];
  return [{ name: 'insertResult', values: [tx.gid, storedBytes(result)] }];
}

/** What was told of the Tries: one statement where it is the same of all, as after every commit. */
function tellTries(tx: GlobalTransaction): EncodedStatement[] {
  const told = (branch: Branch): SqlValue[] => [branch.phaseOne, Number(branch.tryTold)];
  const [first] = tx.branches;
  if (first === undefined) return [];
  const same = tx.branches.every(
    (branch) => branch.phaseOne === first.phaseOne && branch.tryTold === first.tryTold,
  );
  if (same) return [{ name: 'tellTries', values: [...told(first), tx.gid, tx.branches.length] }];
  return tx.branches.map((branch) => ({
    name: 'tellTry',
    values: [...told(branch), tx.gid, branch.spec.id],
  }));
}

function encodeProgress(
  { tx, branchIds, nextAt }: ProgressOperation,
  me: string,
): EncodedOperation {
  const from = openStatusOf(tx.status);
  // No row is in phase two with the status `trying`: such an operation has to match nothing.
  const guarded = [...guardValues(tx, me), from === 'trying' ? null : from];
  const guard: EncodedStatement = isFinished(tx.status)
    ? { name: 'finish', values: [tx.status, tx.finishedAt ?? null, ...guarded] }
    : { name: 'progress', values: [nextAt ?? null, ...guarded] };
  const named = new Set<BranchId>(branchIds);
  const rest = tx.branches
    .filter((branch) => named.has(branch.spec.id))
    .map((branch) => progressBranch(tx, branch));
  return { gid: tx.gid, asksRow: false, guard, rest };
}

function progressBranch(tx: GlobalTransaction, branch: Branch): EncodedStatement {
  const columns = progressColumns({
    ...branch,
    attempts: storedAttempts(branch.attempts),
    verdict: storedVerdict(branch.verdict),
  });
  const values = progressColumnNames.map((name) => columns[name]);
  return { name: 'progressBranch', values: [...values, tx.gid, branch.spec.id] };
}

function insertBranch(tx: GlobalTransaction, ordinal: number, branch: Branch): EncodedStatement {
  const row = branchRow(tx.gid, ordinal, branch);
  return { name: 'insertBranch', values: branchColumns.map((column) => row[column]) };
}

function guardValues(tx: GlobalTransaction, me: string): SqlValue[] {
  return [tx.gid, me, tx.epoch, tx.runId];
}
