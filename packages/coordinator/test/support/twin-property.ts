/**
 * The twin is a twin: the same random operations, in the same batches, give the same results and the same rows in memory and in
 * a database. Whatever the engine's tests prove on memory then holds there.
 */
import { expect } from '@jest/globals';
import type { BranchId, GlobalTransaction } from '@tercet/core';
import * as fc from 'fast-check';
import { MemoryStore } from '../../src/store/memory-store';
import { SharedMemory } from '../../src/store/shared-memory';
import type { DuePosition, Store, StoreOperation } from '../../src/store/store';
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
  parked,
  progress,
  resolved,
  take,
  trying,
  withMore,
} from './transaction-moves';

/** A step that knows neither the gid's number nor the round yet. */
interface Step {
  readonly gid: number;
  readonly kind: (typeof common)[number] | (typeof later)[number] | 'poison';
  readonly epoch: number;
  readonly branches: number;
  readonly rival: boolean;
  readonly way: 'confirm' | 'cancel';
  /** Time of what is due, after the round's own; undefined = none. */
  readonly due: number | undefined;
  readonly result: Uint8Array | undefined;
  /** From whom it is taken. */
  readonly owner: (typeof nodes)[number];
}

/** Who writes. */
const nodes = ['me', 'you'] as const;

const common = ['open', 'extend', 'confirm', 'cancel'] as const;
const later = ['tried', 'parked', 'resolved', 'ended', 'fence', 'take'] as const;

const step: fc.Arbitrary<Step> = fc.record({
  gid: fc.integer({ min: 0, max: 2 }),
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...common) },
    { weight: 12, arbitrary: fc.constantFrom(...later) },
    { weight: 1, arbitrary: fc.constant('poison') },
  ),
  epoch: fc.oneof(
    { weight: 8, arbitrary: fc.constant(1) },
    { weight: 3, arbitrary: fc.constant(2) },
    { weight: 1, arbitrary: fc.constant(3) },
  ),
  branches: fc.integer({ min: 1, max: 3 }),
  rival: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  way: fc.constantFrom('confirm', 'cancel'),
  due: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  result: fc.option(fc.uint8Array({ maxLength: 3 }), { nil: undefined }),
  owner: fc.constantFrom(...nodes),
});

const batches = fc.array(
  fc.record({
    by: fc.nat({ max: nodes.length - 1 }),
    steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 6 },
);

/** A store of each kind, open as the same incarnation. */
interface Twins {
  readonly memory: Store;
  readonly database: Store;
}

/** Plays `runs` random sequences of batches on both, open as `me`, and compares what they answer and hold. */
export async function assertTwins(memory: Store, database: Store, runs: number): Promise<void> {
  await assertAllTwins([{ memory, database }], runs);
}

/** The same with two nodes, `me` and `you`, that write by turns and take from one another. */
export async function assertTwinNodes(make: () => Store, runs: number): Promise<void> {
  const shared = new SharedMemory();
  const pairs: Twins[] = [];
  for (const node of nodes) {
    const pair = { memory: new MemoryStore({ shared }), database: make() };
    for (const store of Object.values(pair)) await store.open(node);
    pairs.push(pair);
  }
  try {
    await assertAllTwins(pairs, runs);
  } finally {
    for (const { database } of pairs) await database.close();
  }
}

async function assertAllTwins(pairs: readonly Twins[], runs: number): Promise<void> {
  let round = 0;
  const property = fc.asyncProperty(batches, async (sequence) => {
    const prefix = `round-${++round}`;
    // Times of its own keep what is due in this round apart from what is left of others.
    const since = round * 10;
    for (const { by, steps } of sequence) {
      const { memory, database } = pairs[by % pairs.length] as Twins;
      const batch = steps.map((planned) => operationOf(planned, prefix, since));
      expect(await outcomeOf(database, batch)).toEqual(await outcomeOf(memory, batch));
    }
    for (const { memory, database } of pairs) {
      for (let gid = 0; gid < 3; gid++) {
        const asked = await partsOf(database, `${prefix}-${gid}`);
        expect(asked).toEqual(await partsOf(memory, `${prefix}-${gid}`));
      }
      expect(await dueOf(database, since)).toEqual(await dueOf(memory, since));
    }
    const { memory, database } = pairs[0] as Twins;
    const page = {
      statuses: [],
      name: undefined,
      gidPrefix: `${prefix}-`,
      limit: 2,
      cursor: undefined,
    };
    expect(await database.list(page)).toEqual(await memory.list(page));
  });
  await fc.assert(property, { numRuns: runs });
}

function operationOf(planned: Step, prefix: string, since: number): StoreOperation {
  const { epoch, branches, rival } = planned;
  const due = planned.due === undefined ? undefined : since + planned.due;
  const deadlineAt = due ?? since;
  const run = rival ? { runId: anotherRun } : {};
  const row = trying(`${prefix}-${planned.gid}`, branches, { epoch, deadlineAt, ...run });
  return planned.kind === 'take' ? take(row, planned.owner) : ownOperationOf(planned, row, due);
}

function ownOperationOf(
  planned: Step,
  row: GlobalTransaction,
  due: number | undefined,
): StoreOperation {
  const { branches, result } = planned;
  const decided = planned.way === 'confirm' ? confirming(row) : cancelling(row);
  switch (planned.kind as Exclude<Step['kind'], 'take'>) {
    case 'open':
      return open({ ...row, epoch: 1 });
    case 'extend':
      return extend(withMore(row), branches);
    case 'confirm':
      return decide(confirming(row), result);
    case 'cancel':
      return decide(cancelling(row));
    case 'tried':
      return progress(attempted(decided, '1'), due);
    case 'parked':
      return progress(parked(decided, '2'), due);
    case 'resolved':
      return progress(resolved(decided, '1'), due);
    case 'ended':
      return progress(finished(decided), due);
    case 'fence':
      return fence(row);
    case 'poison':
      return open(withoutName(row));
  }
}

function withoutName(row: GlobalTransaction): GlobalTransaction {
  return { ...row, name: undefined as never };
}

/** Everything that a store tells of one gid. */
async function partsOf(store: Store, name: string): Promise<readonly unknown[]> {
  const { gid } = trying(name);
  const ids = ['1', '2', '3', '4'] as BranchId[];
  return await Promise.all([
    store.facts(gid),
    store.load(gid),
    store.loadOwned(gid),
    store.loadResult(gid),
    ...ids.map((id) => store.loadPayloads(gid, id)),
  ]);
}

/** What is due in a round, read in pages of one. */
async function dueOf(store: Store, since: number): Promise<readonly DuePosition[]> {
  const start = { nextAt: since - 1, gid: trying('~').gid };
  const found: DuePosition[] = [];
  for (;;) {
    const after = found.at(-1) ?? start;
    const [next] = await store.due({ before: since + 9, after, limit: 1 });
    if (next === undefined) return found;
    found.push(next);
  }
}

async function outcomeOf(store: Store, batch: readonly StoreOperation[]): Promise<unknown> {
  try {
    return await store.write(batch);
  } catch (error) {
    return error instanceof Error && 'kind' in error ? error.kind : error;
  }
}
