import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deepFreeze } from '../test/deep-freeze';
import type { BranchSpec } from './branch';
import { type Decision, type RegisterEvent, decide } from './decide';
import type { GlobalTransaction, Opening } from './global-transaction';
import type { BranchId, Gid, RunId } from './ids';
import { limits } from './limits';
import { aBranch, aBranchSpec, aTransaction, anOpening } from './testing';
import { globalStatuses } from './transitions';

const gid = 'order-1' as Gid;
const { runId, openedAt, deadlineAt } = aTransaction();
const stranger = 'f'.repeat(32) as RunId;
const NOW = openedAt + 1_000;

function specs(...ids: string[]): BranchSpec[] {
  return ids.map((id) => aBranchSpec({ id: id as BranchId }));
}

function register(
  branches: readonly BranchSpec[],
  over: Partial<RegisterEvent> = {},
): RegisterEvent {
  return deepFreeze({ kind: 'register', runId, opening: anOpening(), branches, ...over });
}

function reopening(over: Partial<Opening>, run = runId): RegisterEvent {
  return register(specs('1'), { opening: anOpening(over), runId: run });
}

function accepted(decision: Decision): Extract<Decision, { kind: 'accepted' }> {
  if (decision.kind !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(decision)}`);
  return decision;
}

function ids(tx: GlobalTransaction): string[] {
  return tx.branches.map((branch) => branch.spec.id);
}

describe('opening', () => {
  const trace = { traceparent: '00-a-b-01', tracestate: '' };
  const opening = anOpening({ timeoutMs: 30_000, labels: { order: '1' }, trace });

  test('makes a transaction that is trying, with everything the initiator fixed', () => {
    const decision = accepted(
      decide({ gid, tx: undefined }, register(specs('1', '2'), { opening }), NOW),
    );
    const { timeoutMs, ...kept } = opening;
    expect(decision.change).toEqual({ kind: 'opened' });
    expect(decision.next).toEqual({
      gid,
      runId,
      ...kept,
      status: 'trying',
      openedAt: NOW,
      deadlineAt: NOW + timeoutMs,
      decidedAt: undefined,
      finishedAt: undefined,
      cause: undefined,
      epoch: 1,
      branches: decision.next.branches,
    });
    expect(ids(decision.next)).toEqual(['1', '2']);
  });

  test('may carry no branch yet', () => {
    expect(accepted(decide({ gid, tx: undefined }, register([]), NOW)).next.branches).toEqual([]);
  });

  test('is needed to create a gid: without it an unknown gid is not found', () => {
    const decision = decide(
      { gid, tx: undefined },
      register(specs('1'), { opening: undefined }),
      NOW,
    );
    expect(decision).toMatchObject({ error: { code: 'TRANSACTION_NOT_FOUND', details: { gid } } });
  });

  test.each([
    [5_000, NOW + 5_000],
    [59_999, NOW + 59_999],
    [600_000, NOW + 60_000],
  ])(
    'a Try of %i ms gets notAfter = the smaller of its deadline and the rest',
    (forwardMs, notAfter) => {
      const deadlines = { forwardMs, confirmMs: 1, cancelMs: 1 };
      const decision = decide({ gid, tx: undefined }, register([aBranchSpec({ deadlines })]), NOW);
      expect(accepted(decision).next.branches).toEqual([
        aBranch({ spec: aBranchSpec({ deadlines }), notAfter, phaseOne: 'none', tryTold: false }),
      ]);
    },
  );
});

describe('adding branches', () => {
  const tx = deepFreeze(aTransaction());

  test.each([anOpening(), undefined])(
    'while trying extends the transaction (opening %#)',
    (opening) => {
      const decision = accepted(
        decide({ gid, tx }, register(specs('1', '2', '1.1'), { opening }), NOW),
      );
      expect(ids(decision.next)).toEqual(['1', '2', '1.1']);
      expect(decision.next.branches[0]).toBe(tx.branches[0]);
      const added = decision.next.branches.slice(1);
      expect(decision.change).toEqual({ kind: 'extended', added });
      expect(added.map((branch) => branch.notAfter)).toEqual([NOW + 5_000, NOW + 5_000]);
      expect({ ...decision.next, branches: [] }).toEqual({ ...tx, branches: [] });
    },
  );

  test('bounds their Tries by the deadline of the transaction', () => {
    const decision = accepted(decide({ gid, tx }, register(specs('2')), deadlineAt - 1));
    expect(decision.next.branches[1]?.notAfter).toBe(deadlineAt);
  });

  test.each([0, 1])('is too late from the deadline on (+%i ms)', (late) => {
    const decision = decide({ gid, tx }, register(specs('2')), deadlineAt + late);
    expect(decision).toMatchObject({
      error: { code: 'PHASE_ONE_OVER', details: { gid, status: 'trying' } },
    });
  });

  test('is refused as a whole when one of them contradicts what is registered (D2)', () => {
    const other = aBranchSpec({ payload: Uint8Array.of(9) });
    const decision = decide({ gid, tx }, register([...specs('2'), other]), NOW);
    expect(decision).toMatchObject({
      kind: 'rejected',
      error: { code: 'BRANCH_CONFLICT', details: { gid, branch_id: '1' } },
    });
  });

  test('is refused when one request contradicts itself, opening included', () => {
    const twice = register([aBranchSpec(), aBranchSpec({ target: 'elsewhere:1' })]);
    for (const known of [undefined, aTransaction({ branches: [] })]) {
      expect(decide({ gid, tx: known }, twice, NOW)).toMatchObject({
        error: { code: 'BRANCH_CONFLICT' },
      });
    }
  });

  test('takes one branch that stands twice in a request for one', () => {
    expect(
      ids(accepted(decide({ gid, tx: undefined }, register(specs('1', '1')), NOW)).next),
    ).toEqual(['1']);
    expect(ids(accepted(decide({ gid, tx }, register(specs('2', '2')), NOW)).next)).toEqual([
      '1',
      '2',
    ]);
  });

  test('ends at the limit of branches, however they are grouped', () => {
    const all = specs(...Array.from({ length: limits.branchesMax }, (_, i) => `${i + 1}`));
    const full = accepted(decide({ gid, tx: undefined }, register(all), NOW)).next;
    expect(full.branches).toHaveLength(limits.branchesMax);
    expect(decide({ gid, tx: full }, register(all), NOW).kind).toBe('repeated');
    const error = {
      code: 'INVALID_ARGUMENT',
      message: 'a transaction has at most 256 branches, this would be number 257',
      details: { gid, field: 'branches' },
    };
    expect(decide({ gid, tx: full }, register(specs('257')), NOW)).toMatchObject({ error });
    expect(decide({ gid, tx: undefined }, register([...all, ...specs('257')]), NOW)).toMatchObject({
      error,
    });
  });
});

describe('nested branches', () => {
  const tx = deepFreeze(aTransaction({ branches: [aBranch({ phaseOne: 'started' })] }));
  const orphan = (id: string, parent: string) => ({
    code: 'INVALID_ARGUMENT',
    message: `branch ${id} is nested in branch ${parent}, which is not registered`,
    details: { gid, branch_id: id, field: 'branches' },
  });

  test.each([
    ['of a registered branch', ['1.1'], ['1', '1.1']],
    ['of a branch of the same request', ['2', '2.1'], ['1', '2', '2.1']],
    ['that stand before their parent', ['2.1', '2'], ['1', '2.1', '2']],
    ['several deep', ['1.1.1.1', '1.1', '1.1.1'], ['1', '1.1.1.1', '1.1', '1.1.1']],
  ])('%s are added (I4)', (_what, wanted, known) => {
    expect(ids(accepted(decide({ gid, tx }, register(specs(...wanted)), NOW)).next)).toEqual(known);
  });

  test.each([
    ['2.1', '2', ['2.1']],
    ['1.1.1', '1.1', ['1.1.1', '1']],
    ['3.1', '3', ['2', '3.1', '2.1']],
  ])('%s is refused, with all of its request, while %s is not registered', (id, parent, wanted) => {
    const decision = decide({ gid, tx }, register(specs(...wanted)), NOW);
    expect(decision).toMatchObject({ kind: 'rejected', error: orphan(id, parent) });
  });

  test('cannot open a transaction without their parent', () => {
    const decision = decide({ gid, tx: undefined }, register(specs('1.1')), NOW);
    expect(decision).toMatchObject({ kind: 'rejected', error: orphan('1.1', '1') });
  });

  test('are repeated without their parent being named again (I9)', () => {
    const nested = accepted(decide({ gid, tx }, register(specs('1.1')), NOW)).next;
    const again = decide({ gid, tx: nested }, register(specs('1.1'), { opening: undefined }), NOW);
    expect(again).toEqual({ kind: 'repeated', current: nested });
  });

  test('are listed by Commit like any other', () => {
    const nested = accepted(decide({ gid, tx }, register(specs('1.1')), NOW)).next;
    const commit = (...branchIds: string[]) =>
      decide(
        { gid, tx: nested },
        { kind: 'commit', runId, branchIds: branchIds as BranchId[] },
        NOW,
      );
    expect(commit('1')).toMatchObject({
      error: {
        code: 'BRANCHES_MISMATCH',
        message: 'Commit must list exactly the registered branches; registered but not listed: 1.1',
      },
    });
    expect(accepted(commit('1', '1.1')).next.status).toBe('confirming');
  });
});

describe('a repeated registration (I9, D1)', () => {
  const tx = deepFreeze(aTransaction({ labels: { a: '1', b: '2' } }));
  const labels = { b: '2', a: '1' };

  test.each<[string, RegisterEvent, number]>([
    ['the same', reopening({ labels }), NOW],
    ['without its opening', register(specs('1'), { opening: undefined }), NOW],
    ['without branches', register([], { opening: anOpening({ labels }) }), NOW],
    ['with another timeout', reopening({ labels, timeoutMs: 1 }), NOW],
    ['in another trace', reopening({ labels, trace: { traceparent: 'x', tracestate: '' } }), NOW],
    ['after the deadline, as long as nothing is decided', reopening({ labels }), deadlineAt + 1],
  ])('%s is answered with the present truth', (_what, event, now) => {
    const decision = decide({ gid, tx }, event, now);
    expect(decision).toEqual({ kind: 'repeated', current: tx });
  });

  test.each(globalStatuses.filter((status) => status !== 'trying'))(
    'is answered with the decision, not with OK, once the transaction is %s',
    (status) => {
      const decided = aTransaction({ status });
      for (const event of [register(specs('1')), register(specs('2')), register([])]) {
        expect(decide({ gid, tx: decided }, event, NOW)).toMatchObject({
          error: { code: 'ALREADY_DECIDED', details: { gid, status } },
        });
      }
    },
  );

  test('may group the branches in any other way', () => {
    const all = ['1', '2', '3', '4', '5'];
    const groups = fc.array(fc.subarray(all, { minLength: 1 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(groups, fc.shuffledSubarray(all, { minLength: 5 }), (requests, order) => {
        let now = accepted(
          decide({ gid, tx: undefined }, register(specs(...(requests[0] ?? []))), NOW),
        ).next;
        for (const request of requests) {
          const decision = decide({ gid, tx: now }, register(specs(...request)), NOW);
          const news = request.filter((id) => !ids(now).includes(id));
          expect(decision.kind).toBe(news.length === 0 ? 'repeated' : 'accepted');
          if (decision.kind === 'accepted') now = decision.next;
        }
        const known = order.filter((id) => ids(now).includes(id));
        expect(decide({ gid, tx: now }, register(specs(...known)), NOW)).toEqual({
          kind: 'repeated',
          current: now,
        });
        expect(new Set(ids(now))).toEqual(new Set(requests.flat()));
      }),
    );
  });
});

describe('a registration of somebody else', () => {
  const trying = deepFreeze(aTransaction({ labels: { a: '1' } }));
  const other = { onTimeout: 'none', phaseTwoOrder: 'all' } as const;
  const ordered = { onTimeout: 'cancel', phaseTwoOrder: 'reverse' } as const;
  const same = { labels: { a: '1' } };

  test.each(globalStatuses)('gets an answer that names the status %s', (status) => {
    const tx = { ...trying, status };
    const code = 'ANOTHER_RUN';
    const decision = decide({ gid, tx }, reopening(same, stranger), NOW);
    expect(decision).toMatchObject({ error: { code, details: { gid, status } } });
  });

  test.each([
    ['another run of the same name attaches', reopening(same, stranger), 'ANOTHER_RUN'],
    ['whatever its labels and policy', reopening({ policy: other }, stranger), 'ANOTHER_RUN'],
    ['another name, own run', reopening({ ...same, name: 'refund' }), 'GID_CONFLICT'],
    ['another name, another run', reopening({ ...same, name: 'refund' }, stranger), 'GID_CONFLICT'],
    ['own run, other label', reopening({ labels: { a: '2' } }), 'GID_CONFLICT'],
    ['own run, another key', reopening({ labels: { b: '1' } }), 'GID_CONFLICT'],
    ['own run, more labels', reopening({ labels: { a: '1', b: '2' } }), 'GID_CONFLICT'],
    ['own run, no labels', reopening({ labels: {} }), 'GID_CONFLICT'],
    ['own run, other timeout rule', reopening({ ...same, policy: other }), 'GID_CONFLICT'],
    ['own run, other order', reopening({ ...same, policy: ordered }), 'GID_CONFLICT'],
    [
      'another run that opens nothing',
      register(specs('1'), { opening: undefined, runId: stranger }),
      'WRONG_RUN',
    ],
  ])('%s', (_what, event, code) => {
    const decision = decide({ gid, tx: trying }, event, NOW);
    expect(decision).toMatchObject({ kind: 'rejected', error: { code, details: { gid } } });
  });

  test('says which names collide', () => {
    const message = 'gid order-1 belongs to a transaction named checkout, not refund';
    expect(decide({ gid, tx: trying }, reopening({ name: 'refund' }), NOW)).toMatchObject({
      error: { message },
    });
  });
});
