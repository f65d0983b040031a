/** What becomes of each field of each request: mapped, defaulted or refused by name. All over real gRPC. */
import { describe, expect, it, jest } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { Gid, GlobalTransaction } from '@tercet/core';
import {
  type Branch,
  BranchDriver,
  BranchMode,
  Dialect,
  Fact,
  PhaseOneStatus,
} from '@tercet/proto';
import { type CoordinatorClient, refusalOf } from './support/coordinator-client';
import {
  type EnumField,
  type Send,
  casesOf,
  isRefused,
  isUnbuilt,
  namesOf,
  open,
  openWith,
  register,
} from './support/enum-fields';
import { eventually } from './support/eventually';
import {
  type World,
  allBranches,
  branch,
  commit,
  get,
  gid,
  list,
  registration,
  resolve,
  rollback,
  run,
  stuck,
  useWorlds,
  wait,
} from './support/grpc-world';
import { failed, ok } from './support/scripted-caller';

const aWorld = useWorlds();
const trace = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'shop=42',
};
const done = PhaseOneStatus.PHASE_ONE_STATUS_DONE;
const megabyteAndOne = Buffer.alloc(1_048_577);

/** A world whose participants do not answer, with the transaction open. */
async function anOpenWorld(): Promise<World> {
  const world = await aWorld();
  world.caller.always('1', 'hold');
  await world.client.call('registerBranches', registration());
  return world;
}

function stored(world: World): Promise<GlobalTransaction | undefined> {
  return world.store.load(gid as Gid);
}

async function aWorldFor(row: EnumField): Promise<World> {
  return row.opened === true ? await anOpenWorld() : await aWorld();
}

describe('enums', () => {
  const accepted = casesOf((row, value) => !isUnbuilt(row, value) && !isRefused(row, value));
  const refused = casesOf(isRefused);

  it.each(accepted)('%s: %i is accepted', async (_title, value, row) => {
    const world = await aWorldFor(row);
    await row.send(world.client, value as never);
  });

  it.each(casesOf(isUnbuilt))('%s: %i is not built', async (_title, value, row) => {
    const world = await aWorldFor(row);
    const refusal = await refusalOf(row.send(world.client, value as never));
    expect(refusal).toMatchObject({
      status: status.UNIMPLEMENTED,
      code: 'NOT_BUILT_YET',
      details: { field: row.field },
    });
    expect(await stored(world)).toBeUndefined();
  });

  it.each(refused)('%s: %i is refused by name', async (_title, value, row) => {
    const world = await aWorldFor(row);
    const before = await stored(world);
    const what = value === 0 ? 'it must be set' : `unknown value ${value}`;
    expect(await refusalOf(row.send(world.client, value as never))).toMatchObject({
      status: status.INVALID_ARGUMENT,
      code: 'INVALID_ARGUMENT',
      message: `${row.field}: ${what}; one of ${namesOf(row)}`,
      details: { field: row.field },
    });
    expect(await stored(world)).toEqual(before);
  });
});

const invalid = { status: status.INVALID_ARGUMENT, code: 'INVALID_ARGUMENT' };
const unbuilt = { status: status.UNIMPLEMENTED, code: 'NOT_BUILT_YET' };
const labels = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v']));
const commitOf =
  (over: object): Send =>
  (client) =>
    client.call('commit', { ...commit, waitMs: 0, ...over });
const rollbackOf =
  (over: object): Send =>
  (client) =>
    client.call('rollback', { ...rollback, ...over });
const triesOf = (...ids: string[]): Send =>
  rollbackOf({ tries: ids.map((branchId) => ({ branchId, outcome: done })) });
const retryOf =
  (over: object): Send =>
  (client) =>
    client.call('retryBranches', { ...allBranches, ...over });
const resumeOf =
  (over: object): Send =>
  (client) =>
    client.call('resumeBranches', { ...allBranches, ...over });
const resolveOf =
  (over: object): Send =>
  (client) =>
    client.call('resolveBranch', { ...resolve, ...over });
const manyIds = Array.from({ length: 257 }, (_, i) => String(i + 1));
const tooDeep = '1.1.1.1.1.1.1.1.1';
const listOf =
  (over: object): Send =>
  (client) =>
    client.call('listTransactions', { ...list, ...over });
const stuckOf =
  (over: object): Send =>
  (client) =>
    client.call('listStuckBranches', { ...stuck, ...over });
const secondBranch =
  (over: Partial<Branch>): Send =>
  (client) =>
    client.call(
      'registerBranches',
      registration({ branches: [branch(), branch({ branchId: '2', ...over })] }),
    );

describe('fields that cannot be right', () => {
  it.each<[rpc: string, field: string, send: Send]>([
    [
      'RegisterBranches',
      'gid',
      (client) => client.call('registerBranches', registration({ gid: '' })),
    ],
    [
      'RegisterBranches',
      'run_id',
      (client) => client.call('registerBranches', registration({ runId: '' })),
    ],
    [
      'RegisterBranches',
      'branches',
      (client) => client.call('registerBranches', registration({ branches: [] })),
    ],
    ['RegisterBranches', 'open.name', open({ name: 'check out' })],
    ['RegisterBranches', 'open.timeout_ms', open({ timeoutMs: 0 })],
    ['RegisterBranches', 'open.labels', open({ labels })],
    [
      'RegisterBranches',
      'open.trace_context.traceparent',
      open({ traceContext: { ...trace, traceparent: '' } }),
    ],
    [
      'RegisterBranches',
      'open.trace_context.tracestate',
      open({ traceContext: { ...trace, tracestate: 'ä' } }),
    ],
    ['RegisterBranches', 'branches[1].branch_id', secondBranch({ branchId: '01' })],
    ['RegisterBranches', 'branches[1].mode', secondBranch({ mode: 99 as never })],
    ['RegisterBranches', 'branches[1].action', secondBranch({ action: '' })],
    ['RegisterBranches', 'branches[0].target', register({ target: '' })],
    ['RegisterBranches', 'branches[0].forward_method', register({ forwardMethod: 'Try' })],
    ['RegisterBranches', 'branches[0].confirm_method', register({ confirmMethod: 'Confirm' })],
    ['RegisterBranches', 'branches[0].cancel_method', register({ cancelMethod: 'Cancel' })],
    ['RegisterBranches', 'branches[0].payload', register({ payload: megabyteAndOne })],
    [
      'RegisterBranches',
      'branches[0].confirm_payload',
      register({ confirmPayload: megabyteAndOne }),
    ],
    ['RegisterBranches', 'branches[0].cancel_payload', register({ cancelPayload: megabyteAndOne })],
    ['RegisterBranches', 'branches[0].forward_deadline_ms', register({ forwardDeadlineMs: 0 })],
    ['RegisterBranches', 'branches[0].confirm_deadline_ms', register({ confirmDeadlineMs: 0 })],
    ['RegisterBranches', 'branches[0].cancel_deadline_ms', register({ cancelDeadlineMs: 0 })],
    [
      'RegisterBranches',
      'branches[0].retry.first_delay_ms',
      register({ retry: { firstDelayMs: 0 } }),
    ],
    ['RegisterBranches', 'branches[0].retry.max_delay_ms', register({ retry: { maxDelayMs: 0 } })],
    ['RegisterBranches', 'branches[0].stuck_after_ms', register({ stuckAfterMs: 0 })],
    ['RegisterBranches', 'branches[0].stuck_attempts', register({ stuckAttempts: 0 })],
    ['RegisterBranches', 'branches[0].stuck_attempts', register({ stuckAttempts: 1_001 })],
    ['RegisterBranches', 'branches[1].branch_id', secondBranch({ branchId: tooDeep })],
    ['Commit', 'gid', commitOf({ gid: '' })],
    ['Commit', 'run_id', commitOf({ runId: '' })],
    ['Commit', 'branch_ids[1]', commitOf({ branchIds: ['1', 'x'] })],
    ['Commit', 'branch_ids[1]', commitOf({ branchIds: ['1', tooDeep] })],
    ['Commit', 'result', commitOf({ result: Buffer.alloc(65_537) })],
    ['Commit', 'wait_ms', commitOf({ waitMs: 60_001 })],
    ['Rollback', 'gid', rollbackOf({ gid: '' })],
    ['Rollback', 'run_id', rollbackOf({ runId: '' })],
    ['Rollback', 'tries[1].branch_id', triesOf('1', 'x')],
    ['Rollback', 'tries[1].branch_id', triesOf('1', tooDeep)],
    ['Rollback', 'wait_ms', rollbackOf({ waitMs: 60_001 })],
    ['GetTransaction', 'gid', (client) => client.call('getTransaction', { ...get, gid: '' })],
    ['WaitTransaction', 'gid', (client) => client.call('waitTransaction', { ...wait, gid: '' })],
    [
      'WaitTransaction',
      'wait_ms',
      (client) => client.call('waitTransaction', { ...wait, waitMs: 60_001 }),
    ],
    ['ListTransactions', 'limit', listOf({ limit: 0 })],
    ['ListTransactions', 'limit', listOf({ limit: 1_001 })],
    ['ListTransactions', 'cursor', listOf({ cursor: 'x' })],
    ['DescribeTransaction', 'gid', (client) => client.call('describeTransaction', { gid: '' })],
    ['ListStuckBranches', 'limit', stuckOf({ limit: 0 })],
    ['ListStuckBranches', 'limit', stuckOf({ limit: 1_001 })],
    ['RetryBranches', 'gid', retryOf({ gid: '' })],
    ['RetryBranches', 'branch_ids[1]', retryOf({ branchIds: ['1', 'x'] })],
    ['RetryBranches', 'branch_ids', retryOf({ branchIds: manyIds })],
    ['ResumeBranches', 'gid', resumeOf({ gid: '' })],
    ['ResumeBranches', 'branch_ids[1]', resumeOf({ branchIds: ['1', 'x'] })],
    ['ResumeBranches', 'branch_ids', resumeOf({ branchIds: manyIds })],
    ['ResolveBranch', 'gid', resolveOf({ gid: '' })],
    ['ResolveBranch', 'branch_id', resolveOf({ branchId: '' })],
    ['ResolveBranch', 'reason', resolveOf({ reason: ' ' })],
    ['ResolveBranch', 'reason', resolveOf({ reason: 'x'.repeat(1_025) })],
    ['ResolveBranch', 'by', resolveOf({ by: '' })],
    ['ResolveBranch', 'by', resolveOf({ by: 'x'.repeat(129) })],
  ])('%s.%s is refused by name', async (rpc, field, send) => {
    const opened = rpc !== 'RegisterBranches';
    const world = opened ? await anOpenWorld() : await aWorld();
    const before = await stored(world);
    const refusal = await refusalOf(send(world.client));
    expect(refusal).toMatchObject({ ...invalid, details: { field } });
    expect(refusal.message.startsWith(field)).toBe(true);
    expect(await stored(world)).toEqual(before);
  });

  it.each<[rpc: string, field: string, what: string, send: Send]>([
    ['RegisterBranches', 'open.policy.ask_target', 'check-back', openWith(0, 0, '127.0.0.1:1')],
    // Before its ids are looked at: mending them would not help.
    [
      'RegisterBranches',
      'branches[1].after',
      'an order between branches',
      secondBranch({ after: ['x'] }),
    ],
    [
      'RegisterBranches',
      'branches[0].after',
      'an order between branches',
      register({ after: ['2'] }),
    ],
  ])('%s.%s: %s is not built', async (_rpc, field, what, send) => {
    const world = await aWorld();
    expect(await refusalOf(send(world.client))).toMatchObject({
      ...unbuilt,
      message: `${field}: ${what} is not built yet`,
      details: { field },
    });
    expect(await stored(world)).toBeUndefined();
  });
});

describe('a registration', () => {
  const spec = {
    action: 'reserve',
    mode: 'tcc',
    driver: 'initiator',
    dialect: 'tercet',
    target: '127.0.0.1:1',
    methods: {
      forward: '/shop.StockTcc/ReserveTry',
      confirm: '/shop.StockTcc/ReserveConfirm',
      cancel: '/shop.StockTcc/ReserveCancel',
    },
    after: [],
  };

  it('is kept as it was sent', async () => {
    const world = await aWorld();
    const sent = branch({
      mode: BranchMode.BRANCH_MODE_TCC,
      driver: BranchDriver.BRANCH_DRIVER_INITIATOR,
      dialect: Dialect.DIALECT_TERCET,
      confirmPayload: Buffer.from([1]),
      cancelPayload: Buffer.from([2]),
      forwardDeadlineMs: 1_001,
      confirmDeadlineMs: 1_002,
      cancelDeadlineMs: 1_003,
      retry: { firstDelayMs: 11, maxDelayMs: 12 },
      stuckAfterMs: 13,
      stuckAttempts: 14,
      parkPermanentErrors: true,
      barrier: true,
    });
    const opening = {
      name: 'checkout',
      timeoutMs: 30_000,
      labels: { order: '7' },
      traceContext: trace,
    };
    await world.client.call('registerBranches', registration({ open: opening, branches: [sent] }));
    const tx = await stored(world);
    expect(tx).toMatchObject({ gid, runId: run, name: 'checkout', labels: { order: '7' }, trace });
    expect((tx?.deadlineAt ?? 0) - (tx?.openedAt ?? 0)).toBe(30_000);
    expect(tx?.branches[0]?.spec).toEqual({
      ...spec,
      id: '1',
      payload: Buffer.from([0, 255]),
      confirmPayload: Buffer.from([1]),
      cancelPayload: Buffer.from([2]),
      deadlines: { forwardMs: 1_001, confirmMs: 1_002, cancelMs: 1_003 },
      retry: { firstDelayMs: 11, maxDelayMs: 12 },
      stuckAfterMs: 13,
      stuckAttempts: 14,
      parkPermanentErrors: true,
      barrier: true,
    });
    expect((tx?.branches[0]?.notAfter ?? 0) - (tx?.openedAt ?? 0)).toBe(1_001);
  });

  it('gets the defaults of the contract for what it leaves out', async () => {
    const world = await aWorld();
    const branches = [branch(), branch({ branchId: '2', retry: {} })];
    await world.client.call('registerBranches', registration({ branches }));
    const tx = await stored(world);
    expect(tx).toMatchObject({ policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' }, labels: {} });
    expect(tx?.trace).toBeUndefined();
    expect((tx?.deadlineAt ?? 0) - (tx?.openedAt ?? 0)).toBe(60_000);
    expect(tx?.branches.map((b) => b.spec)).toEqual(
      ['1', '2'].map((id) => ({
        ...spec,
        id,
        payload: Buffer.from([0, 255]),
        deadlines: { forwardMs: 5_000, confirmMs: 5_000, cancelMs: 5_000 },
        retry: { firstDelayMs: 200, maxDelayMs: 60_000 },
        stuckAfterMs: 300_000,
        stuckAttempts: 5,
        parkPermanentErrors: false,
        barrier: false,
      })),
    );
  });

  it('opens the transaction only with an opening', async () => {
    const { client } = await aWorld();
    const more = registration({ open: undefined, branches: [branch({ branchId: '2' })] });
    expect(await client.refusal('registerBranches', more)).toMatchObject({
      status: status.NOT_FOUND,
    });
    await client.call('registerBranches', registration());
    const { branches } = await client.call('registerBranches', more);
    expect(branches.map(({ branchId }) => branchId)).toEqual(['2']);
  });
});

describe('what a participant is called with', () => {
  const both = registration({
    open: { name: 'checkout', labels: {}, traceContext: trace },
    branches: [
      branch({
        confirmDeadlineMs: 1_001,
        cancelDeadlineMs: 1_002,
        confirmPayload: Buffer.from([1]),
        cancelPayload: Buffer.from([2]),
      }),
      branch({ branchId: '2' }),
    ],
  });
  const called = (world: World): unknown[] =>
    world.caller.calls.map(({ method, payload, deadlineMs, context }) => {
      return [context.branchId, method, [...payload], deadlineMs];
    });

  it('is what was registered for confirm', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', both);
    await world.client.call('commit', { ...commit, branchIds: ['1', '2'] });
    expect(called(world)).toEqual([
      ['1', '/shop.StockTcc/ReserveConfirm', [1], 1_001],
      ['2', '/shop.StockTcc/ReserveConfirm', [0, 255], 5_000],
    ]);
    expect(world.caller.calls.map(({ context }) => context.trace)).toEqual([trace, trace]);
  });

  it('is what was registered for cancel', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', both);
    const tries = ['1', '2'].map((branchId) => ({ branchId, outcome: done }));
    const waitFor = Fact.FACT_EXECUTED;
    await world.client.call('rollback', { ...rollback, tries, waitFor, waitMs: 10_000 });
    expect(called(world)).toEqual([
      ['1', '/shop.StockTcc/ReserveCancel', [2], 1_002],
      ['2', '/shop.StockTcc/ReserveCancel', [0, 255], 5_000],
    ]);
    expect(world.caller.calls.map(({ context }) => context.trace)).toEqual([trace, trace]);
  });

  it('carries the trace that GetTransaction shows', async () => {
    const { client } = await aWorld();
    await client.call('registerBranches', both);
    const { transaction } = await client.call('getTransaction', get);
    expect(transaction?.traceContext).toEqual(trace);
  });
});

describe('a decision', () => {
  it.each([
    ['not sent', PhaseOneStatus.PHASE_ONE_STATUS_NONE],
    ['done', PhaseOneStatus.PHASE_ONE_STATUS_DONE],
    ['refused', PhaseOneStatus.PHASE_ONE_STATUS_REFUSED],
    ['unknown', PhaseOneStatus.PHASE_ONE_STATUS_UNKNOWN],
  ])('keeps that a Try was %s', async (_, outcome) => {
    const world = await anOpenWorld();
    const tries = [{ branchId: '1', outcome }];
    await world.client.call('rollback', { ...rollback, reason: 'no stock', tries });
    const { transaction } = await world.client.call('getTransaction', get);
    expect(transaction).toMatchObject({ reason: 'no stock', branches: [{ phaseOne: outcome }] });
    expect((await stored(world))?.branches[0]?.tryTold).toBe(true);
  });

  type Decide = (client: CoordinatorClient, waitFor: Fact) => Promise<{ readonly reached: Fact }>;
  const decisions: [rpc: string, decide: Decide][] = [
    ['Commit', (client, waitFor) => client.call('commit', { ...commit, waitFor })],
    [
      'Rollback',
      (client, waitFor) => client.call('rollback', { ...rollback, waitFor, waitMs: 10_000 }),
    ],
  ];

  it.each(decisions)('%s waits for no participant unless asked', async (_, decide) => {
    const { client } = await anOpenWorld();
    for (const waitFor of [Fact.FACT_UNSPECIFIED, Fact.FACT_DECIDED]) {
      expect(await decide(client, waitFor)).toMatchObject({ reached: Fact.FACT_DECIDED });
    }
  });

  it.each(decisions)(
    '%s waits until it is executed, not until it is settled',
    async (_, decide) => {
      const world = await anOpenWorld();
      const answer = decide(world.client, Fact.FACT_EXECUTED);
      await eventually(() => expect(world.caller.held).toHaveLength(1));
      const release = world.store.holdNext();
      world.caller.held[0]?.reply(ok);
      expect(await answer).toMatchObject({ reached: Fact.FACT_EXECUTED });
      release();
    },
  );

  it.each(decisions)('%s waits until it is settled', async (_, decide) => {
    const world = await anOpenWorld();
    const answer = decide(world.client, Fact.FACT_SETTLED);
    await eventually(() => expect(world.caller.held).toHaveLength(1));
    world.caller.held[0]?.reply(ok);
    expect(await answer).toMatchObject({ reached: Fact.FACT_SETTLED });
  });
});

describe('a caller’s deadline', () => {
  it('drops a registration that nobody waits for any more, before it is written', async () => {
    const world = await aWorld();
    const { client, store } = world;
    const write = jest.spyOn(store, 'write');
    const release = store.holdNext();
    const first = client.call('registerBranches', registration({ gid: 'first' }));
    await eventually(() => expect(write).toHaveBeenCalledTimes(1));
    const late = client.refusal('registerBranches', registration(), 10_000);
    const patient = client.call('registerBranches', registration({ gid: 'patient' }), 50_000);
    // All of them were sent on one connection before this call, which is answered while they wait.
    await client.refusal('getTransaction', get);
    world.clock.shiftMs = 20_000;
    release();
    expect(await late).toMatchObject({
      status: status.DEADLINE_EXCEEDED,
      code: 'DEADLINE_EXCEEDED',
    });
    await Promise.all([first, patient]);
    expect(await stored(world)).toBeUndefined();
    expect(await store.load('patient' as Gid)).toBeDefined();
  });

  it('never drops a decision: who gave it up finds it made', async () => {
    const world = await anOpenWorld();
    const { client, store } = world;
    const write = jest.spyOn(store, 'write');
    const release = store.holdNext();
    const first = client.call('registerBranches', registration({ gid: 'first' }));
    await eventually(() => expect(write).toHaveBeenCalledTimes(1));
    const late = client.call('commit', { ...commit, waitMs: 0 }, 10_000);
    await client.call('getTransaction', get);
    world.clock.shiftMs = 20_000;
    release();
    await Promise.all([first, late]);
    expect(await stored(world)).toMatchObject({ status: 'confirming', cause: { kind: 'commit' } });
  });
});

describe('ListTransactions', () => {
  const gidsOf = async (world: World, over: object): Promise<string[]> => {
    const { transactions } = await world.client.call('listTransactions', { ...list, ...over });
    return transactions.map((row) => row.gid).sort();
  };

  /** One transaction of each status, named after it; participants of branch 2 do not answer. */
  async function oneOfEach(): Promise<World> {
    const world = await aWorld();
    world.caller.always('2', 'hold');
    const opened = async (name: string, branchId: string): Promise<void> => {
      const opening = { name, labels: {} };
      const branches = [branch({ branchId })];
      await world.client.call('registerBranches', {
        gid: name,
        runId: run,
        open: opening,
        branches,
      });
    };
    const settled = { waitFor: Fact.FACT_SETTLED, waitMs: 10_000 };
    const tries = (branchId: string) => [{ branchId, outcome: done }];
    await opened('trying', '1');
    await opened('confirming', '2');
    await world.client.call('commit', {
      ...commit,
      gid: 'confirming',
      branchIds: ['2'],
      waitMs: 0,
    });
    await opened('confirmed', '1');
    await world.client.call('commit', { ...commit, ...settled, gid: 'confirmed' });
    await opened('cancelling', '2');
    await world.client.call('rollback', { ...rollback, gid: 'cancelling', tries: tries('2') });
    await opened('cancelled', '1');
    await world.client.call('rollback', { ...rollback, ...settled, gid: 'cancelled' });
    return world;
  }

  it('filters by status, name and the beginning of the gid', async () => {
    const world = await oneOfEach();
    const names = ['trying', 'confirming', 'confirmed', 'cancelling', 'cancelled'];
    for (const [i, name] of names.entries()) {
      expect(await gidsOf(world, { statuses: [i + 1] })).toEqual([name]);
      expect(await gidsOf(world, { name })).toEqual([name]);
    }
    expect(await gidsOf(world, { statuses: [1, 5] })).toEqual(['cancelled', 'trying']);
    expect(await gidsOf(world, { gidPrefix: 'conf' })).toEqual(['confirmed', 'confirming']);
    expect(await gidsOf(world, {})).toEqual([...names].sort());
  });

  it('gives 50 rows, or as many as asked for, and goes on at the cursor', async () => {
    const world = await aWorld();
    const gids = Array.from({ length: 51 }, (_, i) => `order-${i}`);
    await Promise.all(
      gids.map((each) => world.client.call('registerBranches', registration({ gid: each }))),
    );
    const first = await world.client.call('listTransactions', list);
    expect(first.transactions).toHaveLength(50);
    const rest = await gidsOf(world, { cursor: first.nextCursor });
    expect([...first.transactions.map((row) => row.gid), ...rest].sort()).toEqual(gids.sort());
    expect(await gidsOf(world, { limit: 1 })).toHaveLength(1);
    expect(await gidsOf(world, { limit: 1_000 })).toHaveLength(51);
  });
});

describe('ListStuckBranches', () => {
  const ids = Array.from({ length: 101 }, (_, i) => String(i + 1));

  async function aStuckWorld(): Promise<World> {
    const world = await aWorld();
    for (const id of ids) world.caller.always(id, failed('UNIMPLEMENTED', 'unknown method'));
    const branches = ids.map((branchId) =>
      branch({ branchId, action: branchId === '1' ? 'reserve' : 'pack' }),
    );
    await world.client.call('registerBranches', registration({ branches }));
    await world.client.call('commit', { ...commit, branchIds: ids, waitMs: 0 });
    const all = (): Promise<unknown> => world.client.call('listStuckBranches', stuck);
    await eventually(async () => expect(await all()).toMatchObject({ total: 101 }));
    return world;
  }

  it('filters by service, action and reason', async () => {
    const { client } = await aStuckWorld();
    const total = async (over: object): Promise<number> =>
      (await client.call('listStuckBranches', { ...stuck, ...over })).total;
    expect(await total({ service: 'shop.StockTcc' })).toBe(101);
    expect(await total({ service: 'shop.WalletTcc' })).toBe(0);
    expect(await total({ action: 'reserve' })).toBe(1);
    for (const reason of [1, 2, 3, 4, 5, 6, 7, 8]) {
      expect(await total({ reason })).toBe(reason === 5 ? 101 : 0);
    }
  });

  it('gives 100 rows, or as many as asked for', async () => {
    const { client } = await aStuckWorld();
    const rows = async (over: object): Promise<number> =>
      (await client.call('listStuckBranches', { ...stuck, ...over })).branches.length;
    expect(await rows({})).toBe(100);
    expect(await rows({ limit: 1 })).toBe(1);
    expect(await rows({ limit: 1_000 })).toBe(101);
  });
});
