import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { ConnectionState } from '@tercet/runtime';
import { UnaryOnly } from './unary-only';

/** Whether a target is asked again after calls, each with the connection before it, its code, and the one after. */
function isOverAfter(...calls: [ConnectionState, number, ConnectionState][]): boolean {
  const known = new UnaryOnly(1_000);
  for (const [before, code, after] of calls) {
    known.before(before);
    known.after(code, after);
  }
  return known.isOver(1_001);
}

describe('UnaryOnly', () => {
  it('is over after ten minutes, however the clock jumps', () => {
    const known = new UnaryOnly(10_000_000);
    expect(known.isOver(10_599_999)).toBe(false);
    expect(known.isOver(10_600_000)).toBe(true);
    expect(known.isOver(9_000_000)).toBe(true);
  });

  it.each<[string, boolean, [ConnectionState, number, ConnectionState][]]>([
    [
      'stays while the connection does',
      false,
      [
        ['unknown', status.OK, 'ready'],
        ['ready', status.UNAVAILABLE, 'ready'],
        ['ready', status.OK, 'ready'],
      ],
    ],
    [
      'stays while there is none',
      false,
      [
        ['ready', status.UNAVAILABLE, 'down'],
        ['down', status.UNAVAILABLE, 'down'],
      ],
    ],
    [
      'is over when a call failed without one and the next has it',
      true,
      [
        ['unknown', status.UNAVAILABLE, 'down'],
        ['down', status.OK, 'ready'],
      ],
    ],
    [
      'is over when it was lost between two calls',
      true,
      [
        ['unknown', status.OK, 'ready'],
        ['unknown', status.OK, 'ready'],
      ],
    ],
  ])('%s', (_name, over, calls) => {
    expect(isOverAfter(...calls)).toBe(over);
  });
});
