import { describe, expect, it } from '@jest/globals';
import { Caller } from './caller';

describe('a caller', () => {
  it('tells those who listen once when it goes', () => {
    const told: string[] = [];
    const caller = new Caller(5);
    const { signal, expiresAt } = caller;
    signal.addEventListener('abort', () => told.push('gone'));
    expect([signal.aborted, expiresAt]).toEqual([false, 5]);
    caller.leave();
    caller.leave();
    expect(told).toEqual(['gone']);
    expect([signal.aborted, signal.reason]).toEqual([true, 'the caller is gone']);
  });
});
