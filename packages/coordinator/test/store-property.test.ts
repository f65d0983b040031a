/**
 * The twin is a twin: the same random operations, in the same batches, give the same results and the same rows in
 * memory and in SQLite. Whatever the engine's tests prove on memory then holds on disk.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { GlobalTransaction } from '@tercet/core';
import * as fc from 'fast-check';
import { MemoryStore } from '../src/store/memory-store';
import { SqliteStore } from '../src/store/sqlite/sqlite-store';
import type { Store, StoreOperation } from '../src/store/store';
import { useTempDirectories } from './support/temp-directory';
import {
  anotherRun,
  attempted,
  cancelling,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  trying,
  withMore,
} from './support/transaction-moves';

// Every worker loads TypeScript anew; several of them in one test take seconds on a busy machine.
jest.setTimeout(60_000);

const tempDirectory = useTempDirectories();

/** A step that knows neither the gid's number nor the round yet. */
interface Step {
  readonly gid: number;
  readonly kind: 'open' | 'extend' | 'confirm' | 'cancel' | 'tried' | 'ended' | 'fence' | 'poison';
  readonly epoch: number;
  readonly branches: number;
  readonly rival: boolean;
  readonly way: 'confirm' | 'cancel';
}

const step: fc.Arbitrary<Step> = fc.record({
  gid: fc.integer({ min: 0, max: 2 }),
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('open', 'extend', 'confirm', 'cancel') },
    { weight: 9, arbitrary: fc.constantFrom('tried', 'ended', 'fence') },
    { weight: 1, arbitrary: fc.constant('poison') },
  ),
  epoch: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 2, arbitrary: fc.constant(2) },
  ),
  branches: fc.integer({ min: 1, max: 3 }),
  rival: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  way: fc.constantFrom('confirm', 'cancel'),
});

const batches = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 6,
});

describe('the memory store and the sqlite store', () => {
  const memory = new MemoryStore();
  let sqlite: SqliteStore;
  let round = 0;

  beforeAll(async () => {
    sqlite = new SqliteStore({ directory: tempDirectory() });
    await memory.open('me');
    await sqlite.open('me');
  });
  afterAll(async () => {
    await memory.close();
    await sqlite.close();
  });

  it('answer the same and hold the same after any sequence of batches (S1–S5)', async () => {
    const property = fc.asyncProperty(batches, async (sequence) => {
      const prefix = `round-${++round}`;
      for (const steps of sequence) {
        const batch = steps.map((planned) => operationOf(planned, prefix));
        expect(await outcomeOf(sqlite, batch)).toEqual(await outcomeOf(memory, batch));
      }
      for (let gid = 0; gid < 3; gid++) {
        const { gid: asked } = trying(`${prefix}-${gid}`);
        expect(await sqlite.load(asked)).toEqual(await memory.load(asked));
      }
      const page = {
        statuses: [],
        name: undefined,
        gidPrefix: `${prefix}-`,
        limit: 2,
        cursor: undefined,
      };
      expect(await sqlite.list(page)).toEqual(await memory.list(page));
    });
    await fc.assert(property, { numRuns: 300 });
  });
});

function operationOf(planned: Step, prefix: string): StoreOperation {
  const { epoch, branches, rival } = planned;
  const row = trying(
    `${prefix}-${planned.gid}`,
    branches,
    rival ? { epoch, runId: anotherRun } : { epoch },
  );
  const decided = planned.way === 'confirm' ? confirming(row) : cancelling(row);
  switch (planned.kind) {
    case 'open':
      return open({ ...row, epoch: 1 });
    case 'extend':
      return extend(withMore(row), branches);
    case 'confirm':
      return decide(confirming(row));
    case 'cancel':
      return decide(cancelling(row));
    case 'tried':
      return progress(attempted(decided, '1'), ['1']);
    case 'ended':
      return progress(finished(decided));
    case 'fence':
      return fence(row);
    case 'poison':
      return open(withoutName(row));
  }
}

function withoutName(row: GlobalTransaction): GlobalTransaction {
  return { ...row, name: undefined as never };
}

async function outcomeOf(store: Store, batch: readonly StoreOperation[]): Promise<unknown> {
  try {
    return await store.write(batch);
  } catch (error) {
    return error instanceof Error && 'kind' in error ? error.kind : error;
  }
}
