import { describe, expect, it } from '@jest/globals';
import { type FigureRow, type MeasuredRow, rowProblems } from './rows';

const measured: MeasuredRow = {
  variant: 'streams',
  store: 'sqlite',
  concurrency: 64,
  branches: 2,
  until: 'executed',
  tps: 1234.5,
  ratioToBare: 3.2,
  p50Ms: 1.5,
  p99Ms: 4,
  cpuUsPerTx: { load: 40, coordinator: 50, participants: 30 },
  opsPerCommit: 21,
};
const bare: MeasuredRow = {
  ...measured,
  variant: 'bare',
  store: null,
  until: null,
  cpuUsPerTx: { load: 40, coordinator: 0, participants: 30 },
  opsPerCommit: null,
};
const figure: FigureRow = { check: 'some figure', value: 1, target: 2, unit: 'ms' };

describe('rows of a benchmark', () => {
  it('are fine as they are made', () => {
    const rows = [measured, bare, { ...measured, ratioToBare: null }, figure];
    expect(rowProblems([...rows, { ...figure, target: null }])).toEqual([]);
  });

  it.each([[undefined], [{}], ['[]'], [null]])('are no %j', (value) => {
    expect(rowProblems(value)).toEqual(['the file holds no array']);
  });

  it('are at least one', () => {
    expect(rowProblems([])).toEqual(['the array has no rows']);
  });

  it.each([
    ['row 1: variant is none that is known', { ...measured, variant: 'fast' }],
    ['row 1: store must be memory or sqlite or mariadb or postgres', { ...measured, store: null }],
    ['row 1: until must be decided or executed', { ...measured, until: 'settled' }],
    ['row 1: tps must be a number above 0', { ...measured, tps: 0 }],
    ['row 1: p50Ms must be a number above 0', { ...measured, p50Ms: Number.NaN }],
    ['row 1: p99Ms must be a number above 0', { ...measured, p99Ms: '4' }],
    ['row 1: ratioToBare must be a number or null', { ...measured, ratioToBare: Infinity }],
    ['row 1: opsPerCommit must be a number', { ...measured, opsPerCommit: null }],
    ['row 1: cpuUsPerTx must be an object', { ...measured, cpuUsPerTx: 9 }],
    [
      'row 1: cpuUsPerTx.load must be a number of at least 0',
      { ...measured, cpuUsPerTx: { ...measured.cpuUsPerTx, load: -1 } },
    ],
    ['row 1: extra is no field', { ...measured, extra: 1 }],
    ['row 1: store of a bare variant must be null', { ...bare, store: 'sqlite' }],
    ['row 1: until of a bare variant must be null', { ...bare, until: 'executed' }],
    ['row 1: opsPerCommit must be null for a bare variant', { ...bare, opsPerCommit: 1 }],
    ['row 1: value must be a number', { ...figure, value: null }],
    ['row 1: target must be a number or null', { ...figure, target: '≥ 2' }],
    ['row 1: check must be a text', { ...figure, check: '' }],
    ['row 1: verdict is no field', { ...figure, verdict: 'pass' }],
    ['row 1: is no object', 7],
  ])('%s', (problem, row) => {
    expect(rowProblems([row])).toEqual([problem]);
  });

  it('have every field', () => {
    const { unit: _unit, ...noUnit } = figure;
    const { p99Ms: _p99, ...noP99 } = measured;
    expect(rowProblems([measured, noUnit, noP99])).toEqual([
      'row 2: unit is missing',
      'row 2: unit must be a text',
      'row 3: p99Ms is missing',
      'row 3: p99Ms must be a number above 0',
    ]);
  });
});
