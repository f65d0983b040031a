import { expect, it } from '@jest/globals';
import { bareLike, base } from './configurations';
import { type RoundResult, rowsOf } from './round-results';

function round(tps: number, more: Partial<RoundResult> = {}): RoundResult {
  const cpuUsPerTx = { load: 10, coordinator: 20, participants: 30 };
  return { tps, p50Ms: 1, p99Ms: 2, cpuUsPerTx, opsPerCommit: 5, statementsPerTx: null, ...more };
}

it('takes the median of every number by itself', () => {
  const cpu = (coordinator: number) => ({
    cpuUsPerTx: { load: 1, coordinator, participants: 3.14159 },
  });
  const rounds = [
    round(300, { p50Ms: 7, p99Ms: 70, opsPerCommit: 11, ...cpu(50) }),
    round(100, { p50Ms: 9, p99Ms: 90, opsPerCommit: 12, ...cpu(40) }),
    round(200, { p50Ms: 8, p99Ms: 80, opsPerCommit: 10, ...cpu(60) }),
  ];
  expect(rowsOf([{ configuration: base, rounds }])).toEqual([
    {
      variant: 'streams',
      store: 'sqlite',
      concurrency: 64,
      branches: 2,
      until: 'executed',
      tps: 200,
      ratioToBare: null,
      p50Ms: 8,
      p99Ms: 80,
      cpuUsPerTx: { load: 1, coordinator: 50, participants: 3.1 },
      opsPerCommit: 11,
    },
  ]);
});

it('compares with the bare calls of as many at a time and as many branches', () => {
  const many = { ...base, concurrency: 256 };
  const bare = { opsPerCommit: null };
  const rows = rowsOf([
    {
      configuration: bareLike(base),
      rounds: [round(100, bare), round(300, bare), round(101, bare)],
    },
    { configuration: base, rounds: [round(303)] },
    { configuration: bareLike(many), rounds: [round(50, bare)] },
    { configuration: many, rounds: [round(200)] },
    { configuration: { ...base, branches: 4 }, rounds: [round(200)] },
  ]);
  expect(rows.map(({ ratioToBare }) => ratioToBare)).toEqual([1, 3, 1, 4, null]);
  expect(rows.map(({ opsPerCommit }) => opsPerCommit)).toEqual([null, 5, null, 5, 5]);
});
