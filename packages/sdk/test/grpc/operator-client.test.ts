import { afterEach, describe, expect, it } from '@jest/globals';
import { Metadata, status } from '@grpc/grpc-js';
import {
  ErrorInfo,
  type ListStuckBranchesRequest,
  type ListTransactionsRequest,
  OperatorService,
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
const listed: ListTransactionsRequest[] = [];
const stuck: ListStuckBranchesRequest[] = [];

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
        if (call.request.gid === 'order-1')
          return callback(null, { transaction: aWireTransaction() });
        const metadata = new Metadata();
        const info = { code: 'TRANSACTION_NOT_FOUND', retryable: false, hint: '', details: {} };
        metadata.set('tercet-error-bin', Buffer.from(ErrorInfo.encode(info).finish()));
        callback({ code: status.NOT_FOUND, details: 'no such transaction', metadata });
      },
      listStuckBranches: (call: { request: ListStuckBranchesRequest }, callback: Reply) => {
        stuck.push(call.request);
        const row = { gid: 'order-1', name: 'checkout', status: 2, decidedUnixMs: 5n };
        const branches = [{ ...row, branch: aWireBranch() }];
        callback(null, { branches, total: 3, transactions: 2, nowUnixMs: 99n });
      },
    });
    server.addService(HealthService, {
      check: (_call: unknown, callback: Reply) => callback(null, health),
    });
  });
  client = createOperatorClient({ address: peer.address });
  return client;
}

type Reply = (error: object | null, reply?: unknown) => void;

afterEach(async () => {
  client?.close();
  await peer?.stop();
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
