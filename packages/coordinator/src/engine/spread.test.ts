import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '@tercet/core/testing';
import fc from 'fast-check';
import { SPREAD_MS, Spread } from './spread';

describe('Spread', () => {
  it('lets everybody go within 5 s, whatever the draw', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.integer(), (count, seed) => {
        const spread = new Spread(count, new SeededRandom(seed));
        let ms = 0;
        for (let wait = spread.untilNext(0); wait !== undefined; wait = spread.untilNext(ms)) {
          const before = spread.permits;
          ms += wait;
          spread.release();
          expect(spread.permits).toBeGreaterThan(before);
        }
        expect(spread.permits).toBe(count);
        expect(ms).toBeLessThan(SPREAD_MS);
      }),
    );
  });

  it('makes up for releases that came late, and does not wait for a clock that was put back', () => {
    const aSpread = (): Spread => new Spread(10_000, new SeededRandom(1));
    expect(aSpread().untilNext(0)).toBe(50);
    expect(aSpread().untilNext(30)).toBe(20);
    expect(aSpread().untilNext(400)).toBe(0);
    expect(aSpread().untilNext(-3_600_000)).toBe(50);
  });
});
