/**
 * How long a durable commit takes on the embedded store: openings of transactions with two branches, one alone or many
 * in one batch, as group commit sends them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteStore } from '@tercet/coordinator';
import { newGid } from '@tercet/core';
import { systemClock, systemRandom } from '@tercet/runtime';
import { undecided } from './stored-transaction';

/** Which commits are timed. */
export interface CommitPlan {
  /** Folder for the database. */
  readonly scratch: string;
  /** Openings in each commit. */
  readonly openings: number;
  /** Timed commits. */
  readonly commits: number;
}

const WARM_UP_COMMITS = 50;

/** Times of the commits, milliseconds, one after the other. */
export async function timeCommits({
  scratch,
  openings,
  commits,
}: CommitPlan): Promise<readonly number[]> {
  const directory = mkdtempSync(join(scratch, 'commits-'));
  const store = new SqliteStore({ directory });
  const times: number[] = [];
  try {
    await store.open('bench');
    for (let commit = 0; commit < WARM_UP_COMMITS + commits; commit++) {
      const batch = Array.from({ length: openings }, () => {
        return { kind: 'open', tx: undecided(newGid(systemClock, systemRandom)) } as const;
      });
      const start = performance.now();
      const results = await store.write(batch);
      const time = performance.now() - start;
      if (results.some(({ kind }) => kind !== 'applied')) throw new Error('an opening was refused');
      if (commit >= WARM_UP_COMMITS) times.push(time);
    }
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
  return times;
}
