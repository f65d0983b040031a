import { describe, expect, it } from '@jest/globals';
import { type BranchId, type Gid, type GlobalTransaction, TercetError } from '@tercet/core';
import { aBranch, aBranchSpec, aTransaction } from '@tercet/core/testing';
import fc from 'fast-check';
import { Admission } from './admission';

const gid = 'order-1' as Gid;

function refused(work: () => unknown): TercetError {
  try {
    work();
  } catch (error) {
    if (error instanceof TercetError) return error;
    throw error;
  }
  throw new Error('was admitted');
}

/** A transaction with a branch for each target; those listed in `ended` have ended. */
function aTx(
  status: GlobalTransaction['status'],
  targets: readonly string[],
  ended: readonly number[] = [],
): GlobalTransaction {
  const branches = targets.map((target, i) =>
    aBranch({
      spec: aBranchSpec({ id: String(i + 1) as BranchId, target }),
      status: ended.includes(i) ? 'confirmed' : 'registered',
    }),
  );
  return aTransaction({ status, branches });
}

describe('Admission', () => {
  it('A1, A3: refuses who names a full target, and nobody else', () => {
    const admission = new Admission({ targetUnfinishedMax: 2, undecidedMax: 10 });
    admission.admit({ gid, opens: true, targets: ['stock', 'stock'] });
    const error = refused(() =>
      admission.admit({ gid, opens: true, targets: ['delivery', 'stock'] }),
    );
    expect(error.code).toBe('LIMIT_EXCEEDED');
    expect(error.details).toEqual({ gid, limit: 'target', target: 'stock' });
    expect(error.message).toBe(
      'unfinished branches of stock: 2 and 1 in the request, at most 2 (--target-unfinished-max): ' +
        'repeat the request when some have ended; `tercet stuck` shows what they wait for',
    );
    expect(admission.unfinished('delivery')).toBe(0);
    expect(admission.undecided).toBe(1);
    admission.admit({ gid, opens: true, targets: ['delivery'] });
    admission.branchDone('stock');
    admission.admit({ gid, opens: false, targets: ['stock'] });
    expect(admission.unfinished('stock')).toBe(2);
  });

  it('A3: says so of a request that can never fit', () => {
    const admission = new Admission({ targetUnfinishedMax: 2, undecidedMax: 10 });
    const error = refused(() =>
      admission.admit({ gid, opens: true, targets: ['stock', 'stock', 'stock'] }),
    );
    expect(error.message).toBe(
      'branches of stock in the request: 3, at most 2 (--target-unfinished-max): ' +
        'it never fits; raise the limit, or name that target less often in one transaction',
    );
  });

  it('A2: refuses openings beyond the undecided transactions; additions and decided ones pass', () => {
    const admission = new Admission({ targetUnfinishedMax: 10, undecidedMax: 1 });
    admission.admit({ gid, opens: true, targets: ['stock'] });
    const error = refused(() => admission.admit({ gid, opens: true, targets: [] }));
    expect(error.code).toBe('LIMIT_EXCEEDED');
    expect(error.details).toEqual({ gid, limit: 'undecided' });
    expect(error.message).toBe(
      'the limit of undecided transactions, 1 (--undecided-max), is reached: ' +
        'repeat the request when some of them are decided, or raise the limit',
    );
    admission.admit({ gid, opens: false, targets: ['stock'] });
    admission.decided();
    admission.admit({ gid, opens: true, targets: [] });
    expect(admission.unfinished('stock')).toBe(2);
  });

  it('gives room back once, however often it is released', () => {
    const admission = new Admission({ targetUnfinishedMax: 5, undecidedMax: 5 });
    admission.admit({ gid, opens: true, targets: ['stock'] });
    const reservation = admission.admit({ gid, opens: true, targets: ['stock', 'stock'] });
    reservation.release();
    reservation.release();
    expect(admission.unfinished('stock')).toBe(1);
    expect(admission.undecided).toBe(1);
  });

  it('counts what was durable before without refusing it', () => {
    const admission = new Admission({ targetUnfinishedMax: 1, undecidedMax: 1 });
    admission.resume(aTx('trying', ['stock', 'stock']));
    admission.resume(aTx('confirming', ['stock', 'stock', 'delivery'], [0]));
    admission.resume(aTx('trying', []));
    expect(admission.undecided).toBe(2);
    expect(admission.unfinished('stock')).toBe(3);
    expect(admission.unfinished('delivery')).toBe(1);
    admission.lost(aTx('confirming', ['stock', 'stock', 'delivery'], [0]));
    admission.lost(aTx('trying', ['stock', 'stock']));
    expect(admission.undecided).toBe(1);
    expect(admission.targets).toBe(0);
  });

  it('A1, A2, A4: counts exactly, whatever happens to the work, and remembers nothing in the end', () => {
    const target = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('open' as const),
        targets: fc.array(target, { maxLength: 4 }),
        durable: fc.boolean(),
      }),
      fc.record({
        kind: fc.constantFrom('decide', 'end', 'lose'),
        nth: fc.nat(),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const limits = { targetUnfinishedMax: 6, undecidedMax: 4 };
        const admission = new Admission(limits);
        let live: GlobalTransaction[] = [];
        const replace = (old: GlobalTransaction, ...by: GlobalTransaction[]): void => {
          live = [...live.filter((tx) => tx !== old), ...by];
        };
        const pending = (name: string): number =>
          live
            .flatMap(({ branches }) => branches)
            .filter(({ spec, status }) => spec.target === name && status === 'registered').length;
        const undecided = (): number => live.filter(({ status }) => status === 'trying').length;
        const fits = (targets: readonly string[]): boolean =>
          undecided() < limits.undecidedMax &&
          ['a', 'b', 'c'].every(
            (name) =>
              pending(name) + targets.filter((one) => one === name).length <=
                limits.targetUnfinishedMax || !targets.includes(name),
          );
        const take = (step: { kind: string; nth: number }): void => {
          const tx = live[step.nth % Math.max(1, live.length)];
          if (tx === undefined) return;
          if (step.kind === 'lose') {
            admission.lost(tx);
            replace(tx);
          } else if (step.kind === 'decide' && tx.status === 'trying') {
            const decided: GlobalTransaction = { ...tx, status: 'confirming' };
            admission.decided();
            replace(tx, decided);
          } else if (step.kind === 'end' && tx.status === 'confirming') {
            const branch = tx.branches.find(({ status }) => status === 'registered');
            if (branch === undefined) return;
            admission.branchDone(branch.spec.target);
            const ended = { ...branch, status: 'confirmed' as const };
            replace(tx, { ...tx, branches: tx.branches.map((b) => (b === branch ? ended : b)) });
          }
        };
        for (const step of steps) {
          if ('nth' in step) take(step);
          else if (fits(step.targets)) {
            const reservation = admission.admit({ gid, opens: true, targets: step.targets });
            if (step.durable) live.push(aTx('trying', step.targets));
            else reservation.release();
          } else {
            refused(() => admission.admit({ gid, opens: true, targets: step.targets }));
          }
          expect(admission.undecided).toBe(undecided());
          for (const name of ['a', 'b', 'c'])
            expect(admission.unfinished(name)).toBe(pending(name));
        }
        for (const tx of live) admission.lost(tx);
        expect(admission.undecided).toBe(0);
        expect(admission.targets).toBe(0);
      }),
    );
  });
});
