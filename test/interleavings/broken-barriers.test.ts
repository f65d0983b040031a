/** Barriers that are wrong on purpose are found out by the interleavings: SQLite with one rule broken. */
import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Barrier, BarrierCall, BarrierEnd, BarrierWork } from '@tercet/sdk';
import type { Business } from './business';
import { campaign, toldWrong } from './campaign';
import { onSqlite } from './on-sqlite';

type Change = <Db>(inner: Barrier<Db>) => Barrier<Db>['carryOut'];

/** Another branch id makes another key: the rule that the row stands for is broken. */
function keyed(change: (call: BarrierCall) => BarrierCall): Change {
  return (inner) => (call, work) => inner.carryOut(change(call), work);
}

let calls = 0;
const anew = (call: BarrierCall): string => {
  calls += 1;
  return `${call.branchId}.${calls}`;
};

const broken: readonly (readonly [string, Change])[] = [
  [
    'forgets that a Try was done',
    keyed((call) => (call.phase === 'try' ? { ...call, branchId: anew(call) } : call)),
  ],
  ['takes all branches of a run for one', keyed((call) => ({ ...call, branchId: '1' }))],
  [
    'does the work outside of its transaction, too',
    <Db>(inner: Barrier<Db>) =>
      async (call: BarrierCall, work: BarrierWork<Db>) => {
        let opened: Parameters<BarrierWork<Db>>[0] | undefined;
        return inner.carryOut(call, async (given) => {
          opened = given;
          await work(opened);
          return work(opened);
        });
      },
  ],
  [
    'answers a late Try like a duplicate',
    <Db>(inner: Barrier<Db>) =>
      async (call: BarrierCall, work: BarrierWork<Db>): Promise<BarrierEnd> => {
        const end = await inner.carryOut(call, work);
        return end.kind === 'late'
          ? { kind: 'duplicate', reply: new Uint8Array(), note: undefined }
          : end;
      },
  ],
  [
    'answers a conflict with OK',
    <Db>(inner: Barrier<Db>) =>
      async (call: BarrierCall, work: BarrierWork<Db>): Promise<BarrierEnd> => {
        const end = await inner.carryOut(call, work);
        return end.kind === 'conflict'
          ? { kind: 'duplicate', reply: new Uint8Array(), note: undefined }
          : end;
      },
  ],
  [
    'calls Cancel without what the Try left',
    <Db>(inner: Barrier<Db>) =>
      (call: BarrierCall, work: BarrierWork<Db>) =>
        inner.carryOut(call, ({ db }) => work({ db, tried: undefined })),
  ],
];

test.each(broken)('a barrier that %s is found out', async (_name, change) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tercet-interleavings-'));
  const right = await onSqlite(path.join(folder, 'stock.db'));
  try {
    const wrong: Business<unknown> = {
      ...(right as Business<unknown>),
      levels: right.levels.map(({ name, barrier }) => ({
        name,
        barrier: {
          ...withMethods(barrier as Barrier<unknown>),
          carryOut: change(barrier as Barrier<unknown>),
        },
      })),
    };
    const end = await campaign(wrong, { dialect: 'sqlite', seed: 1, runs: 100 });
    expect(toldWrong({ dialect: 'sqlite' }, end.wrong)).toContain('again: npm run interleavings');
  } finally {
    await right.close();
    rmSync(folder, { recursive: true });
  }
});

function withMethods<Db>(inner: Barrier<Db>): Barrier<Db> {
  return {
    name: inner.name,
    retentionMs: inner.retentionMs,
    carryOut: (call, work) => inner.carryOut(call, work),
    check: () => inner.check(),
    migrate: () => inner.migrate(),
    cleanUp: () => inner.cleanUp(),
  };
}
