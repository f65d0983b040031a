import { describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { type LockPort, type LockRow, MigrationLock } from './migration-lock';

/** The row of one database, with compare-and-set as a database does it. */
class FakeLock implements LockPort {
  row: LockRow | undefined;
  /** What happens instead of the next compare-and-set. */
  next: 'fail' | 'lose the answer' | undefined;
  /** How many came. */
  writes = 0;

  async holder(): Promise<LockRow | undefined> {
    return this.row;
  }

  async replaceHolder(seen: LockRow | undefined, next: LockRow | undefined): Promise<boolean> {
    this.writes += 1;
    const trouble = this.next;
    this.next = undefined;
    if (trouble === 'fail') throw new Error('away');
    const same = seen?.holder === this.row?.holder && seen?.beat === this.row?.beat;
    if (same) this.row = next;
    if (trouble === 'lose the answer') throw new Error('away');
    return same;
  }
}

function world() {
  const [time, port] = [new ManualTime(), new FakeLock()];
  const lock = (name: string): MigrationLock => {
    return new MigrationLock(
      { port, scheduler: time, nodeTtlMs: 1_000, where: `host ${name}` },
      name,
    );
  };
  /** Takes, and says how it ended. */
  const take = async (taker: MigrationLock, withinMs = 0): Promise<unknown> => {
    let end: unknown = 'waits';
    void taker.take().then((taken) => (end = taken ? 'taken' : 'refused'));
    await time.settle();
    if (withinMs > 0) await time.advance(withinMs);
    return end;
  };
  return { time, port, lock, take };
}

describe('the lock of a migration', () => {
  it('is had at once where nobody has it, and given back at once', async () => {
    const { time, port, lock, take } = world();
    const first = lock('first');
    expect(await take(first)).toBe('taken');
    expect(port.row).toEqual({ holder: 'first', beat: 1, where: 'host first' });
    await first.giveBack();
    expect(port.row).toBeUndefined();
    expect(await take(lock('second'))).toBe('taken');
    expect(time.pending).toBe(1);
  });

  it('is refused as soon as the other one’s beat is seen to rise (L1)', async () => {
    const { lock, take } = world();
    await take(lock('first'));
    expect(await take(lock('second'), 300)).toBe('refused');
  });

  it('of a dead one is had after the whole ttl, no sooner (L1)', async () => {
    const { time, port, lock, take } = world();
    port.row = { holder: 'dead', beat: 7, where: 'host dead' };
    const next = lock('next');
    expect(await take(next, 999)).toBe('waits');
    expect(port.row.holder).toBe('dead');
    await time.advance(1);
    expect(port.row).toMatchObject({ holder: 'next', beat: 1 });
    next.check();
  });

  it('of a dead one goes to one of two that wait for it (L2)', async () => {
    const { time, port, lock } = world();
    port.row = { holder: 'dead', beat: 7, where: 'host dead' };
    const ends = Promise.all([lock('a').take(), lock('b').take()]);
    await time.advance(1_000);
    expect(await ends).toEqual([true, false]);
    expect(port.row.holder).toBe('a');
  });

  it('that was replaced is found at the next beat: no further step is run (L3)', async () => {
    const { time, port, lock, take } = world();
    const first = lock('first');
    await take(first);
    port.row = { holder: 'second', beat: 4, where: 'host second' };
    first.check();
    await time.advance(250);
    expect(() => first.check()).toThrow('host second goes on');
    const { writes } = port;
    await time.advance(5_000);
    await first.giveBack();
    expect(port.writes).toBe(writes);
    expect(port.row.holder).toBe('second');
  });

  it('outlives beats that cannot be written, and such whose answer is lost (L4)', async () => {
    const { time, port, lock, take } = world();
    const first = lock('first');
    await take(first);
    for (const trouble of ['fail', 'lose the answer', 'fail'] as const) {
      port.next = trouble;
      await time.advance(250);
      first.check();
    }
    await time.advance(500);
    first.check();
    expect(port.row).toMatchObject({ holder: 'first', beat: 3 });
  });

  it('is given back even where the answer to its last beat was lost', async () => {
    const { time, port, lock, take } = world();
    const first = lock('first');
    await take(first);
    port.next = 'lose the answer';
    await time.advance(250);
    await first.giveBack();
    expect(port.row).toBeUndefined();
    expect(time.pending).toBe(0);
  });
});
