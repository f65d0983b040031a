/**
 * What operators do to stuck work, and what parking, order and nesting look like to a client. Real gRPC, scripted
 * participants.
 */
import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import {
  type BranchState,
  BranchStatus,
  Fact,
  PhaseTwoOrder,
  StuckReason,
  type Transaction,
  TransactionStatus,
} from '@tercet/proto';
import { eventually } from './support/eventually';
import {
  type World,
  allBranches,
  branch,
  commit,
  get,
  gid,
  registration,
  resolve,
  rollback,
  stuck,
  useWorlds,
  wait,
} from './support/grpc-world';
import { failed, ok } from './support/scripted-caller';

const aWorld = useWorlds();
const { BRANCH_STATUS_CONFIRMED: confirmed } = BranchStatus;
const rejected = failed('FAILED_PRECONDITION', 'hold expired', { verdict: 'reject' });
const undeployed = failed('UNIMPLEMENTED', 'no such method');
/** With an error of the slow kind: the next attempt is at least half an hour away. */
const slow = { retry: { firstDelayMs: 3_600_000, maxDelayMs: 3_600_000 } };

async function seen({ client }: World): Promise<Transaction> {
  const { transaction } = await client.call('getTransaction', get);
  if (transaction === undefined) throw new Error('an answer without its transaction');
  return transaction;
}

async function seenBranch(world: World, id = '1'): Promise<BranchState | undefined> {
  return (await seen(world)).branches.find(({ branchId }) => branchId === id);
}

/** A committed transaction, each of its branches answered once. */
async function committed(
  world: World,
  ids: readonly string[] = ['1'],
  phaseTwoOrder = PhaseTwoOrder.PHASE_TWO_ORDER_ALL,
): Promise<void> {
  const policy = { onTimeout: 0, phaseTwoOrder, askTarget: '' };
  const branches = ids.map((branchId) => branch({ branchId, ...slow }));
  const open = { name: 'checkout', labels: {}, policy };
  await world.client.call('registerBranches', registration({ open, branches }));
  await world.client.call('commit', { ...commit, branchIds: [...ids], waitMs: 0 });
}

async function aParkedWorld(ids: readonly string[] = ['1']): Promise<World> {
  const world = await aWorld();
  for (const id of ids) world.caller.always(id, rejected);
  await committed(world, ids);
  for (const id of ids) {
    await eventually(async () =>
      expect(await seenBranch(world, id)).toMatchObject({ parked: true }),
    );
  }
  return world;
}

/** Its branch was called once in vain. */
async function aStuckWorld(): Promise<World> {
  const world = await aWorld();
  world.caller.always('1', undeployed);
  await committed(world);
  await eventually(async () => expect(await seenBranch(world)).toMatchObject({ attempts: 1 }));
  return world;
}

async function settled({ client }: World): Promise<Transaction | undefined> {
  const wish = { ...wait, waitFor: Fact.FACT_SETTLED, waitMs: 10_000 };
  return (await client.call('waitTransaction', wish)).transaction;
}

describe('a parked branch', () => {
  it('is shown as parked, stuck at once, with no next attempt', async () => {
    const world = await aParkedWorld();
    const parked = {
      parked: true,
      nextAttemptUnixMs: 0n,
      stuckReason: StuckReason.STUCK_REASON_REJECTED,
      lastFailure: { message: 'hold expired' },
      attempts: 1,
    };
    expect(await seenBranch(world)).toMatchObject(parked);
    const { branches, total } = await world.client.call('listStuckBranches', stuck);
    expect({ branches, total }).toMatchObject({ branches: [{ gid, branch: parked }], total: 1 });
  });

  it('is called again at once when it is resumed', async () => {
    const world = await aParkedWorld(['1', '2']);
    world.caller.always('2', ok);
    const answer = await world.client.call('resumeBranches', { gid, branchIds: ['2'] });
    expect(answer.changedBranchIds).toEqual(['2']);
    await eventually(async () =>
      expect(await seenBranch(world, '2')).toMatchObject({ status: confirmed, attempts: 2 }),
    );
    expect(await seenBranch(world)).toMatchObject({ parked: true, attempts: 1 });

    world.caller.always('1', ok);
    const rest = await world.client.call('resumeBranches', allBranches);
    expect(rest.changedBranchIds).toEqual(['1']);
    expect(await settled(world)).toMatchObject({
      status: TransactionStatus.TRANSACTION_STATUS_CONFIRMED,
      branches: [{ verdict: undefined }, { verdict: undefined }],
    });
    expect((await world.client.call('resumeBranches', allBranches)).changedBranchIds).toEqual([]);
  });

  it('is not called by retry, and the refusal says what does', async () => {
    const world = await aParkedWorld();
    for (const branchIds of [[], ['1']]) {
      expect(await world.client.refusal('retryBranches', { gid, branchIds })).toMatchObject({
        status: status.FAILED_PRECONDITION,
        code: 'BRANCH_PARKED',
        message: expect.stringContaining('resume it'),
        details: { gid, branch_id: '1' },
      });
    }
    expect(world.caller.calls).toHaveLength(1);
  });

  it('may be parked for what else would be retried slowly, where its definition says so', async () => {
    const world = await aWorld();
    for (const id of ['1', '2']) world.caller.always(id, undeployed);
    const branches = [branch({ parkPermanentErrors: true }), branch({ branchId: '2' })];
    await world.client.call('registerBranches', registration({ branches }));
    await world.client.call('commit', { ...commit, branchIds: ['1', '2'], waitMs: 0 });
    const reason = { stuckReason: StuckReason.STUCK_REASON_UNIMPLEMENTED, attempts: 1 };
    await eventually(async () =>
      expect((await seen(world)).branches).toMatchObject([
        { ...reason, parked: true },
        { ...reason, parked: false },
      ]),
    );
  });
});

describe('RetryBranches', () => {
  it('calls at once what would have waited, and keeps its history', async () => {
    const world = await aStuckWorld();
    world.caller.always('1', ok);
    const answer = await world.client.call('retryBranches', allBranches);
    expect(answer).toMatchObject({ changedBranchIds: ['1'], transaction: { gid } });
    const tx = await settled(world);
    expect(tx?.branches).toMatchObject([{ attempts: 2, status: confirmed }]);
    expect(await world.client.call('retryBranches', allBranches)).toMatchObject({
      changedBranchIds: [],
      transaction: { status: TransactionStatus.TRANSACTION_STATUS_CONFIRMED },
    });
  });

  it.each(['retryBranches', 'resumeBranches'] as const)(
    '%s refuses what is undecided, unknown, or has no such branch',
    async (method) => {
      const { client } = await aWorld();
      expect(await client.refusal(method, allBranches)).toMatchObject({
        status: status.NOT_FOUND,
        code: 'TRANSACTION_NOT_FOUND',
      });
      await client.call('registerBranches', registration());
      expect(await client.refusal(method, allBranches)).toMatchObject({
        status: status.FAILED_PRECONDITION,
        code: 'WRONG_STATUS',
        message: expect.stringContaining('nobody has decided yet'),
      });
      await client.call('commit', commit);
      expect(await client.refusal(method, { gid, branchIds: ['1', '7'] })).toMatchObject({
        status: status.NOT_FOUND,
        code: 'BRANCH_NOT_FOUND',
        details: { branch_id: '7' },
      });
    },
  );
});

describe('ResolveBranch', () => {
  it('completes a branch that cannot answer, and keeps who said so and why', async () => {
    const world = await aStuckWorld();
    const before = world.clock.now();
    expect(await world.client.call('resolveBranch', resolve)).toMatchObject({ recorded: true });
    const tx = await settled(world);
    expect(tx).toMatchObject({
      status: TransactionStatus.TRANSACTION_STATUS_CONFIRMED,
      branches: [
        {
          status: confirmed,
          attempts: 1,
          verdict: { asserted: confirmed, by: 'ann@ops', reason: 'settled by hand' },
        },
      ],
    });
    expect(Number(tx?.branches[0]?.verdict?.atUnixMs)).toBeGreaterThanOrEqual(before);
    expect(world.caller.calls).toHaveLength(1);
    const again = { ...resolve, by: 'bob', reason: 'me too' };
    expect(await world.client.call('resolveBranch', again)).toMatchObject({
      recorded: false,
      transaction: { branches: [{ verdict: { by: 'ann@ops' } }] },
    });
  });

  it('completes a parked one', async () => {
    const world = await aParkedWorld();
    await world.client.call('resolveBranch', resolve);
    expect(await settled(world)).toMatchObject({
      branches: [{ parked: false, status: confirmed }],
    });
  });

  it('records nothing for a branch that answered by itself', async () => {
    const world = await aWorld();
    await committed(world);
    await settled(world);
    expect(await world.client.call('resolveBranch', resolve)).toMatchObject({
      recorded: false,
      transaction: { branches: [{ status: confirmed, verdict: undefined }] },
    });
  });

  it('refuses a verdict that contradicts the decision, naming the one that agrees', async () => {
    const world = await aStuckWorld();
    const against = { ...resolve, as: BranchStatus.BRANCH_STATUS_CANCELLED };
    expect(await world.client.refusal('resolveBranch', against)).toMatchObject({
      status: status.UNIMPLEMENTED,
      code: 'NOT_BUILT_YET',
      message: expect.stringContaining('can be resolved as confirmed only'),
      details: { field: 'as' },
    });
    expect(await seenBranch(world)).toMatchObject({ verdict: undefined });
  });

  it('refuses an undecided transaction and an unknown branch', async () => {
    const { client } = await aWorld();
    await client.call('registerBranches', registration());
    expect(await client.refusal('resolveBranch', resolve)).toMatchObject({ code: 'WRONG_STATUS' });
    await client.call('commit', commit);
    expect(await client.refusal('resolveBranch', { ...resolve, branchId: '1.1' })).toMatchObject({
      code: 'BRANCH_NOT_FOUND',
    });
  });
});

describe('an ordered phase two', () => {
  it.each([
    ['registration', PhaseTwoOrder.PHASE_TWO_ORDER_REGISTRATION, ['1', '2', '3']],
    ['reverse', PhaseTwoOrder.PHASE_TWO_ORDER_REVERSE, ['3', '2', '1']],
  ] as const)('%s shows who waits for whom', async (_name, order, [first, second, third]) => {
    const world = await aWorld();
    world.caller.always(first, rejected);
    await committed(world, ['1', '2', '3'], order);
    await eventually(async () =>
      expect(await seenBranch(world, first)).toMatchObject({ parked: true, waitsFor: '' }),
    );
    const waiting = { nextAttemptUnixMs: 0n, attempts: 0, stuckReason: 0 };
    expect(await seenBranch(world, second)).toMatchObject({ ...waiting, waitsFor: first });
    expect(await seenBranch(world, third)).toMatchObject({ ...waiting, waitsFor: second });
    await world.client.call('resolveBranch', { ...resolve, branchId: first });
    const tx = await settled(world);
    expect(tx?.policy?.phaseTwoOrder).toBe(order);
    expect(tx?.branches.map(({ waitsFor }) => waitsFor)).toEqual(['', '', '']);
    expect(world.caller.story).toEqual([first, second, third].map((id) => `confirm ${id}`));
  });

  it('shows nobody waiting before the decision', async () => {
    const world = await aWorld();
    const policy = {
      onTimeout: 0,
      phaseTwoOrder: PhaseTwoOrder.PHASE_TWO_ORDER_REVERSE,
      askTarget: '',
    };
    const open = { name: 'checkout', labels: {}, policy };
    const branches = [branch(), branch({ branchId: '2' })];
    await world.client.call('registerBranches', registration({ open, branches }));
    expect((await seen(world)).branches.map(({ waitsFor }) => waitsFor)).toEqual(['', '']);
  });
});

describe('nested branches', () => {
  const nested = registration({ open: undefined, branches: [branch({ branchId: '1.1' })] });

  it('are registered under their parent, committed and rolled back by their ids', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    await world.client.call('registerBranches', nested);
    expect(await world.client.refusal('commit', commit)).toMatchObject({
      code: 'BRANCHES_MISMATCH',
    });
    const ids = ['1', '1.1'];
    await world.client.call('commit', { ...commit, branchIds: ids });
    expect((await seen(world)).branches.map(({ branchId }) => branchId)).toEqual(ids);
    expect(world.caller.story.sort()).toEqual(['confirm 1', 'confirm 1.1']);

    const other = { gid: 'order-2' };
    await world.client.call('registerBranches', registration(other));
    await world.client.call('registerBranches', { ...nested, ...other });
    const tries = [...rollback.tries, { branchId: '1.1', outcome: 4 }];
    await world.client.call('rollback', { ...rollback, ...other, tries });
    const { transaction } = await world.client.call('getTransaction', { ...get, ...other });
    expect(transaction?.branches).toMatchObject([{ phaseOne: 3 }, { phaseOne: 4 }]);
  });

  it('need their parent', async () => {
    const { client } = await aWorld();
    await client.call('registerBranches', registration());
    const orphan = registration({ open: undefined, branches: [branch({ branchId: '2.1' })] });
    expect(await client.refusal('registerBranches', orphan)).toMatchObject({
      status: status.INVALID_ARGUMENT,
      details: { field: 'branches' },
    });
  });
});

describe('a result', () => {
  const result = Buffer.from([0, 255, 1]);

  it('is kept from the Commit that decided, and answered where it is asked for', async () => {
    const { client } = await aWorld();
    await client.call('registerBranches', registration());
    expect((await client.call('getTransaction', { gid, withResult: true })).result).toBeUndefined();
    await client.call('commit', { ...commit, result });
    await client.call('commit', { ...commit, result: Buffer.from('another') });
    const asked = { withResult: true };
    expect((await client.call('getTransaction', { ...get, ...asked })).result).toEqual(result);
    expect((await client.call('waitTransaction', { ...wait, ...asked })).result).toEqual(result);
    expect((await client.call('getTransaction', get)).result).toBeUndefined();
    expect((await client.call('waitTransaction', wait)).result).toBeUndefined();
  });

  it.each([0, 65_536])('may have %d bytes', async (length) => {
    const { client } = await aWorld();
    await client.call('registerBranches', registration());
    await client.call('commit', { ...commit, result: Buffer.alloc(length, 7) });
    const { result: kept } = await client.call('getTransaction', { gid, withResult: true });
    expect(kept).toEqual(Buffer.alloc(length, 7));
  });

  it('is absent where Commit carried none', async () => {
    const { client } = await aWorld();
    await client.call('registerBranches', registration());
    await client.call('commit', commit);
    expect((await client.call('getTransaction', { gid, withResult: true })).result).toBeUndefined();
  });
});
