import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ReleasingMap } from './releasing-map';

type Move = { readonly kind: 'set' | 'delete'; readonly key: number; readonly value: number };

const moves = fc.array(
  fc.record<Move>({
    kind: fc.constantFrom('set', 'delete'),
    key: fc.nat(9),
    value: fc.nat(),
  }),
);

describe('ReleasingMap', () => {
  it('holds what a Map holds, in the same order', () => {
    fc.assert(
      fc.property(moves, (all) => {
        const plain = new Map<number, number>();
        const map = new ReleasingMap<number, number>();
        for (const { kind, key, value } of all) {
          if (kind === 'set') {
            plain.set(key, value);
            map.set(key, value);
          } else {
            expect(map.delete(key)).toBe(plain.delete(key));
          }
          expect(map.get(key)).toBe(plain.get(key));
          expect(map.has(key)).toBe(plain.has(key));
        }
        expect([...map.keys()]).toEqual([...plain.keys()]);
        expect([...map.values()]).toEqual([...plain.values()]);
        expect(map.size).toBe(plain.size);
        map.clear();
        expect(map.size).toBe(0);
        expect([...map.values()]).toEqual([]);
      }),
    );
  });

  it('meets neither what is removed during an iteration, nor misses what is added', () => {
    const map = new ReleasingMap<string, number>();
    for (const [i, key] of ['a', 'b', 'c'].entries()) map.set(key, i);
    const seen: number[] = [];
    for (const value of map.values()) {
      seen.push(value);
      if (value === 0) map.delete('b');
      if (value === 2) map.set('d', 3);
    }
    expect(seen).toEqual([0, 2, 3]);
  });
});
