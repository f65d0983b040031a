import { describe, expect, it } from '@jest/globals';
import { type Gid, TercetError } from '@tercet/core';
import { ManualTime, SeededRandom, aTransaction } from '@tercet/core/testing';
import { roomyLimits } from '../../test/support/engine-world';
import { RecordingLogger } from '../../test/support/recording-logger';
import { FaultyStore } from '../testing/faulty-store';
import { gidOf } from '../store/batch-results';
import { MemoryStore } from '../store/memory-store';
import type { OperationResult, StoreOperation } from '../store/store';
import { BatchWriter } from './batch-writer';
import type { BatchWriterLimits, TransactionOperation, WriteResult } from './write-queue';

/** Keeps every batch that reached the store. */
class WatchedStore extends FaultyStore {
  readonly batches: string[][] = [];

  override write(batch: readonly StoreOperation[]): Promise<readonly OperationResult[]> {
    this.batches.push(batch.map((op) => `${op.kind} ${gidOf(op)}`));
    return super.write(batch);
  }
}

class World {
  readonly time = new ManualTime();
  readonly memory = new MemoryStore();
  readonly store = new WatchedStore(this.memory);
  readonly logger = new RecordingLogger();
  readonly troubles: string[] = [];
  readonly writer: BatchWriter;

  constructor(limits: Partial<BatchWriterLimits> = {}) {
    this.writer = new BatchWriter({
      store: this.store,
      incarnation: 'me',
      clock: this.time,
      scheduler: this.time,
      random: new SeededRandom(7),
      logger: this.logger,
      limits: { ...roomyLimits, ...limits },
      onTrouble: (trouble) => this.troubles.push(trouble?.kind ?? 'none'),
    });
  }

  /** Settles what is ready and gives the results so far. */
  async results(writes: Promise<WriteResult>[], ms = 0): Promise<(string | undefined)[]> {
    const seen: (string | undefined)[] = writes.map(() => undefined);
    writes.forEach((write, i) => void write.then((result) => (seen[i] = nameOf(result))));
    await this.time.advance(ms);
    return seen;
  }
}

async function aWorld(limits: Partial<BatchWriterLimits> = {}): Promise<World> {
  const world = new World(limits);
  await world.store.open('me');
  return world;
}

function nameOf(result: WriteResult): string {
  if (result.kind === 'applied') return `applied at ${result.epoch}`;
  return result.kind === 'dropped' ? result.error.code : result.kind;
}

function open(gid: string): TransactionOperation {
  return { kind: 'open', tx: aTransaction({ gid: gid as Gid }) };
}

function decide(gid: string): TransactionOperation {
  const tx = aTransaction({
    gid: gid as Gid,
    status: 'confirming',
    decidedAt: 1_700_000_001_000,
    cause: { kind: 'commit' },
  });
  return { kind: 'decide', tx };
}

describe('group commit', () => {
  it('writes what is ready in one turn as one batch, and what comes meanwhile as the next', async () => {
    const world = await aWorld();
    const release = world.store.holdNext();
    const first = [world.writer.write(open('a')), world.writer.write(open('b'))];
    await world.time.settle();
    const later = [world.writer.write(open('c')), world.writer.write(open('d'))];
    release();
    expect(await world.results([...first, ...later])).toEqual(Array(4).fill('applied at 1'));
    expect(world.store.batches).toEqual([
      ['open a', 'open b'],
      ['open c', 'open d'],
    ]);
  });

  it('holds at most one operation per gid in a batch (W1)', async () => {
    const world = await aWorld();
    const writes = [
      world.writer.write(open('a')),
      world.writer.write(decide('a')),
      world.writer.write(open('b')),
    ];
    await world.results(writes);
    expect(world.store.batches).toEqual([['open a', 'open b'], ['decide a']]);
  });

  it('keeps to the limits of a batch; an operation larger than the limit goes alone', async () => {
    const world = await aWorld({ batchOperationsMax: 2, batchBytesMax: 700 });
    await world.results(['a', 'b', 'c'].map((gid) => world.writer.write(open(gid))));
    // Each open counts about 600 bytes, rows and texts included.
    expect(world.store.batches).toEqual([['open a'], ['open b'], ['open c']]);
  });

  it('refuses registrations beyond the queue, never decisions', async () => {
    const world = await aWorld({ queueOperationsMax: 1 });
    const release = world.store.holdNext();
    const writes = [world.writer.write(open('a'))];
    await world.time.settle();
    writes.push(
      world.writer.write(open('b')),
      world.writer.write(open('c')),
      world.writer.write(decide('a')),
    );
    release();
    expect(await world.results(writes)).toEqual([
      'applied at 1',
      'applied at 1',
      'LIMIT_EXCEEDED',
      'applied at 1',
    ]);
  });
});

describe('riders', () => {
  const rider = (gid: string, seen: string[]) => ({
    gid: gid as Gid,
    take: () => decide(gid),
    done: (result: WriteResult) => void seen.push(nameOf(result)),
  });

  it('leave alone after 20 ms where no commit comes (W6)', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    const seen: string[] = [];
    world.writer.ride(rider('a', seen));
    await world.time.advance(19);
    expect(seen).toEqual([]);
    await world.time.advance(1);
    expect(seen).toEqual(['applied at 1']);
    expect(world.time.pending).toBe(0);
  });

  it('that came during a write wait for their time too (W6)', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    const release = world.store.holdNext();
    const write = world.writer.write(open('b'));
    await world.time.settle();
    const seen: string[] = [];
    world.writer.ride(rider('a', seen));
    release();
    await world.results([write], 19);
    expect(seen).toEqual([]);
    await world.time.advance(1);
    expect(seen).toEqual(['applied at 1']);
  });

  it('join a commit that leaves earlier, and start none of their own', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    const seen: string[] = [];
    world.writer.ride(rider('a', seen));
    await world.results([world.writer.write(open('b'))]);
    expect(world.store.batches.at(-1)).toEqual(['open b', 'decide a']);
    expect(world.time.pending).toBe(0);
  });
});

describe('failures', () => {
  it('repeats the same batch after a conflict', async () => {
    const world = await aWorld();
    world.store.failNext('transient', { applied: false });
    const writes = [world.writer.write(open('a')), world.writer.write(open('b'))];
    expect(await world.results(writes, 1_000)).toEqual(['applied at 1', 'applied at 1']);
    expect(world.store.batches).toEqual([
      ['open a', 'open b'],
      ['open a', 'open b'],
    ]);
    expect(world.troubles).toEqual([]);
  });

  it('halves a batch until the poison stands alone; the others are written (W4)', async () => {
    const world = await aWorld();
    const poison: TransactionOperation = {
      kind: 'open',
      tx: { ...aTransaction({ gid: 'poison' as Gid }), openedAt: Number.NaN },
    };
    const writes = [open('a'), open('b'), poison, open('c'), open('d')].map((op) =>
      world.writer.write(op),
    );
    expect(await world.results(writes)).toEqual([
      'applied at 1',
      'applied at 1',
      'INVALID_ARGUMENT',
      'applied at 1',
      'applied at 1',
    ]);
  });

  it('keeps a poisoned decision, alerts P0 and retries it while others go on (W4)', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    world.store.failNext('data', { applied: false });
    const decision = world.writer.write(decide('a'));
    expect(await world.results([decision])).toEqual([undefined]);
    expect(world.logger.lines.find((line) => line.level === 'error')?.fields).toMatchObject({
      alert: 'P0',
      gid: 'a',
    });
    expect(await world.results([world.writer.write(open('b'))])).toEqual(['applied at 1']);
    expect(await world.results([decision], 2_000)).toEqual(['applied at 1']);
    expect(world.time.pending).toBe(0);
  });

  it.each([
    { applied: true, epoch: 1 },
    { applied: false, epoch: 1 },
  ])(
    'resolves an open in doubt by writing it again (applied: $applied, W3)',
    async ({ applied, epoch }) => {
      const world = await aWorld();
      world.store.failNext('unknown', { applied });
      expect(await world.results([world.writer.write(open('a'))], 1_000)).toEqual([
        `applied at ${epoch}`,
      ]);
      expect(world.store.batches).toEqual([['open a'], ['open a']]);
    },
  );

  it('resolves a decision in doubt that took effect by raising the epoch (W3)', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    world.store.failNext('unknown', { applied: true });
    expect(await world.results([world.writer.write(decide('a'))], 1_000)).toEqual(['applied at 2']);
    expect(world.store.batches.slice(1)).toEqual([['decide a'], ['fence a']]);
  });

  it('writes a decision in doubt that did not take effect again, under the raised epoch (W3)', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    world.store.failNext('unknown', { applied: false });
    expect(await world.results([world.writer.write(decide('a'))], 1_000)).toEqual(['applied at 2']);
    expect(world.store.batches.slice(1)).toEqual([['decide a'], ['fence a'], ['decide a']]);
    expect((await world.memory.load('a' as Gid))?.status).toBe('confirming');
  });

  it('resolves a doubt whose fence is in doubt too', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    world.store.failNext('unknown', { applied: true });
    world.store.failNext('unknown', { applied: true });
    expect(await world.results([world.writer.write(decide('a'))], 5_000)).toEqual(['applied at 2']);
    expect(world.store.batches.slice(1)).toEqual([['decide a'], ['fence a'], ['fence a']]);
  });

  it.each([true, false])(
    'resolves a takeover in doubt by repeating it, whether it took effect (%s) or not (W3)',
    async (applied) => {
      const world = await aWorld();
      await world.results([world.writer.write(open('a'))]);
      await world.memory.close();
      await world.memory.open('you');
      const row = await world.memory.facts('a' as Gid);
      if (row === undefined) throw new Error('it is not there');
      const { runId, owner, epoch } = row;
      // The writer's own name, again.
      await world.memory.write([{ kind: 'take', gid: 'a' as Gid, runId, owner, epoch }]);
      await world.memory.close();
      await world.memory.open('me');
      world.store.batches.length = 0;
      world.store.failNext('unknown', { applied });
      const take = { kind: 'take', gid: 'a' as Gid, runId, owner: 'you', epoch: 2 } as const;
      expect(await world.results([world.writer.write(take)], 5_000)).toEqual(['applied at 3']);
      expect(new Set(world.store.batches.flat())).toEqual(new Set(['take a']));
      expect(await world.memory.facts('a' as Gid)).toMatchObject({ owner: 'me', epoch: 3 });
    },
  );

  it('answers nothing of a gid in doubt before it is resolved', async () => {
    const world = await aWorld();
    world.store.failNext('unknown', { applied: true });
    for (let i = 0; i < 3; i++) world.store.failNext('unknown', { applied: false });
    const write = world.writer.write(open('a'));
    expect(await world.results([write])).toEqual([undefined]);
    expect(world.writer.storeTrouble?.kind).toBe('unknown');
    expect(await world.results([write], 10_000)).toEqual(['applied at 1']);
    expect(world.writer.storeTrouble).toBeUndefined();
  });

  it('refuses new work while the store takes no writes, keeps decisions, and recovers (W5)', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    for (let i = 0; i < 6; i++) world.store.failNext('unavailable', { applied: false });
    const decision = world.writer.write(decide('a'));
    const early = world.writer.write(open('b'));
    await world.time.settle();
    const late = world.writer.write(open('c'));
    expect(await world.results([decision, early, late])).toEqual([
      undefined,
      'STORE_UNAVAILABLE',
      'STORE_UNAVAILABLE',
    ]);
    expect(await world.results([decision], 10_000)).toEqual(['applied at 1']);
    expect(await world.results([world.writer.write(open('d'))])).toEqual(['applied at 1']);
    expect(world.troubles.at(0)).toBe('unavailable');
    expect(world.troubles.at(-1)).toBe('none');
  });

  it('probes a store that refused only new work until it takes writes again (W5)', async () => {
    const world = await aWorld();
    world.store.failNext('unavailable', { applied: false });
    expect(await world.results([world.writer.write(open('a'))])).toEqual(['STORE_UNAVAILABLE']);
    expect(world.writer.storeTrouble?.kind).toBe('unavailable');
    await world.time.advance(1_000);
    expect(world.writer.storeTrouble).toBeUndefined();
    expect(world.time.pending).toBe(0);
  });

  it('reads the row where a guard matched nothing', async () => {
    const world = await aWorld();
    expect(await world.results([world.writer.write(decide('nobody'))])).toEqual(['refused']);
  });
});

describe('the end', () => {
  it('drains the queue and the riders, and refuses registrations from then on', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a'))]);
    const seen: string[] = [];
    world.writer.ride({
      gid: 'a' as Gid,
      take: () => decide('a'),
      done: (r) => void seen.push(nameOf(r)),
    });
    const drained = world.writer.drain();
    await world.time.settle();
    await drained;
    expect(seen).toEqual(['applied at 1']);
    expect(await world.results([world.writer.write(open('b'))])).toEqual(['SHUTTING_DOWN']);
    expect(world.time.pending).toBe(0);
  });

  it('writes and answers nothing more once it was given up, and drops what had no result (W7)', async () => {
    const world = await aWorld();
    await world.results([world.writer.write(open('a')), world.writer.write(open('b'))]);
    const release = world.store.holdNext();
    const told: string[] = [];
    const rider = { gid: 'b' as Gid, take: () => undefined };
    const writes = [world.writer.write(decide('a'))];
    await world.time.settle();
    writes.push(world.writer.write(open('c')));
    world.writer.ride({ ...rider, done: (result) => told.push(nameOf(result)) });
    world.writer.giveUp(new TercetError('MOVED'));
    writes.push(world.writer.write(decide('b')));
    world.writer.ride({ ...rider, done: (result) => told.push(nameOf(result)) });
    release();
    expect(await world.results(writes, 10_000)).toEqual(['MOVED', 'MOVED', 'MOVED']);
    expect(told).toEqual(['MOVED', 'MOVED']);
    expect(world.store.batches).toEqual([['open a', 'open b'], ['decide a']]);
    expect(world.time.pending).toBe(0);
  });

  it('leaves no timer behind when it is abandoned', async () => {
    const world = await aWorld();
    for (let i = 0; i < 9; i++) world.store.failNext('unknown', { applied: false });
    const write = world.writer.write(open('a'));
    void world.results([write]);
    await world.time.settle();
    world.writer.abandon();
    expect(world.time.pending).toBe(0);
  });
});
