import { describe, expect, it } from '@jest/globals';
import { type CallSignal, CallSignalSource } from './call-signal';

function counter(): { count: number; handleEvent(): void } {
  return {
    count: 0,
    handleEvent() {
      this.count++;
    },
  };
}

describe('CallSignalSource', () => {
  it('tells functions and objects once, and keeps the first reason', () => {
    const source = new CallSignalSource();
    const signal: CallSignal = source;
    expect(signal.aborted).toBe(false);
    expect(signal.reason).toBeUndefined();
    const object = counter();
    let called = 0;
    signal.addEventListener('abort', object);
    signal.addEventListener('abort', () => called++);
    source.abort('first');
    source.abort('second');
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe('first');
    expect([object.count, called]).toEqual([1, 1]);
    expect(source.listening).toBe(0);
  });

  it('tells nobody who was taken back, and nobody who comes too late', () => {
    const source = new CallSignalSource();
    const [one, two, late] = [counter(), counter(), counter()];
    source.addEventListener('abort', one);
    const stop = source.listen(two);
    expect(source.listening).toBe(2);
    source.removeEventListener('abort', one);
    source.removeEventListener('abort', one);
    stop();
    stop();
    expect(source.listening).toBe(0);
    source.abort(undefined);
    source.addEventListener('abort', late);
    source.listen(late)();
    source.removeEventListener('abort', late);
    expect([one.count, two.count, late.count]).toEqual([0, 0, 0]);
    expect(source.aborted).toBe(true);
  });

  it('tells all before what one of them threw is thrown', () => {
    const source = new CallSignalSource();
    const after = counter();
    source.listen(() => {
      throw new Error('no');
    });
    source.listen(after);
    expect(() => source.abort('x')).toThrow('no');
    expect(after.count).toBe(1);
  });
});
