import { describe, expect, it } from '@jest/globals';
import { type Configuration, bareLike, base } from '../configurations';
import { isMet } from '../report/figure';
import type { Measured, RoundResult } from '../round-results';
import { serverFigures } from './server-figures';

function measured(configuration: Configuration, ...rounds: Partial<RoundResult>[]): Measured {
  const round: RoundResult = {
    tps: 100,
    p50Ms: 1,
    p99Ms: 2,
    cpuUsPerTx: { load: 1, coordinator: 1, participants: 1 },
    opsPerCommit: configuration.store === null ? null : 10,
    statementsPerTx: null,
  };
  return { configuration, rounds: rounds.map((more) => ({ ...round, ...more })) };
}

const mariadb = { ...base, store: 'mariadb' } as const;
const many = { ...mariadb, concurrency: 256 };

describe('the figures of stores on servers', () => {
  it('are throughput against bare, and statements where the server counts them', () => {
    const figures = serverFigures([
      measured(bareLike(mariadb), { tps: 100 }),
      measured(
        mariadb,
        { tps: 250, statementsPerTx: 0.2 },
        { tps: 250, statementsPerTx: 0.6 },
        { tps: 250, statementsPerTx: 0.4 },
      ),
      measured(bareLike(many), { tps: 100 }),
      measured(many, { tps: 250, statementsPerTx: 0.1 }),
      measured({ ...base, store: 'postgres' }, { tps: 199 }),
    ]);
    expect(figures).toEqual([
      {
        check: 'mariadb, 64 concurrent: throughput against the bare calls',
        value: 2.5,
        unit: '×',
        target: { atLeast: 2 },
      },
      {
        check: 'mariadb, 64 concurrent: statements per transaction',
        value: 0.4,
        unit: 'statements',
        target: { atMost: 0.5 },
      },
      {
        check: 'mariadb, 256 concurrent: throughput against the bare calls',
        value: 2.5,
        unit: '×',
        target: { atLeast: 3 },
      },
      {
        check: 'mariadb, 256 concurrent: statements per transaction',
        value: 0.1,
        unit: 'statements',
      },
      {
        check: 'postgres, 64 concurrent: throughput against the bare calls',
        value: 1.99,
        unit: '×',
        target: { atLeast: 2 },
      },
    ]);
    expect(figures.map(isMet)).toEqual([true, true, false, undefined, false]);
  });

  it('leave out what no server keeps, and what was not measured', () => {
    expect(serverFigures([measured(base, { tps: 250 }), measured(mariadb, {})])).toEqual([]);
    expect(serverFigures([measured({ ...mariadb, branches: 4 }, { statementsPerTx: 1 })])).toEqual(
      [],
    );
  });
});
