import { describe, expect, it } from '@jest/globals';
import { type Figure, figureRow, isMet, targetText } from './figure';
import { figureTable, measuredTable } from './tables';

const ratio: Figure = { check: 'throughput', value: 3.14159, unit: '×', target: { atLeast: 3 } };
const time: Figure = { check: 'p50', value: 2.5, unit: 'ms', target: { atMost: 2.4321 } };
const told: Figure = { check: 'size', value: 1_059, unit: 'bytes' };

describe('a figure', () => {
  it('meets a target on its good side, the target itself included', () => {
    expect([ratio, time, told].map(isMet)).toEqual([true, false, undefined]);
    expect(isMet({ ...ratio, value: 3 })).toBe(true);
    expect(isMet({ ...ratio, value: 2.99 })).toBe(false);
    expect(isMet({ ...time, value: 2.4321 })).toBe(true);
  });

  it('is a row of four fields', () => {
    expect([ratio, time, told].map(figureRow)).toEqual([
      { check: 'throughput', value: 3.142, target: 3, unit: '×' },
      { check: 'p50', value: 2.5, target: 2.432, unit: 'ms' },
      { check: 'size', value: 1_059, target: null, unit: 'bytes' },
    ]);
  });

  it('says what it should be', () => {
    expect([ratio, time, told].map(targetText)).toEqual(['≥ 3', '≤ 2.43', '']);
  });
});

describe('the tables', () => {
  it('show figures with their verdicts', () => {
    expect(figureTable([ratio, time, told])).toBe(
      [
        '| figure     |    measured | target |      |',
        '| ---------- | ----------: | -----: | ---- |',
        '| throughput |      3.14 × |    ≥ 3 | pass |',
        '| p50        |      2.5 ms | ≤ 2.43 | miss |',
        '| size       | 1,059 bytes |        |      |',
      ].join('\n'),
    );
  });

  it('show a configuration in a line, and a dash for what it does not have', () => {
    const shared = { concurrency: 64, branches: 2, p50Ms: 12.3456, p99Ms: 45 };
    const lines = measuredTable([
      {
        ...shared,
        variant: 'bare',
        store: null,
        until: null,
        tps: 3_456.7,
        ratioToBare: 1,
        cpuUsPerTx: { load: 300.6, coordinator: 0, participants: 150.2 },
        opsPerCommit: null,
      },
      {
        ...shared,
        variant: 'streams',
        store: 'sqlite',
        until: 'executed',
        tps: 12_345.6,
        ratioToBare: null,
        cpuUsPerTx: { load: 40, coordinator: 70.4, participants: 20 },
        opsPerCommit: 33.33,
      },
    ]).split('\n');
    expect(lines.slice(2).map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      '| bare | – | 64 | 2 | – | 3,457 | 1.00 | 12.35 | 45.00 | 301 | – | 150 | – |',
      '| streams | sqlite | 64 | 2 | executed | 12,346 | – | 12.35 | 45.00 | 40 | 70 | 20 | 33.3 |',
    ]);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });
});
