import { describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { RecordingLogger } from '../../test/support/recording-logger';
import { FaultyStore } from '../testing/faulty-store';
import { MemoryStore } from '../store/memory-store';
import { StoreFailure } from '../store/store';
import { StoreTrouble } from './store-trouble';
import { TimerSet } from './timer-set';

/** A store that notices by itself. */
class WatchfulStore extends FaultyStore {
  tell: (failure: StoreFailure) => void = () => undefined;

  onTrouble(listener: (failure: StoreFailure) => void): void {
    this.tell = listener;
  }
}

async function aWorld() {
  const time = new ManualTime();
  const store = new WatchfulStore(new MemoryStore());
  await store.open('me');
  const troubles: (string | undefined)[] = [];
  const logger = new RecordingLogger();
  const trouble = new StoreTrouble({
    store,
    timers: new TimerSet(time),
    logger,
    onTrouble: (failure) => troubles.push(failure?.message),
  });
  return { time, store, troubles, logger, trouble };
}

describe('trouble that shows while nothing is written', () => {
  it('is told at once, and over when a probe goes through', async () => {
    const { time, store, troubles, trouble, logger } = await aWorld();
    store.failNext('unavailable', { applied: false });
    store.tell(new StoreFailure('unavailable', 'gone'));
    expect(trouble.current?.message).toBe('gone');
    store.tell(new StoreFailure('unavailable', 'still gone'));
    await time.advance(1_000);
    expect(trouble.current?.message).toBe('still gone');
    await time.advance(1_000);
    expect(trouble.current).toBeUndefined();
    expect(troubles).toEqual(['gone', 'still gone', undefined]);
    // Once each, however often it was told.
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'the store takes no writes; new work is refused until it does',
      'the store takes writes again',
    ]);
    expect(time.pending).toBe(0);
  });

  it('lasts where a store was taken over: no probe of it goes through', async () => {
    const { time, store, trouble } = await aWorld();
    for (let i = 0; i < 10; i++) store.failNext('unavailable', { applied: false });
    store.tell(new StoreFailure('unavailable', 'taken over by db-2'));
    await time.advance(9_000);
    expect(trouble.current?.message).toBe('taken over by db-2');
  });
});
