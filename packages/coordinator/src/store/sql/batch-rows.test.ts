import { describe, expect, it } from '@jest/globals';
import type { GlobalTransaction } from '@tercet/core';
import {
  attempted,
  cancelling,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  times,
  trying,
  withMore,
} from '../../../test/support/transaction-moves';
import { SpecShapes } from '../rows/spec-shapes';
import type { StoreOperation } from '../store';
import { batchRowsOf, wavesOf } from './batch-rows';

const rowsOf = (...wave: readonly StoreOperation[]) => batchRowsOf(wave, new SpecShapes());

describe('waves', () => {
  it('are one where every operation has a gid of its own, else as many as operations (B1)', () => {
    const [a, b] = [trying('a'), trying('b')];
    const apart = [open(a), open(b)];
    expect(wavesOf(apart)).toEqual([apart]);
    const several = [open(a), open(b), extend(withMore(a), 2)];
    expect(wavesOf(several)).toEqual(several.map((operation) => [operation]));
    expect(wavesOf([])).toEqual([]);
  });
});

describe('rows of a wave', () => {
  it('are sorted by gid in every list (B2)', () => {
    const gids = ['c', 'a', 'B', 'b'];
    const rows = rowsOf(...gids.map((gid) => open(trying(gid, 1, { labels: { order: gid } }))));
    for (const list of [rows.opens, rows.registrations, rows.labels]) {
      expect(list.map(({ gid }) => gid)).toEqual(['B', 'a', 'b', 'c']);
    }
  });

  it('carry the guard of their operation (B3)', () => {
    const [a, b] = [trying('a', 2, { epoch: 3 }), confirming(trying('b', 2, { epoch: 4 }))];
    const { runId } = a;
    const rows = rowsOf(
      extend(withMore(a), 2),
      decide(b, Uint8Array.of(1)),
      progress(attempted(confirming(trying('c')), '1'), 5),
      fence(trying('d', 2, { epoch: 6 })),
    );
    expect(rows.extensions).toMatchObject([{ gid: 'a', runId, epoch: 3, before: 2, branches: 3 }]);
    expect(rows.registrations).toMatchObject([
      { gid: 'a', runId, epoch: 3, first: 2, branches: 3 },
    ]);
    expect(rows.decisions).toMatchObject([{ gid: 'b', runId, epoch: 4, branches: 2 }]);
    expect(rows.results).toMatchObject([{ gid: 'b', runId, epoch: 4, status: 'confirming' }]);
    expect(rows.progress).toMatchObject([{ gid: 'c', from: 'confirming', branches: 2, nextAt: 5 }]);
    expect(rows.fences).toEqual([{ gid: 'd', epoch: 6 }]);
  });

  it('leave the open work with the end, whatever was said to be due', () => {
    const ended = finished(cancelling(trying('a')));
    const empty = finished(confirming(trying('b', 0)));
    const rows = rowsOf(progress(ended, 9), decide(empty));
    expect(rows.progress).toMatchObject([
      { from: 'cancelling', status: 'cancelled', nextAt: null, finishedAt: times.finished },
    ]);
    expect(rows.decisions).toMatchObject([{ status: 'confirmed', finishedAt: times.finished }]);
  });

  it('make no registration of no branch', () => {
    expect(rowsOf(open(trying('a', 0))).registrations).toEqual([]);
  });

  it('let progress of an undecided transaction match an undecided row', () => {
    expect(rowsOf(progress(trying('a'), 1)).progress).toMatchObject([{ from: 'trying' }]);
  });

  const poisons: readonly [string, GlobalTransaction][] = [
    ['no cause', { ...confirming(trying('a')), cause: undefined }],
    ['no time', { ...confirming(trying('a')), decidedAt: undefined }],
    ['an end without its time', { ...finished(confirming(trying('a'))), finishedAt: undefined }],
  ];

  it.each(poisons)('are not made of a decision with %s', (_, tx) => {
    expect(() => rowsOf(decide(tx))).toThrow('cannot be stored');
  });

  it('are not made of an end without its time', () => {
    const ended = { ...finished(confirming(trying('a'))), finishedAt: undefined };
    expect(() => rowsOf(progress(ended))).toThrow('cannot be stored');
  });
});
