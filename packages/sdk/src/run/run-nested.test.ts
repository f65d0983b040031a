import { describe, expect, it } from '@jest/globals';
import type { BranchId } from '@tercet/core';
import { Scenario, bill, item, shopIn } from '../../test/support/scenario';
import {
  aBranchView,
  decided,
  failed,
  rejecting,
  replied,
  retryLater,
} from '../../test/support/scripted-coordinator';
import { branchIds, isNestedUnder } from './branch-ids';

/** The participants of reserve and charge tell of nested branches. */
function telling(branches: Readonly<Record<string, readonly string[]>>): Scenario {
  const s = new Scenario();
  s.caller.onCall = (call) => ({
    ...replied(call),
    branches: branches[String(call.metadata['tercet-branch-id'])] ?? [],
  });
  return s;
}

function bothIn(s: Scenario): ReturnType<typeof s.outcome> {
  return s.outcome((tx) => tx.all([shopIn(tx).reserve(item), shopIn(tx).charge(bill)]));
}

describe('what participants began inside their Tries', () => {
  it('M3, T4: is committed with the run’s own branches, each after its parent', async () => {
    const s = telling({ '1': ['1.1', '1.2', '1.2.1'], '2': ['2.3'] });
    const run = await bothIn(s);
    expect(run.value?.status).toBe('confirmed');
    const [commit] = s.coordinator.requests('commit');
    expect(commit?.branchIds).toEqual(['1', '1.1', '1.2', '1.2.1', '2', '2.3']);
  });

  it('is counted once where it is told twice', async () => {
    const s = telling({ '1': ['1.1', '1.1'] });
    await bothIn(s);
    expect(s.coordinator.requests('commit')[0]?.branchIds).toEqual(['1', '1.1', '2']);
  });

  it('T4: of a repeated Try only the successful attempt counts', async () => {
    const s = new Scenario();
    s.caller.onCall = (call, n) =>
      n === 1
        ? { ...retryLater(1), branches: ['1.1', '1.2'] }
        : { ...replied(call), branches: ['1.3'] };
    await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(s.coordinator.requests('commit')[0]?.branchIds).toEqual(['1', '1.3']);
  });

  it.each([
    ['the called branch itself', '1'],
    ['another one', '2.1'],
    ['its own prefix', '11.1'],
    ['no id', '1.x'],
    ['an id that nests too deep', '1.1.1.1.1.1.1.1.1'],
  ])('A4: a reply that names %s is unreadable, so the Try is unknown', async (_name, id) => {
    const s = telling({ '1': ['1.1', id] });
    const run = await bothIn(s);
    expect(run.error).toMatchObject({
      name: 'TransactionCancelledError',
      cause: {
        name: 'TryUnknownError',
        message: expect.stringContaining('tercet-branches') as unknown,
      },
    });
    const [rollback] = s.coordinator.requests('rollback');
    expect(rollback?.tries.get('1' as BranchId)).toBe('unknown');
    expect([...(rollback?.tries.keys() ?? [])]).not.toContain('1.1');
    expect(s.coordinator.kinds).not.toContain('commit');
  });

  it('is told as done at a rollback, so that its Cancel need not wait', async () => {
    const s = telling({ '1': ['1.1'] });
    const answer = s.caller.onCall;
    s.caller.onCall = (call, n) =>
      call.metadata['tercet-branch-id'] === '2'
        ? { ...rejecting(), branches: ['2.1'] }
        : answer(call, n);
    await bothIn(s);
    expect(s.coordinator.requests('rollback')[0]?.tries).toEqual(
      new Map([
        ['1', 'done'],
        ['2', 'refused'],
        ['1.1', 'done'],
      ]),
    );
  });

  it('counts for nothing where the Try failed', async () => {
    const s = new Scenario();
    s.caller.onCall = () => failed(2, 'broke', { branches: ['1.1', 'nonsense'] });
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({
      cause: { name: 'TryUnknownError', failure: { message: 'broke' } },
    });
    expect(s.coordinator.requests('rollback')[0]?.tries).toEqual(new Map([['1', 'unknown']]));
  });

  it('is shown by the result while it is pending, after the run’s own branches', async () => {
    const s = telling({ '1': ['1.1', '1.2'] });
    const pending = aBranchView({ branch: '1.2' as BranchId, action: 'pack', target: 'depot:1' });
    s.coordinator.onCommit = () => decided('confirming', [pending]);
    const run = await bothIn(s);
    expect(run.value?.branches).toMatchObject([
      { branch: '1', status: 'confirmed' },
      { branch: '2', status: 'confirmed' },
      { branch: '1.2', action: 'pack', target: 'depot:1', status: 'pending' },
    ]);
  });
});

describe('branch ids', () => {
  it('count from 1, below their parent', () => {
    const own = branchIds();
    expect([own(), own()]).toEqual(['1', '2']);
    const nested = branchIds('2.1' as BranchId);
    expect([nested(), nested()]).toEqual(['2.1.1', '2.1.2']);
  });

  it('nest eight deep at most', () => {
    expect(branchIds('1.1.1.1.1.1.1' as BranchId)()).toBe('1.1.1.1.1.1.1.1');
    const tooDeep = branchIds('1.1.1.1.1.1.1.1' as BranchId);
    expect(tooDeep).toThrow('branches nest at most 8 deep');
  });

  it('tell what is nested under what', () => {
    const under = (id: string, ancestor: string): boolean =>
      isNestedUnder(id as BranchId, ancestor as BranchId);
    expect([under('1.2', '1'), under('1.2.3', '1'), under('1', '1')]).toEqual([true, true, false]);
    expect([under('11', '1'), under('11.1', '1'), under('1', '1.2')]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe('the order of phase two', () => {
  it.each(['all', 'registration', 'reverse'] as const)('%s is asked for', async (phaseTwoOrder) => {
    const s = new Scenario();
    await s.outcome((tx) => shopIn(tx).reserve(item), { phaseTwoOrder });
    const [request] = s.coordinator.requests('register');
    expect(request?.opening?.policy.phaseTwoOrder).toBe(phaseTwoOrder);
  });

  it('is all at once where nothing is said, and never another one', async () => {
    const s = new Scenario();
    await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(s.coordinator.requests('register')[0]?.opening?.policy.phaseTwoOrder).toBe('all');
    const wrong = { phaseTwoOrder: 'dag' } as unknown as { phaseTwoOrder: 'all' };
    const run = await s.outcome((tx) => shopIn(tx).reserve(item), wrong);
    expect(run.error).toMatchObject({
      code: 'CONFIG_INVALID',
      details: { option: 'phaseTwoOrder' },
    });
  });
});
