import { describe, expect, it } from '@jest/globals';
import { type Configuration, allConfigurations, base } from '../configurations';
import { isMet } from '../report/figure';
import type { MeasuredRow } from '../report/rows';
import { publishedFigures } from './published-ratios';

function row(configuration: Configuration, more: Partial<MeasuredRow> = {}): MeasuredRow {
  return {
    ...configuration,
    tps: 100,
    ratioToBare: configuration.concurrency / 10,
    p50Ms: configuration.until === 'decided' ? 2.5 : 9,
    p99Ms: 3,
    cpuUsPerTx: { load: 1, coordinator: configuration.concurrency, participants: 2 },
    opsPerCommit: configuration.concurrency / 4,
    ...more,
  };
}

const all = allConfigurations.map((configuration) => row(configuration));

describe('the figures of the table', () => {
  it('are seven, each from its own row', () => {
    const figures = publishedFigures(all, 0.75);
    expect(figures.map(({ value, target, unit }) => ({ value, target, unit }))).toEqual([
      { value: 6.4, target: { atLeast: 3 }, unit: '×' },
      { value: 25.6, target: { atLeast: 4 }, unit: '×' },
      { value: 6.4, target: { atLeast: 0.7 }, unit: '×' },
      { value: 6.4, target: { atLeast: 0.2 }, unit: '×' },
      { value: 256, target: { atMost: 80 }, unit: 'µs' },
      { value: 2.5, target: { atMost: 2.5 }, unit: 'ms' },
      { value: 64, target: { atLeast: 20 }, unit: 'operations' },
    ]);
    expect(figures.map(isMet)).toEqual([true, true, true, true, false, true, true]);
  });

  it('say what they are about', () => {
    const [first, second, third, fourth] = publishedFigures(all, 1).map(({ check }) => check);
    const against = ': throughput against the bare calls';
    expect([first, second, third, fourth]).toEqual([
      `streams, sqlite, 64 concurrent, 2 branches, until executed${against}`,
      `streams, sqlite, 256 concurrent, 2 branches, until executed${against}`,
      `try-unary, sqlite, 64 concurrent, 2 branches, until executed${against}`,
      `unary, sqlite, 64 concurrent, 2 branches, until decided${against}`,
    ]);
  });

  it('leave out what was not measured', () => {
    expect(publishedFigures([row(base)], 1)).toHaveLength(1);
    expect(publishedFigures([row(base, { ratioToBare: null })], 1)).toEqual([]);
  });
});
