/** What is finished slows nobody down: the throughput of a store that holds a million transactions. */
import { join } from 'node:path';
import { SqliteStore, type Store, type StoreOperation } from '@tercet/coordinator';
import { newGid } from '@tercet/core';
import { systemClock, systemRandom } from '@tercet/runtime';
import { base } from '../configurations';
import type { Figure } from '../report/figure';
import { type Participants, type World, measure, onStage } from '../stage';
import { median } from '../statistics';
import { wholeLife } from '../stored-transaction';

const FINISHED = 1_000_000;
/** A quick run only sees whether it works. */
const FINISHED_QUICK = 1_000;
const BATCH = 1_000;
const TOLD_EVERY = 100_000;

/** Full and empty in turn; the ratio of the medians. */
export async function checkFinishedStore(
  world: World,
  participants: Participants,
): Promise<readonly Figure[]> {
  const count = world.quick ? FINISHED_QUICK : FINISHED;
  const text = count.toLocaleString('en-US');
  world.progress(`${text} finished transactions in the store`);
  const full = join(world.scratch, 'finished');
  await fill(world, full, count);
  const throughput = async (directory: string | undefined): Promise<number> => {
    const where = directory === undefined ? {} : { directory };
    const options = { configuration: base, participants, ...where };
    return (await onStage(world, options, (stage) => measure(world, stage))).tps;
  };
  const results: { readonly full: number; readonly empty: number }[] = [];
  for (let round = 0; round < world.rounds; round++) {
    results.push({ full: await throughput(full), empty: await throughput(undefined) });
  }
  const ratio = median(results.map((one) => one.full)) / median(results.map((one) => one.empty));
  return [
    {
      check: `${text} finished transactions in the store: throughput against an empty one`,
      value: ratio,
      unit: '×',
      target: { atLeast: 0.9 },
    },
  ];
}

/** Writes them as the coordinator does, in large commits. */
async function fill(world: World, directory: string, count: number): Promise<void> {
  const store = new SqliteStore({ directory });
  await store.open('bench');
  try {
    for (let written = 0; written < count; written += BATCH) {
      const lives = Array.from({ length: BATCH }, () =>
        wholeLife(newGid(systemClock, systemRandom)),
      );
      for (const step of [0, 1, 2] as const)
        await write(
          store,
          lives.map((life) => life[step]),
        );
      if ((written + BATCH) % TOLD_EVERY === 0) {
        world.progress(`${(written + BATCH).toLocaleString('en-US')} are written`);
      }
    }
  } finally {
    await store.close();
  }
}

async function write(store: Store, batch: readonly StoreOperation[]): Promise<void> {
  const results = await store.write(batch);
  if (results.some(({ kind }) => kind !== 'applied')) throw new Error('a write was refused');
}
