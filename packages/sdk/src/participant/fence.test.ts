import { describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { observe } from '../../test/support/scenario';
import { Fence } from './fence';

function aFence(keysMax = 10): { time: ManualTime; fence: Fence; inOneSecond: number } {
  const time = new ManualTime();
  return { time, fence: new Fence(time, keysMax), inOneSecond: time.now() + 1_000 };
}

describe('the fence in memory', () => {
  it('refuses a Try that comes after its Cancel (F1)', async () => {
    const { fence, inOneSecond } = aFence();
    expect(await fence.enterCancel('a', inOneSecond)).toBe(true);
    expect(fence.enterTry('a')).toBe(false);
    expect(fence.enterTry('b')).toBe(true);
  });

  it('lets Cancel wait for every running Try of its branch, and refuses new ones meanwhile (F2)', async () => {
    const { time, fence, inOneSecond } = aFence();
    fence.enterTry('a');
    fence.enterTry('a');
    fence.enterTry('other');
    const cancel = observe(fence.enterCancel('a', inOneSecond));
    const repeated = observe(fence.enterCancel('a', inOneSecond));
    await time.settle();
    expect([cancel.ended, fence.enterTry('a')]).toEqual([false, false]);
    fence.leaveTry('a');
    await time.settle();
    expect(cancel.ended).toBe(false);
    fence.leaveTry('a');
    await time.settle();
    expect([cancel.value, repeated.value]).toEqual([true, true]);
  });

  it('remembers until not-after and the clock difference are over, and no longer (F3)', async () => {
    const { time, fence, inOneSecond } = aFence();
    await fence.enterCancel('a', inOneSecond);
    await time.advance(6_000);
    expect(fence.enterTry('a')).toBe(false);
    await time.advance(1_001);
    expect(fence.enterTry('b')).toBe(true);
    fence.leaveTry('b');
    expect(fence.size).toBe(0);
  });

  it('keeps nothing of a Try that ended, nor of a Cancel whose Try can start no more', async () => {
    const { time, fence } = aFence();
    fence.enterTry('a');
    fence.leaveTry('a');
    expect(await fence.enterCancel('b', time.now() - 5_001)).toBe(true);
    expect(fence.size).toBe(0);
  });

  it('keeps the latest not-after of repeated Cancels', async () => {
    const { time, fence, inOneSecond } = aFence();
    await fence.enterCancel('a', inOneSecond + 60_000);
    await fence.enterCancel('a', inOneSecond);
    await time.advance(30_000);
    expect(fence.enterTry('a')).toBe(false);
  });

  it('forgets a branch whose not-after is beyond all reason a day later (F3)', async () => {
    const { time, fence } = aFence();
    await fence.enterCancel('a', 999_999_999_999_999);
    await time.advance(86_400_000);
    expect(fence.enterTry('a')).toBe(false);
    await time.advance(5_001);
    await fence.enterCancel('b', 0);
    expect(fence.size).toBe(0);
  });

  it('refuses Cancels beyond its limit, never forgets one early, and takes them again later (F4)', async () => {
    const { time, fence, inOneSecond } = aFence(2);
    await fence.enterCancel('a', inOneSecond);
    await fence.enterCancel('b', inOneSecond);
    expect(await fence.enterCancel('c', inOneSecond)).toBe(false);
    expect(await fence.enterCancel('a', inOneSecond)).toBe(true);
    expect(fence.enterTry('a')).toBe(false);
    await time.advance(7_000);
    expect(await fence.enterCancel('c', time.now())).toBe(true);
  });
});
