import { describe, expect, it } from '@jest/globals';
import { ManualTime, aTransaction } from '@tercet/core/testing';
import { Waiters } from './waiters';

describe('Waiters', () => {
  it('end once, whichever comes first, and leave neither timer nor listener', async () => {
    const time = new ManualTime();
    const waiters = new Waiters(time);
    const gone = new AbortController();
    let ends = 0;
    const waiting = waiters.wait({ fact: 'decided', timeoutMs: 100, signal: gone.signal });
    void waiting.then(() => ends++);
    waiters.notify(aTransaction({ status: 'confirming', decidedAt: 1 }));
    gone.abort();
    await time.advance(200);
    expect(ends).toBe(1);
    expect(waiters.size).toBe(0);
    expect(time.pending).toBe(0);
  });

  it('go on while a weaker fact holds', () => {
    const waiters = new Waiters(new ManualTime());
    void waiters.wait({ fact: 'settled', timeoutMs: 100 });
    waiters.notify(aTransaction({ status: 'confirming', decidedAt: 1 }));
    expect(waiters.size).toBe(1);
    waiters.release();
    expect(waiters.size).toBe(0);
  });

  it('do not wait at all for a time of 0 or a caller who is gone', async () => {
    const time = new ManualTime();
    const waiters = new Waiters(time);
    await waiters.wait({ fact: 'decided', timeoutMs: 0 });
    await waiters.wait({ fact: 'decided', timeoutMs: 9, signal: AbortSignal.abort() });
    expect(time.pending).toBe(0);
  });
});
