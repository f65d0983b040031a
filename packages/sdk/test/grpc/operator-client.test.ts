import { afterEach, describe, expect, it } from '@jest/globals';
import { Metadata, status } from '@grpc/grpc-js';
import {
  ErrorInfo,
  type ListStuckBranchesRequest,
  type ListTransactionsRequest,
  OperatorService,
  type ResolveBranchRequest,
  type RetryBranchesRequest,
} from '@tercet/proto';
import { type OperatorClient, createOperatorClient } from '@tercet/sdk/operator';
import { type Peer, startPeer } from '../support/grpc-peer';
import { aWireBranch, aWireTransaction } from '../support/wire';

/** grpc.health.v1 as a foreign server offers it. */
const HealthService = {
  check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
} as const;

let peer: Peer | undefined;
let client: OperatorClient | undefined;
let health = Buffer.alloc(0);
let sent = aWireTransaction();
const listed: ListTransactionsRequest[] = [];
const stuck: ListStuckBranchesRequest[] = [];
/** What the verbs were asked. */
const verbs: [verb: string, request: RetryBranchesRequest | ResolveBranchRequest][] = [];
/** How the next calls of a verb are refused, one each. */
const refusals: object[] = [];

/** A verb as a coordinator answers it, once the scripted refusals are used up. */
function verb(name: string, answer: object) {
  return (
    call: { request: RetryBranchesRequest | ResolveBranchRequest },
    callback: Reply,
  ): void => {
    verbs.push([name, call.request]);
    const refusal = refusals.shift();
    if (refusal !== undefined) callback(refusal);
    else callback(null, { transaction: aWireTransaction(), ...answer });
  };
}

/** An error as a coordinator sends it. */
function refusal(code: string, grpcStatus: status): object {
  const metadata = new Metadata();
  const info = { code, retryable: false, hint: '', details: {} };
  metadata.set('tercet-error-bin', Buffer.from(ErrorInfo.encode(info).finish()));
  return { code: grpcStatus, details: `says ${code}`, metadata };
}

async function connected(): Promise<OperatorClient> {
  peer = await startPeer((server) => {
    server.addService(OperatorService, {
      listTransactions: (call: { request: ListTransactionsRequest }, callback: Reply) => {
        listed.push(call.request);
        const { policy, branches, traceContext, ...row } = aWireTransaction();
        callback(null, {
          transactions: [{ ...row, branches: branches.length }],
          nextCursor: 'next',
        });
      },
      describeTransaction: (call: { request: { gid: string } }, callback: Reply) => {
        if (call.request.gid === 'order-1') return callback(null, { transaction: sent });
        callback(refusal('TRANSACTION_NOT_FOUND', status.NOT_FOUND));
      },
      listStuckBranches: (call: { request: ListStuckBranchesRequest }, callback: Reply) => {
        stuck.push(call.request);
        const row = { gid: 'order-1', name: 'checkout', status: 2, decidedUnixMs: 5n };
        const branches = [{ ...row, branch: aWireBranch() }];
        callback(null, { branches, total: 3, transactions: 2, nowUnixMs: 99n });
      },
      retryBranches: verb('retry', { changedBranchIds: ['1', '1.2'] }),
      resumeBranches: verb('resume', { changedBranchIds: [] }),
      resolveBranch: verb('resolve', { recorded: true }),
    });
    server.addService(HealthService, {
      check: (_call: unknown, callback: Reply) => callback(null, health),
    });
  });
  client = createOperatorClient({ address: peer.address });
  return client;
}

type Reply = (error: object | null, reply?: unknown) => void;
/** The client as plain JavaScript sees it. */
type Untyped = Readonly<
  Record<
    'list' | 'stuck' | 'retry' | 'resume' | 'resolve',
    (...given: unknown[]) => Promise<unknown>
  >
>;

afterEach(async () => {
  client?.close();
  await peer?.stop();
  verbs.length = 0;
  refusals.length = 0;
  sent = aWireTransaction();
});

describe('the operator client', () => {
  it('lists transactions as plain rows', async () => {
    const operator = await connected();
    const filter = {
      statuses: ['confirming'],
      name: 'checkout',
      gidPrefix: 'o',
      limit: 7,
      cursor: 'c',
    } as const;
    expect(await operator.list(filter)).toEqual({
      transactions: [
        {
          gid: 'order-1',
          runId: 'a'.repeat(32),
          name: 'checkout',
          status: 'cancelling',
          branches: 1,
          openedAt: 1_700_000_000_000,
          decidedAt: 1_700_000_001_000,
          finishedAt: undefined,
          cause: 'timeout',
        },
      ],
      nextCursor: 'next',
    });
    await operator.list();
    expect(listed).toMatchObject([
      { statuses: [2], name: 'checkout', gidPrefix: 'o', limit: 7, cursor: 'c' },
      { statuses: [], name: '', gidPrefix: '', limit: undefined, cursor: '' },
    ]);
  });

  it('gets a transaction, and rejects with the coordinator’s error', async () => {
    const operator = await connected();
    expect(await operator.get('order-1')).toMatchObject({
      gid: 'order-1',
      branches: [{ branch: '1' }],
    });
    await expect(operator.get('order-2')).rejects.toMatchObject({ code: 'TRANSACTION_NOT_FOUND' });
    await expect(operator.get('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('lists stuck branches with counts and the coordinator’s clock', async () => {
    const operator = await connected();
    expect(
      await operator.stuck({ service: 's', action: 'a', reason: 'parked', limit: 1 }),
    ).toMatchObject({
      branches: [
        {
          gid: 'order-1',
          name: 'checkout',
          status: 'confirming',
          decidedAt: 5,
          branch: { branch: '1', stuckReason: 'unreachable', lastFailure: { grpcCode: 14 } },
        },
      ],
      total: 3,
      transactions: 2,
      now: 99,
    });
    await operator.stuck();
    expect(stuck).toMatchObject([
      { service: 's', action: 'a', reason: 8, limit: 1 },
      { service: '', action: '', reason: 0, limit: undefined },
    ]);
  });

  it('has branches retried and resumed: those named, or all', async () => {
    const operator = await connected();
    expect(await operator.retry('order-1', { branches: ['1', '1.2'] })).toMatchObject({
      transaction: { gid: 'order-1', branches: [{ branch: '1' }] },
      changed: ['1', '1.2'],
    });
    expect(await operator.resume('order-1')).toMatchObject({ changed: [] });
    await operator.retry('order-1', {});
    expect(verbs).toEqual([
      ['retry', { gid: 'order-1', branchIds: ['1', '1.2'] }],
      ['resume', { gid: 'order-1', branchIds: [] }],
      ['retry', { gid: 'order-1', branchIds: [] }],
    ]);
  });

  it('resolves a branch', async () => {
    const operator = await connected();
    const verdict = { as: 'cancelled', reason: 'by hand', by: 'ann@ops' } as const;
    expect(await operator.resolve('order-1', '1', verdict)).toMatchObject({
      transaction: { gid: 'order-1' },
      recorded: true,
    });
    expect(verbs).toEqual([
      ['resolve', { gid: 'order-1', branchId: '1', as: 3, reason: 'by hand', by: 'ann@ops' }],
    ]);
  });

  it('refuses ids that cannot be, before anything is sent', async () => {
    const operator = await connected();
    const verdict = { as: 'confirmed', reason: 'r', by: 'b' } as const;
    const invalid = { code: 'INVALID_ARGUMENT' };
    await expect(operator.retry('')).rejects.toMatchObject(invalid);
    await expect(operator.resume('order-1', { branches: ['x'] })).rejects.toMatchObject(invalid);
    await expect(operator.resolve('order-1', '01', verdict)).rejects.toMatchObject(invalid);
    expect(verbs).toEqual([]);
  });

  it('refuses options that do not exist, before anything is sent', async () => {
    const create = createOperatorClient as (options: unknown) => unknown;
    expect(() => create({ adress: 'a:1' })).toThrow(
      'createOperatorClient: unknown adress (did you mean address?); known are address, timeout, tls',
    );
    expect(() => create('127.0.0.1:8420')).toThrow(
      'createOperatorClient must be given an object of options, got a string',
    );
    const operator = (await connected()) as unknown as Untyped;
    const verdict = { as: 'confirmed', reason: 'r', by: 'b' };
    const rows = listed.length + stuck.length;
    const wrong: readonly [() => Promise<unknown>, string][] = [
      [() => operator.list({ status: ['confirming'] }), 'list: unknown status (did you mean'],
      [() => operator.list({ gidprefix: 'o' }), 'unknown gidprefix (did you mean gidPrefix?)'],
      [
        () => operator.stuck({ name: 'checkout' }),
        'stuck: unknown name; known are service, action',
      ],
      [() => operator.retry('order-1', { branch: '1' }), 'retry: unknown branch (did you mean'],
      [() => operator.resume('order-1', ['1']), 'resume: unknown 0; known are branches'],
      [
        () => operator.resume('order-1', '1'),
        'resume must be given an object of options, got a str',
      ],
      [
        () => operator.resolve('order-1', '1', { ...verdict, who: 'ann' }),
        'resolve: unknown who; known are as, reason, by',
      ],
      [
        () => operator.resolve('order-1', '1'),
        'resolve must be given an object of options, got undefined',
      ],
    ];
    for (const [call, message] of wrong) {
      await expect(call()).rejects.toMatchObject({
        name: 'ConfigError',
        message: expect.stringContaining(message) as unknown,
      });
    }
    expect([verbs.length, listed.length + stuck.length]).toEqual([0, rows]);
  });

  it.each(['retry', 'resume', 'resolve'] as const)(
    '%s is repeated while the coordinator is away, and rejects at once where it says no',
    async (name) => {
      const operator = await connected();
      const call = (): Promise<unknown> =>
        name === 'resolve'
          ? operator.resolve('order-1', '1', { as: 'confirmed', reason: 'r', by: 'b' })
          : operator[name]('order-1');
      refusals.push({ code: status.UNAVAILABLE, details: 'connection reset' });
      refusals.push(refusal('SHUTTING_DOWN', status.UNAVAILABLE));
      expect(await call()).toMatchObject({ transaction: { gid: 'order-1' } });
      expect(verbs).toHaveLength(3);
      refusals.push(refusal('BRANCH_PARKED', status.FAILED_PRECONDITION));
      await expect(call()).rejects.toMatchObject({ code: 'BRANCH_PARKED' });
      expect(verbs).toHaveLength(4);
    },
  );

  it('gives up with CoordinatorUnavailableError at its timeout, and at close', async () => {
    await connected();
    const address = peer?.address ?? '';
    await peer?.stop();
    const hasty = createOperatorClient({ address, timeout: '100ms' });
    await expect(hasty.retry('order-1')).rejects.toMatchObject({
      name: 'CoordinatorUnavailableError',
    });
    hasty.close();
    const patient = createOperatorClient({ address });
    const asked = patient.retry('order-1');
    patient.close();
    await expect(asked).rejects.toMatchObject({ code: 'CALL_CANCELLED' });
  });

  it('shows what is parked, waits for another branch, and was resolved', async () => {
    const operator = await connected();
    const verdict = { asserted: 2, by: 'ann@ops', atUnixMs: 5n, reason: 'by hand' };
    sent = aWireTransaction({
      branches: [
        aWireBranch({ parked: true }),
        aWireBranch({ waitsFor: '1' }),
        aWireBranch({ verdict }),
      ],
    });
    expect((await operator.get('order-1')).branches).toMatchObject([
      { parked: true, verdict: undefined, waitsFor: undefined },
      { parked: false, waitsFor: '1' },
      { verdict: { asserted: 'confirmed', by: 'ann@ops', at: 5, reason: 'by hand' } },
    ]);
  });

  it('reads the health check', async () => {
    const operator = await connected();
    for (const [bytes, word] of [
      [Buffer.of(8, 1), 'serving'],
      [Buffer.of(8, 2), 'not-serving'],
      [Buffer.of(8, 3), 'unknown'],
      [Buffer.alloc(0), 'unknown'],
    ] as const) {
      health = bytes;
      expect(await operator.health()).toEqual({ status: word });
    }
  });

  it('rejects with CoordinatorUnavailableError where nobody answers, and with ConfigError for a wrong timeout', async () => {
    const operator = await connected();
    await peer?.stop();
    await expect(operator.health()).rejects.toMatchObject({
      name: 'CoordinatorUnavailableError',
      code: 'COORDINATOR_UNAVAILABLE',
    });
    expect(() => createOperatorClient({ timeout: '1' as '1s' })).toThrow('timeout must be');
  });
});
