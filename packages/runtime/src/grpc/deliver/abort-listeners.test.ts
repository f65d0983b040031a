import { describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { type CallSignal, CallSignalSource } from '@tercet/core';
import { AbortListeners, type GivesUp, type Listening } from './abort-listeners';

/** A call that counts how often it was given up. */
function aCall(): GivesUp & { count: number } {
  return {
    count: 0,
    handleEvent() {
      this.count++;
    },
  };
}

describe('AbortListeners', () => {
  it('keep one listener for a signal that many calls have', () => {
    const { signal } = new AbortController();
    const listeners = new AbortListeners();
    for (let i = 0; i < 100; i++) listeners.add(aCall(), signal);
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(2);
  });

  it.each(['AbortSignal', 'CallSignalSource'])('take calls of an own %s back', (kind) => {
    const source = kind === 'AbortSignal' ? new AbortController() : new CallSignalSource();
    const signal: CallSignal = source instanceof CallSignalSource ? source : source.signal;
    const listeners = new AbortListeners();
    const [stays, goes] = [aCall(), aCall()];
    listeners.add(stays, signal);
    const listening = listeners.add(goes, signal);
    listeners.remove(goes, listening);
    listeners.remove(goes, listening);
    source.abort('enough');
    expect([stays.count, goes.count]).toEqual([1, 0]);
  });

  it('tell every call of the signal once, others never, and nobody who was removed', () => {
    const controllers = [new AbortController(), new AbortController()];
    const [first, second] = controllers.map(({ signal }) => signal);
    if (first === undefined || second === undefined) throw new Error('there are two');
    const listeners = new AbortListeners();
    const calls = Array.from({ length: 8 }, aCall);
    const signals = [first, first, first, second, first, second, first, first];
    const listening = calls.map((call, i): Listening => listeners.add(call, signals[i] ?? first));
    for (const i of [6, 7]) listeners.remove(calls[i] ?? aCall(), listening[i] ?? 0);
    controllers[0]?.abort();
    expect(calls.map(({ count }) => count)).toEqual([1, 1, 1, 0, 1, 0, 0, 0]);
    controllers[1]?.abort();
    expect(calls.map(({ count }) => count)).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
  });

  it('leave no listener on a signal whose calls have ended and that is shared no more', () => {
    const [a, b] = [new AbortController().signal, new AbortController().signal];
    const listeners = new AbortListeners();
    for (const signal of [a, a, b, b]) {
      const call = aCall();
      listeners.remove(call, listeners.add(call, signal));
    }
    expect(getEventListeners(a, 'abort')).toHaveLength(0);
    listeners.close();
    expect(getEventListeners(b, 'abort')).toHaveLength(0);
  });
});
