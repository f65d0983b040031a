import type { DecisionCause, GlobalStatus, GlobalTransaction } from '@tercet/core';
import { StoreFailure } from '../store';
import { cleanText } from '../stored-form';

/** A tombstone that comes from another store: what a row of it holds. */
export interface TombstoneRow {
  readonly gid: string;
  readonly runId: string;
  readonly name: string;
  readonly status: GlobalStatus;
  readonly branches: number;
  readonly openedAt: number;
  readonly deadlineAt: number;
  readonly decidedAt: number;
  readonly finishedAt: number;
  readonly cause: DecisionCause['kind'];
  /** As in the column. */
  readonly tombstone: string;
}

/** The row of a tombstone. Throws StoreFailure `data` for what is none. */
export function tombstoneRowOf(tx: GlobalTransaction): TombstoneRow {
  const { gid, runId, status, openedAt, deadlineAt, decidedAt, finishedAt, cause, tombstone } = tx;
  if (!tombstone || !cause || decidedAt === undefined || finishedAt === undefined) {
    throw new StoreFailure('data', `transaction ${gid} is no tombstone`);
  }
  const times = { openedAt, deadlineAt, decidedAt, finishedAt };
  const { branches, resultDigest = '' } = tombstone;
  const name = cleanText(tx.name);
  return {
    gid,
    runId,
    name,
    status,
    branches,
    ...times,
    cause: cause.kind,
    tombstone: resultDigest,
  };
}
