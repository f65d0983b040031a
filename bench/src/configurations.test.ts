import { describe, expect, it } from '@jest/globals';
import {
  type Configuration,
  allConfigurations,
  bareLike,
  base,
  isSame,
  nameOf,
  quickConfigurations,
  serverConfigurations,
  serverKinds,
  withServers,
} from './configurations';

const isBare = ({ variant }: Configuration): boolean =>
  variant === 'bare' || variant === 'bare-stream';
const has = (list: readonly Configuration[], one: Configuration): boolean =>
  list.some((other) => isSame(one, other));

describe.each([
  ['a full run', allConfigurations],
  ['a quick run', quickConfigurations],
])('%s', (_, list) => {
  it('measures no configuration twice', () => {
    expect(new Set(list.map(nameOf)).size).toBe(list.length);
  });

  it('measures the base, and the bare calls to compare each row with', () => {
    expect(has(list, base)).toBe(true);
    expect(list.filter((one) => !has(list, bareLike(one))).map(nameOf)).toEqual([]);
  });

  it('has null for what a bare variant does not have, and only there', () => {
    for (const one of list) {
      expect([one.store === null, one.until === null]).toEqual([isBare(one), isBare(one)]);
    }
  });

  it('has every variant and every store', () => {
    expect(new Set(list.map(({ variant }) => variant)).size).toBe(5);
    expect(new Set(list.map(({ store }) => store))).toEqual(new Set(['sqlite', 'memory', null]));
  });
});

it('varies one dimension at a time, except for what a figure needs', () => {
  const dimensions = ['variant', 'store', 'concurrency', 'branches', 'until'] as const;
  const several = allConfigurations
    .filter((one) => !isBare(one))
    .filter(
      (one) => dimensions.filter((dimension) => one[dimension] !== base[dimension]).length > 1,
    );
  expect(several.map(nameOf)).toEqual([
    'unary sqlite 64 2 decided',
    'streams sqlite 1 2 decided',
    'streams memory 1 2 decided',
  ]);
});

it('covers every number of concurrent transactions and of branches', () => {
  const of = (dimension: 'concurrency' | 'branches'): number[] =>
    [...new Set(allConfigurations.map((one) => one[dimension]))].sort((a, b) => a - b);
  expect([of('concurrency'), of('branches')]).toEqual([
    [1, 64, 256],
    [2, 4, 16],
  ]);
});

describe('stores on servers', () => {
  const all = withServers(allConfigurations, serverKinds);

  it('stand in a full run beside the rows that they are compared with', () => {
    const added = all.filter(({ store }) => store === 'mariadb' || store === 'postgres');
    expect(added.map(nameOf)).toEqual([
      'streams mariadb 64 2 executed',
      'streams postgres 64 2 executed',
      'streams mariadb 256 2 executed',
      'streams postgres 256 2 executed',
    ]);
    expect(all.filter((one) => !has(all, bareLike(one))).map(nameOf)).toEqual([]);
    expect(new Set(all.map(nameOf)).size).toBe(all.length);
  });

  it('run alone beside their bare calls', () => {
    expect(serverConfigurations(['mariadb']).map(nameOf)).toEqual([
      'bare 64 2',
      'streams mariadb 64 2 executed',
      'bare 256 2',
      'streams mariadb 256 2 executed',
    ]);
    expect(serverConfigurations([])).toEqual([]);
  });
});
