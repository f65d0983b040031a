/** The default transports over real gRPC: every field there and back, every error of the catalogue. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { Metadata, status } from '@grpc/grpc-js';
import { type BranchId, type ErrorCode, type Gid, type RunId, errorCatalogue } from '@tercet/core';
import { aBranchSpec, anOpening } from '@tercet/core/testing';
import {
  type BranchState,
  CoordinatorService,
  type CoordinatorServer,
  ErrorInfo,
  Fact,
  type RegisterBranchesRequest,
  type RollbackRequest,
  TransactionStatus,
  type Transaction,
} from '@tercet/proto';
import { systemRandom } from '@tercet/runtime';
import { TryRejectedError, addTcc, createTercet, defineTcc } from '@tercet/sdk';
import { createOperatorClient } from '@tercet/sdk/operator';
import { CoordinatorChannels } from '../../src/grpc/coordinator-channels';
import { GrpcCoordinatorTransport } from '../../src/grpc/grpc-coordinator-transport';
import { type Peer, startPeer } from '../support/grpc-peer';
import { withSession } from '../support/session-server';
import { ShopTccService } from '../support/shop-service';
import { aWireBranch, aWireTransaction } from '../support/wire';

const gid = 'order-1' as Gid;
const runId = 'a'.repeat(32) as RunId;
const bounds = { deadlineMs: 5_000, signal: new AbortController().signal };
const opened: { stop?(): unknown; close?(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0)) await (each.close ?? each.stop)?.call(each);
});

const reserveOnly = defineTcc(ShopTccService, {
  reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
});

const unexpected = (): never => {
  throw new Error('not expected');
};

/** A coordinator that answers as told. */
async function coordinator(answers: Partial<CoordinatorServer>): Promise<{
  peer: Peer;
  transport: GrpcCoordinatorTransport;
}> {
  const none = { registerBranches: unexpected, commit: unexpected, rollback: unexpected };
  const peer = await startPeer((server) =>
    server.addService(
      CoordinatorService,
      withSession({
        ...none,
        getTransaction: unexpected,
        waitTransaction: unexpected,
        ...answers,
      }),
    ),
  );
  const transport = new GrpcCoordinatorTransport(
    new CoordinatorChannels([peer.address], { random: systemRandom }),
  );
  opened.push(transport, peer);
  return { peer, transport };
}

function failing(
  code: number,
  details: string,
  metadata = new Metadata(),
): Partial<CoordinatorServer> {
  return { getTransaction: (_call, callback) => callback({ code, details, metadata }) };
}

describe('the gRPC transport to the coordinator', () => {
  it('carries every field of a registration', async () => {
    const seen: RegisterBranchesRequest[] = [];
    const { transport } = await coordinator({
      registerBranches: (call, callback) => {
        seen.push(call.request);
        callback(null, {
          status: TransactionStatus.TRANSACTION_STATUS_TRYING,
          remainingMs: 777,
          branches: [{ branchId: '1', notAfterUnixMs: 1_700_000_000_123n }],
        });
      },
    });
    const trace = { traceparent: '00-a-b-01', tracestate: 'x=y' };
    const policy = { onTimeout: 'cancel', phaseTwoOrder: 'reverse' } as const;
    const answer = await transport.registerBranches(
      {
        gid,
        runId,
        opening: { ...anOpening({ name: 'checkout', labels: { invoice: '7' }, policy }), trace },
        branches: [
          aBranchSpec({
            confirmPayload: Uint8Array.of(9),
            barrier: true,
            stuckAttempts: 9,
            parkPermanentErrors: true,
          }),
        ],
      },
      bounds,
    );
    expect(answer).toEqual({
      kind: 'ok',
      reply: {
        status: 'trying',
        remainingMs: 777,
        branches: [{ id: '1', notAfter: 1_700_000_000_123 }],
      },
    });
    expect(seen[0]).toMatchObject({
      gid,
      runId,
      open: {
        name: 'checkout',
        labels: { invoice: '7' },
        traceContext: trace,
        policy: { onTimeout: 1, phaseTwoOrder: 3 },
      },
      branches: [
        {
          branchId: '1',
          action: 'reserve',
          mode: 1,
          driver: 1,
          dialect: 1,
          payload: Buffer.of(1, 2, 3),
          confirmPayload: Buffer.of(9),
          cancelPayload: undefined,
          forwardDeadlineMs: 5_000,
          confirmDeadlineMs: 5_000,
          cancelDeadlineMs: 5_000,
          retry: { firstDelayMs: 200, maxDelayMs: 60_000 },
          stuckAfterMs: 300_000,
          barrier: true,
          stuckAttempts: 9,
          parkPermanentErrors: true,
        },
      ],
    });
  });

  it('carries decisions and their waits', async () => {
    const seen: RollbackRequest[] = [];
    const pending: BranchState[] = [aWireBranch()];
    const results: (Buffer | undefined)[] = [];
    const { transport } = await coordinator({
      commit: (call, callback) => {
        results.push(call.request.result);
        callback(null, {
          status: TransactionStatus.TRANSACTION_STATUS_CONFIRMING,
          reached: call.request.waitFor,
          pending: call.request.branchIds.length === 2 ? pending : [],
        });
      },
      rollback: (call, callback) => {
        seen.push(call.request);
        callback(null, { status: 5, reached: Fact.FACT_SETTLED, pending: [] });
      },
    });
    const branchIds = ['1', '2'] as BranchId[];
    const wait = { waitFor: 'executed', waitMs: 70 } as const;
    const commit = { gid, runId, branchIds, result: Uint8Array.of(7), ...wait };
    expect(await transport.commit(commit, bounds)).toMatchObject({
      kind: 'ok',
      reply: { status: 'confirming', reached: 'executed', pending: [{ branch: '1', attempts: 2 }] },
    });
    await transport.commit({ ...commit, result: undefined }, bounds);
    expect(results).toEqual([Buffer.of(7), undefined]);
    const tries = new Map([
      ['1' as BranchId, 'done'],
      ['2' as BranchId, 'refused'],
      ['3' as BranchId, 'unknown'],
      ['4' as BranchId, 'not-sent'],
    ] as const);
    const rollback = { gid, runId, reason: 'sold out', tries, ...wait };
    expect(await transport.rollback(rollback, bounds)).toEqual({
      kind: 'ok',
      reply: { status: 'cancelled', reached: 'settled', pending: [] },
    });
    expect(seen[0]).toMatchObject({
      reason: 'sold out',
      waitFor: Fact.FACT_EXECUTED,
      waitMs: 70,
      tries: [
        { branchId: '1', outcome: 3 },
        { branchId: '2', outcome: 4 },
        { branchId: '3', outcome: 5 },
        { branchId: '4', outcome: 1 },
      ],
    });
  });

  it('gives a transaction as plain data', async () => {
    const { transport } = await coordinator({
      getTransaction: (_call, callback) => callback(null, { transaction: aWireTransaction() }),
      waitTransaction: (call, callback) =>
        callback(null, {
          transaction: aWireTransaction({ reason: `${call.request.waitFor}` }),
          result: call.request.withResult ? Buffer.from('v') : undefined,
        }),
    });
    const got = await transport.getTransaction({ gid, withResult: false }, bounds);
    expect(got).toMatchObject({
      kind: 'ok',
      reply: {
        result: undefined,
        transaction: {
          gid: 'order-1',
          name: 'checkout',
          status: 'cancelling',
          reached: 'decided',
          openedAt: 1_700_000_000_000,
          decidedAt: 1_700_000_001_000,
          finishedAt: undefined,
          cause: 'timeout',
          labels: { invoice: '7' },
          branches: [
            {
              branch: '1',
              service: 'shop.StockTcc',
              phaseOne: 'unknown',
              status: 'registered',
              firstAt: 1_700_000_002_000,
              nextAt: undefined,
              lastFailure: { grpcCode: 14, message: 'away', peer: undefined },
              stuckReason: 'unreachable',
            },
          ],
        },
      },
    });
    const waited = await transport.waitTransaction(
      { gid, waitFor: 'settled', waitMs: 1, withResult: true },
      bounds,
    );
    expect(waited).toMatchObject({
      reply: { transaction: { reason: '3' }, result: Buffer.from('v') },
    });
  });

  it('refuses enum values that it does not know, and an answer without its transaction', async () => {
    const answers: (Transaction | undefined)[] = [
      aWireTransaction({ status: 99 as number }),
      undefined,
    ];
    const { transport } = await coordinator({
      getTransaction: (_call, callback) => callback(null, { transaction: answers.shift() }),
    });
    for (const message of [/TransactionStatus 99/, /no transaction/]) {
      const answer = await transport.getTransaction({ gid, withResult: false }, bounds);
      expect(answer).toMatchObject({ kind: 'lost', error: { code: 'INTERNAL' } });
      expect(answer.kind === 'lost' && answer.error.message).toMatch(message);
    }
  });

  it('turns every error of the catalogue back into itself, and tells refusals from lost answers', async () => {
    const unsure = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'CANCELLED', 'INTERNAL'];
    let code: ErrorCode = 'INTERNAL';
    const { transport } = await coordinator({
      getTransaction: (_call, callback) => {
        const metadata = new Metadata();
        const { retryable, hint, rpc } = errorCatalogue[code];
        const info = ErrorInfo.encode({
          code,
          retryable,
          hint,
          details: { gid, status: 'trying' },
        });
        metadata.set('tercet-error-bin', Buffer.from(info.finish()));
        callback({ code: status[rpc], details: `text of ${code}`, metadata });
      },
    });
    for (const each of Object.keys(errorCatalogue) as ErrorCode[]) {
      code = each;
      expect(await transport.getTransaction({ gid, withResult: false }, bounds)).toMatchObject({
        kind: unsure.includes(errorCatalogue[code].rpc) ? 'lost' : 'refused',
        error: { code, message: `text of ${code}`, details: { gid, status: 'trying' } },
      });
    }
  });

  it('judges by the gRPC status where a proxy or a dying server answered, and never as a refusal', async () => {
    const garbage = new Metadata();
    garbage.set('tercet-error-bin', Buffer.of(255));
    const unknownCode = new Metadata();
    const info = ErrorInfo.encode({
      code: 'FROM_THE_FUTURE',
      retryable: false,
      hint: '',
      details: {},
    });
    unknownCode.set('tercet-error-bin', Buffer.from(info.finish()));
    const withCode = new Metadata();
    withCode.set('tercet-code', 'FROM_THE_FUTURE');
    const cases: readonly [number, ErrorCode, Metadata?][] = [
      [status.UNAVAILABLE, 'COORDINATOR_UNAVAILABLE'],
      [status.INTERNAL, 'COORDINATOR_UNAVAILABLE'],
      [status.UNKNOWN, 'COORDINATOR_UNAVAILABLE'],
      [status.CANCELLED, 'COORDINATOR_UNAVAILABLE'],
      [status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
      [status.UNIMPLEMENTED, 'NOT_BUILT_YET', withCode],
      [status.PERMISSION_DENIED, 'INTERNAL'],
      [status.UNAVAILABLE, 'COORDINATOR_UNAVAILABLE', garbage],
      [status.UNAVAILABLE, 'COORDINATOR_UNAVAILABLE', unknownCode],
    ];
    for (const [grpc, code, metadata] of cases) {
      const { transport } = await coordinator(failing(grpc, 'from the proxy', metadata));
      expect(await transport.getTransaction({ gid, withResult: false }, bounds)).toMatchObject({
        kind: 'lost',
        error: { code, message: expect.stringMatching(/^[A-Z_]+: from the proxy$/) },
      });
    }
  });

  it('says so where another server answers at the coordinator’s address', async () => {
    const peer = await startPeer((server) =>
      server.addService(ShopTccService, {
        reserveTry: unexpected,
        reserveConfirm: unexpected,
        reserveCancel: unexpected,
        chargeTry: unexpected,
        chargeConfirm: unexpected,
        chargeCancel: unexpected,
        count: unexpected,
      }),
    );
    const tercet = createTercet({ coordinator: peer.address });
    const operator = createOperatorClient({ address: peer.address });
    opened.push(tercet, operator, peer);
    const text = `${peer.address} answers, but is not a Tercet coordinator (UNIMPLEMENTED: The server does not implement`;
    for (const answer of [
      () => tercet.get('order-1'),
      () => operator.list(),
      () =>
        tercet.run({ name: 'checkout' }, (tx) =>
          tx.use(reserveOnly, { target: peer.address }).reserve({ sku: 'tea', quantity: 1 }),
        ),
    ]) {
      const error: unknown = await answer().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        name: 'CoordinatorUnavailableError',
        code: 'COORDINATOR_UNAVAILABLE',
      });
      expect((error as Error).message.startsWith(text)).toBe(true);
    }
  });

  it('names the coordinator that is not running', async () => {
    const { peer } = await coordinator({});
    await peer.stop();
    const tercet = createTercet({ coordinator: peer.address });
    opened.push(tercet);
    const run = tercet.run({ name: 'checkout', timeout: '300ms' }, (tx) =>
      tx.use(reserveOnly, { target: 'shop:1' }).reserve({ sku: 'tea', quantity: 1 }),
    );
    const error: unknown = await run.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'CoordinatorUnavailableError', decided: false });
    const rest = `(UNAVAILABLE: connect ECONNREFUSED ${peer.address}); no Try was sent`;
    expect((error as Error).message.replace(/[0-9]+ ms/, 'N ms')).toBe(
      `the coordinator at ${peer.address} did not answer for N ms ${rest}`,
    );
  });

  it('is lost where nobody listens, where time runs out, and where the caller gives up', async () => {
    const { peer, transport } = await coordinator({ getTransaction: () => {} });
    const short = await transport.getTransaction(
      { gid, withResult: false },
      { ...bounds, deadlineMs: 30 },
    );
    expect(short).toMatchObject({ kind: 'lost', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(short.kind === 'lost' && short.error.message).toMatch(
      /^DEADLINE_EXCEEDED: Deadline exceeded after [0-9.]+s$/,
    );
    const caller = new AbortController();
    const call = transport.getTransaction(
      { gid, withResult: false },
      { ...bounds, signal: caller.signal },
    );
    caller.abort('enough');
    expect(await call).toMatchObject({
      kind: 'lost',
      error: { code: 'CALL_CANCELLED', cause: 'enough' },
    });
    await peer.stop();
    const away = await transport.getTransaction({ gid, withResult: false }, bounds);
    expect(away).toMatchObject({ kind: 'lost', error: { code: 'COORDINATOR_UNAVAILABLE' } });
  });
});

describe('a client with its default transports', () => {
  it('runs a transaction with a participant over gRPC, rejects with its details, and leaves no handle', async () => {
    const kinds: string[] = [];
    const { peer } = await coordinator({
      registerBranches: (call, callback) => {
        kinds.push('register');
        const branches = call.request.branches.map(({ branchId }) => ({
          branchId,
          notAfterUnixMs: 4_000_000_000_000n,
        }));
        callback(null, { status: 1, remainingMs: 60_000, branches });
      },
      commit: (_call, callback) => {
        kinds.push('commit');
        callback(null, { status: 3, reached: Fact.FACT_EXECUTED, pending: [] });
      },
      rollback: (_call, callback) => {
        kinds.push('rollback');
        callback(null, { status: 5, reached: Fact.FACT_EXECUTED, pending: [] });
      },
    });
    const reserve = {
      try: 'reserveTry',
      confirm: 'reserveConfirm',
      cancel: 'reserveCancel',
    } as const;
    const charge = { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' } as const;
    const both = defineTcc(ShopTccService, { reserve, charge });
    const shop = await startPeer((server) => {
      addTcc(server, both, {
        reserve: {
          try: async ({ sku, quantity }, ctx) => {
            if (quantity > 5) ctx.reject('sold out', { left: 5 });
            return { reservationId: `${sku}-${String(ctx.metadata.get('tenant')[0])}` };
          },
          confirm: () => {},
          cancel: () => {},
        },
        charge: { try: () => ({ chargeId: 'c', balance: 3 }), confirm: () => {}, cancel: () => {} },
        count: (_call, callback) => callback(null, { count: 0 }),
      });
    });
    const tercet = createTercet({ coordinator: peer.address });
    opened.push(tercet, shop);
    const order = (quantity: number): ReturnType<typeof tercet.run<string>> =>
      tercet.run({ name: 'checkout' }, async (tx) => {
        const proxy = tx.use(both, { target: shop.address, metadata: { tenant: 'blue' } });
        const [held] = await tx.all([
          proxy.reserve({ sku: 'tea', quantity }),
          proxy.charge({ account: 'ann', cents: 1 }),
        ]);
        return held.reservationId;
      });
    expect(await order(1)).toMatchObject({ value: 'tea-blue', status: 'confirmed' });
    const error: unknown = await order(9).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'TransactionCancelledError', status: 'cancelled' });
    const { cause } = error as Error;
    expect(cause).toBeInstanceOf(TryRejectedError);
    expect(cause).toMatchObject({
      reason: 'sold out',
      failure: { details: { left: 5 }, peer: shop.address },
    });
    expect(kinds).toEqual(['register', 'commit', 'register', 'rollback']);
  });
});
