/** Rules A1 to A4 of retention.ts, on the memory store under a virtual clock. */
import { describe, expect, it } from '@jest/globals';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import { RecordingLogger } from '../../test/support/recording-logger';
import { confirming, decide, finished, open, trying } from '../../test/support/transaction-moves';
import { MemoryStore } from '../store/memory-store';
import { type ExpireQuery, type Expired, StoreFailure } from '../store/store';
import { Retention, type RetentionSettings } from './retention';

const minute = 60_000;
const hour = 60 * minute;
const settings: RetentionSettings = {
  retentionMs: 2 * hour,
  idempotencyWindowMs: 8 * hour,
  retainRows: 'off',
};

/** A store whose steps take time, and may fail. */
class World {
  readonly time = new ManualTime();
  readonly store = new MemoryStore();
  readonly logger = new RecordingLogger();
  readonly steps: (ExpireQuery & { readonly at: number })[] = [];
  readonly looks: number[] = [];
  /** How long a step takes, ms. */
  takes = 0;
  failure: StoreFailure | undefined;
  readonly retention: Retention;
  private readonly born = this.time.now();

  constructor(over: Partial<RetentionSettings> | 'off' = {}) {
    const expire = this.store.expire.bind(this.store);
    const finishedAt = this.store.finishedAt.bind(this.store);
    this.store.expire = async (query: ExpireQuery): Promise<Expired> => {
      this.steps.push({ ...query, at: this.age });
      await this.passed();
      if (this.failure !== undefined) throw this.failure;
      return await expire(query);
    };
    this.store.finishedAt = async (place) => {
      this.looks.push(this.age);
      await this.passed();
      return await finishedAt(place);
    };
    this.retention = new Retention({
      store: this.store,
      clock: this.time,
      scheduler: this.time,
      random: new SeededRandom(1),
      logger: this.logger,
      retention: over === 'off' ? undefined : { ...settings, ...over },
    });
  }

  /** Since the beginning, ms. */
  get age(): number {
    return this.time.now() - this.born;
  }

  async start(): Promise<this> {
    await this.store.open('me');
    this.retention.start();
    return this;
  }

  /** One whose store holds so many that finished long ago, before it starts. */
  async startWith(backlog: number, takes: number): Promise<this> {
    await this.store.open('me');
    await this.finish(backlog);
    await this.store.close();
    await this.time.advance(3 * hour);
    this.takes = takes;
    return await this.start();
  }

  /** Transactions that finish now, one millisecond after the other. */
  async finish(count: number, prefix = 'tx'): Promise<void> {
    const rows = Array.from({ length: count }, (_, i) => trying(`${prefix}-${i}`, 0));
    const ends = rows.map((row, i) => finished(confirming(row), this.time.now() + i));
    await this.store.write(rows.map(open));
    await this.store.write(ends.map((tx) => decide(tx)));
  }

  /** How many are whole, and how many are tombstones. */
  async counts(): Promise<readonly [whole: number, tombstones: number]> {
    const { transactions } = await this.store.list({
      ...{ statuses: [], name: undefined, gidPrefix: undefined, limit: 100_000, cursor: undefined },
    });
    const tombstones = transactions.filter(({ tombstone }) => tombstone).length;
    return [transactions.length - tombstones, tombstones];
  }

  private async passed(): Promise<void> {
    if (this.takes > 0) await new Promise<void>((go) => this.time.after(this.takes, go));
  }
}

describe('retention', () => {
  it('leaves what has finished whole for its time, then as a tombstone, then not at all', async () => {
    const world = await new World().start();
    await world.finish(3);
    await world.time.advance(2 * hour - 1);
    expect(await world.counts()).toEqual([3, 0]);
    await world.time.advance(2 * minute);
    expect(await world.counts()).toEqual([0, 3]);
    await world.time.advance(6 * hour - 3 * minute);
    expect(await world.counts()).toEqual([0, 3]);
    await world.time.advance(3 * minute);
    expect(await world.counts()).toEqual([0, 0]);
  });

  it('works off a backlog in small steps and never holds the store for more than a quarter of the time (A1, A2)', async () => {
    const world = await new World().startWith(20_000, 4);
    await world.time.advance(2 * minute);
    expect(await world.counts()).toEqual([0, 20_000]);
    const limits = world.steps.map(({ limit }) => limit);
    expect(limits.slice(0, 4)).toEqual([64, 128, 256, 512]);
    expect(Math.max(...limits)).toBe(512);
    const full = world.steps.slice(0, 40);
    const span = (full.at(-1)?.at ?? 0) - (full[0]?.at ?? 0);
    const share = (4 * (full.length - 1)) / span;
    expect(share).toBeLessThan(0.27);
    expect(share).toBeGreaterThan(0.2);
  });

  it('takes less at a time where steps are slow, but never stands still (A1)', async () => {
    const world = await new World().startWith(2_000, 51);
    await world.time.advance(5 * minute);
    const limits = world.steps.map(({ limit }) => limit);
    expect(limits.slice(0, 4)).toEqual([64, 32, 16, 16]);
    expect(Math.min(...limits)).toBe(16);
    expect(await world.counts()).toEqual([0, 2_000]);
  });

  it('keeps up with what goes on finishing', async () => {
    const world = await new World({ retentionMs: minute, idempotencyWindowMs: 2 * minute }).start();
    world.takes = 4;
    for (let second = 0; second < 180; second++) {
      await world.finish(100, `second-${second}`);
      await world.time.advance(1_000);
    }
    const [whole, tombstones] = await world.counts();
    expect(whole).toBeLessThan(64 * 100);
    expect(tombstones).toBeLessThan(64 * 100);
  });

  it('asks once a minute where there is nothing to do, each node at times of its own', async () => {
    const world = await new World({ retentionMs: 100 * hour }).start();
    await world.time.advance(100 * minute);
    expect(world.steps.length).toBeGreaterThan(90);
    expect(world.steps.length).toBeLessThan(112);
    const gaps = world.steps.slice(1).map(({ at }, i) => at - (world.steps[i]?.at ?? 0));
    expect(new Set(gaps.map(Math.round)).size).toBeGreaterThan(50);
  });

  it('keeps at most so many whole, the youngest, but all of the last minute (A4)', async () => {
    const world = await new World({ retainRows: 10 }).start();
    await world.finish(30);
    await world.time.advance(minute - 1_000);
    expect(await world.counts()).toEqual([30, 0]);
    await world.time.advance(3 * minute);
    expect(await world.counts()).toEqual([10, 20]);
    expect((await world.store.load(trying('tx-29').gid))?.tombstone).toBeUndefined();
    expect((await world.store.load(trying('tx-19').gid))?.tombstone).toBeDefined();
    // Time still counts.
    await world.time.advance(2 * hour);
    expect(await world.counts()).toEqual([0, 30]);
  });

  it('looks for the limit in rows seldom where that takes long', async () => {
    const world = await new World({ retainRows: 10, retentionMs: 5 * hour }).startWith(4_000, 20);
    await world.time.advance(2 * minute);
    expect(await world.counts()).toEqual([10, 3_990]);
    const gaps = world.looks.slice(1).map((at, i) => at - (world.looks[i] ?? 0));
    expect(world.steps.length).toBeGreaterThan(world.looks.length);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(20 * 100);
  });

  it('is told once that the store is away, and goes on when it is back (A3)', async () => {
    const world = await new World().start();
    await world.finish(1);
    world.failure = new StoreFailure('unavailable', 'gone fishing');
    await world.time.advance(3 * hour);
    expect(world.logger.messages('warn')).toEqual(['retention waits for the store']);
    world.failure = undefined;
    await world.time.advance(2 * minute);
    expect(await world.counts()).toEqual([0, 1]);
    world.failure = new StoreFailure('unknown', 'gone again');
    await world.time.advance(2 * minute);
    expect(world.logger.messages('warn')).toHaveLength(2);
  });

  it('says nothing of another node that was faster, and comes back soon', async () => {
    const world = await new World().start();
    world.failure = new StoreFailure('transient', 'somebody else is at it');
    await world.time.advance(minute);
    const before = world.steps.length;
    await world.time.advance(10_000);
    expect(world.steps.length - before).toBeGreaterThan(6);
    expect(world.logger.lines).toEqual([]);
  });

  it('goes on at its pace where the wall clock is set while a step is under way', async () => {
    const world = await new World().startWith(1_000, 10);
    while (world.steps.length === 0) await world.time.advance(5);
    world.time.jump(hour);
    await world.time.advance(4_000);
    expect(world.steps.length).toBeGreaterThan(1);
    world.time.jump(-hour);
    await world.time.advance(minute);
    expect(await world.counts()).toEqual([0, 1_000]);
  });

  it('leaves no timer behind, also where a step is under way', async () => {
    const world = await new World().start();
    world.takes = 100;
    while (world.steps.length === 0) await world.time.advance(50);
    world.retention.close();
    await world.time.advance(1_000);
    expect(world.time.pending).toBe(0);
    const { length } = world.steps;
    await world.time.advance(hour);
    expect(world.steps).toHaveLength(length);
  });

  it('keeps everything where it is off', async () => {
    const world = await new World('off').start();
    expect(world.time.pending).toBe(0);
  });
});
