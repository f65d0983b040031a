import { describe, expect, it, jest } from '@jest/globals';
import { Client, credentials, status } from '@grpc/grpc-js';
import {
  Fact,
  PhaseOneStatus,
  type RegisterBranchesRequest,
  TransactionStatus,
} from '@tercet/proto';
import { Coordinator } from '../src/coordinator';
import { MemoryStore } from '../src/store/memory-store';
import { silenceGrpcLog } from '../src/transport/grpc/grpc-log';
import { eventually } from './support/eventually';
import {
  type World,
  branch,
  commit,
  get,
  registration,
  rollback,
  run,
  useWorlds,
  wait,
} from './support/grpc-world';
import { type Health, HealthClient } from './support/health-client';
import { failed } from './support/scripted-caller';

const aWorld = useWorlds();

describe('the Coordinator service', () => {
  it('runs a TCC from registration to settled with nothing but the contracts', async () => {
    const { client, caller } = await aWorld();
    const registered = await client.call('registerBranches', registration());
    expect(registered.status).toBe(TransactionStatus.TRANSACTION_STATUS_TRYING);
    expect(registered.remainingMs).toBeGreaterThan(50_000);
    expect(registered.branches.map((b) => b.branchId)).toEqual(['1']);
    expect(registered.branches[0]?.notAfterUnixMs).toBeGreaterThan(1_700_000_000_000n);
    const decided = await client.call('commit', commit);
    expect(decided.reached).toBeGreaterThanOrEqual(Fact.FACT_EXECUTED);
    expect(decided.pending).toEqual([]);
    const waiting = { ...wait, waitFor: Fact.FACT_SETTLED, waitMs: 10_000 };
    const { transaction } = await client.call('waitTransaction', waiting);
    expect(transaction).toMatchObject({
      status: TransactionStatus.TRANSACTION_STATUS_CONFIRMED,
      reached: Fact.FACT_SETTLED,
      name: 'checkout',
      branches: [{ branchId: '1', phaseOne: PhaseOneStatus.PHASE_ONE_STATUS_DONE, attempts: 1 }],
    });
    expect(caller.calls.map((c) => [...c.payload])).toEqual([[0, 255]]);
  });

  it('answers a commit that waits with the pending branches when the time is up', async () => {
    const { client, caller } = await aWorld();
    caller.always('1', failed('UNAVAILABLE', 'no route'));
    await client.call('registerBranches', registration());
    const answer = await client.call('commit', { ...commit, waitMs: 30 });
    expect(answer.status).toBe(TransactionStatus.TRANSACTION_STATUS_CONFIRMING);
    expect(answer.reached).toBe(Fact.FACT_DECIDED);
    expect(answer.pending).toMatchObject([
      { branchId: '1', lastFailure: { grpcCode: status.UNAVAILABLE, message: 'no route' } },
    ]);
  });

  it('rolls back with reason and outcomes', async () => {
    const { client, caller } = await aWorld();
    await client.call(
      'registerBranches',
      registration({ branches: [branch(), branch({ branchId: '2' })] }),
    );
    await client.call('rollback', {
      gid: 'order-1',
      runId: run,
      reason: 'no stock',
      tries: [
        { branchId: '1', outcome: PhaseOneStatus.PHASE_ONE_STATUS_DONE },
        { branchId: '2', outcome: PhaseOneStatus.PHASE_ONE_STATUS_REFUSED },
      ],
      waitFor: Fact.FACT_SETTLED,
      waitMs: 10_000,
    });
    const { transaction } = await client.call('getTransaction', get);
    expect(transaction).toMatchObject({
      status: TransactionStatus.TRANSACTION_STATUS_CANCELLED,
      reason: 'no stock',
    });
    expect(caller.story).toEqual(['cancel 1', 'cancel 2']);
  });
});

describe('refusals carry a gRPC status, a stable code and details', () => {
  it.each<[string, Partial<RegisterBranchesRequest>, number, string, string]>([
    [
      'a bad gid',
      { gid: 'ä' },
      status.INVALID_ARGUMENT,
      'INVALID_ARGUMENT',
      'gid must be 1 to 128 visible ASCII characters without blanks, got "ä"',
    ],
    [
      'a bad run id',
      { runId: 'X' },
      status.INVALID_ARGUMENT,
      'INVALID_ARGUMENT',
      'run_id must be 32 lowercase hex digits, got "X"',
    ],
    [
      'no branches',
      { branches: [] },
      status.INVALID_ARGUMENT,
      'INVALID_ARGUMENT',
      'branches: register at least one branch',
    ],
    [
      'an unknown enum value',
      { branches: [branch({ mode: 99 as never })] },
      status.INVALID_ARGUMENT,
      'INVALID_ARGUMENT',
      'branches[0].mode: unknown value 99; one of BRANCH_MODE_TCC, BRANCH_MODE_SAGA, BRANCH_MODE_MESSAGE, BRANCH_MODE_XA',
    ],
    [
      'an unbuilt mode',
      { branches: [branch({ mode: 4 })] },
      status.UNIMPLEMENTED,
      'NOT_BUILT_YET',
      'branches[0].mode: mode xa is not built yet',
    ],
    [
      'check-back',
      {
        open: { name: 'n', labels: {}, policy: { onTimeout: 0, phaseTwoOrder: 0, askTarget: 'x' } },
      },
      status.UNIMPLEMENTED,
      'NOT_BUILT_YET',
      'open.policy.ask_target: check-back is not built yet',
    ],
    [
      'an unknown gid without opening',
      { open: undefined },
      status.NOT_FOUND,
      'TRANSACTION_NOT_FOUND',
      'no transaction order-1 is kept',
    ],
  ])('of %s', async (_, over, grpcStatus, code, message) => {
    const { client } = await aWorld();
    const refusal = await client.refusal('registerBranches', registration(over));
    expect(refusal).toMatchObject({ status: grpcStatus, code, message });
  });

  it('of a commit with a wrong list, another run, or after the rollback', async () => {
    const { client } = await aWorld();
    await client.call('registerBranches', registration());
    expect(await client.refusal('commit', { ...commit, branchIds: ['2'] })).toMatchObject({
      status: status.FAILED_PRECONDITION,
      code: 'BRANCHES_MISMATCH',
      message:
        'Commit must list exactly the registered branches; registered but not listed: 1; listed but not registered: 2',
    });
    const stranger = { ...commit, runId: run.replace('0', 'f') };
    expect(await client.refusal('commit', stranger)).toMatchObject({ code: 'WRONG_RUN' });
    await client.call('rollback', { ...rollback, tries: [] });
    expect(await client.refusal('commit', commit)).toMatchObject({
      code: 'WRONG_STATUS',
      details: { gid: 'order-1', status: 'cancelling' },
    });
  });

  it('of a registration by another run, with the status', async () => {
    const { client } = await aWorld();
    await client.call('registerBranches', registration());
    const stranger = registration({ runId: run.replace('0', 'f') });
    expect(await client.refusal('registerBranches', stranger)).toMatchObject({
      status: status.ALREADY_EXISTS,
      code: 'ANOTHER_RUN',
      details: { status: 'trying' },
    });
  });

  it('of a wait without a fact', async () => {
    const { client } = await aWorld();
    expect(
      await client.refusal('waitTransaction', { ...wait, waitFor: 0, waitMs: 1 }),
    ).toMatchObject({
      message: 'wait_for: it must be set; one of FACT_DECIDED, FACT_EXECUTED, FACT_SETTLED',
    });
  });

  it('of a bug: an id for the log instead of the text', async () => {
    const world = await aWorld();
    world.store.load = () => Promise.reject(new Error('secret path /var/x'));
    const refusal = await world.client.refusal('getTransaction', get);
    expect(refusal).toMatchObject({ status: status.INTERNAL, code: 'INTERNAL' });
    expect(refusal.message).not.toContain('secret');
    expect(world.logger.lines.at(-1)?.fields['errorId']).toBe(refusal.details['error_id']);
  });

  it('of garbage bytes: the call fails, the server goes on', async () => {
    const world = await aWorld();
    const raw = new Client(world.address, credentials.createInsecure());
    world.onEnd(() => raw.close());
    const ended = new Promise<number>((resolve) => {
      raw.makeUnaryRequest(
        '/tercet.v1.Coordinator/RegisterBranches',
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x0f]),
        (error) => resolve(error?.code ?? 0),
      );
    });
    expect(await ended).toBe(status.INTERNAL);
    await world.client.call('registerBranches', registration());
  });
});

describe('the Operator service', () => {
  it('lists, describes and shows what is stuck', async () => {
    const { client, caller } = await aWorld();
    caller.always('1', failed('UNIMPLEMENTED', 'unknown method'));
    await client.call('registerBranches', registration());
    await client.call('commit', { ...commit, waitMs: 0 });
    const list = { statuses: [], name: '', gidPrefix: '', cursor: '' };
    expect((await client.call('listTransactions', list)).transactions).toMatchObject([
      { gid: 'order-1', branches: 1 },
    ]);
    const described = await client.call('describeTransaction', { gid: 'order-1' });
    expect(described.transaction?.runId).toBe(run);
    const stuck = await client.call('listStuckBranches', {
      service: 'shop.StockTcc',
      action: '',
      reason: 0,
    });
    expect(stuck).toMatchObject({
      total: 1,
      transactions: 1,
      branches: [{ gid: 'order-1', branch: { attempts: 1, stuckReason: 5 } }],
    });
    const other = await client.call('listStuckBranches', {
      service: 'shop.WalletTcc',
      action: '',
      reason: 0,
    });
    expect(other.total).toBe(0);
  });
});

describe('health', () => {
  const readyz = async (world: World): Promise<number> =>
    (await fetch(`http://127.0.0.1:${world.httpPort}/readyz`)).status;

  /** A check of the whole server and of each service. */
  function checks(world: World): () => Promise<Health[]> {
    const health = new HealthClient(world.address);
    world.onEnd(() => health.close());
    const names = ['', 'tercet.v1.Coordinator', 'tercet.v1.Operator'];
    return () => Promise.all(names.map((name) => health.check(name)));
  }

  const all = (health: Health): Health[] => [health, health, health];

  it('is served over gRPC and HTTP, and follows the store', async () => {
    const world = await aWorld();
    const check = checks(world);
    expect(await check()).toEqual(all('SERVING'));
    expect(await readyz(world)).toBe(200);
    world.store.failNext('unavailable', { applied: false });
    expect(await world.client.refusal('registerBranches', registration())).toMatchObject({
      status: status.UNAVAILABLE,
      code: 'STORE_UNAVAILABLE',
      message: 'the store takes no new work: scripted fault: unavailable',
    });
    const back = world.store.holdNext(); // holds the probe that finds the store well again
    expect(await check()).toEqual(all('NOT_SERVING'));
    expect(await readyz(world)).toBe(503);
    back();
    await eventually(async () => expect(await check()).toEqual(all('SERVING')));
    expect(await readyz(world)).toBe(200);
    await world.client.call('registerBranches', registration());
  });

  it('knows no other service', async () => {
    const world = await aWorld();
    const health = new HealthClient(world.address);
    world.onEnd(() => health.close());
    await expect(health.check('tercet.v1.Other')).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it('is not served any more while the coordinator stops', async () => {
    const world = await aWorld();
    const check = checks(world);
    expect(await check()).toEqual(all('SERVING'));
    const write = jest.spyOn(world.store, 'write');
    const release = world.store.holdNext();
    const registering = world.client.call('registerBranches', registration());
    // The registration waits in the store, and the stop for the registration.
    await eventually(() => expect(write).toHaveBeenCalled());
    const stopping = world.coordinator.stop();
    for (const health of await check()) expect(['NOT_SERVING', 'UNREACHABLE']).toContain(health);
    release();
    await registering;
    await stopping;
    expect(await check()).toEqual(all('UNREACHABLE'));
  });

  it('answers unknown paths with 404', async () => {
    const world = await aWorld();
    expect((await fetch(`http://127.0.0.1:${world.httpPort}/nothing`)).status).toBe(404);
  });
});

describe('start and stop', () => {
  it('says which address is in use', async () => {
    silenceGrpcLog();
    const world = await aWorld();
    const second = new Coordinator({
      config: { grpcAddress: world.address, httpAddress: 'off', store: 'memory' },
      store: new MemoryStore(),
    });
    await expect(second.start()).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${world.address}: the address is in use`,
    });
  });

  it('stops twice without harm, with a wait still open', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    const waiting = world.client.call('waitTransaction', { ...wait, waitMs: 60_000 });
    const settled = waiting.then(
      () => 'answered',
      () => 'failed',
    );
    await world.client.call('getTransaction', get);
    await world.coordinator.stop();
    await world.coordinator.stop();
    expect(await settled).toBe('answered');
    expect(world.caller.closed).toBe(true);
  });
});
