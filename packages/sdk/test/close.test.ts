import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Server } from '@grpc/grpc-js';
import { CoordinatorService, Fact, TransactionStatus } from '@tercet/proto';
import { TccReject, addTcc } from '@tercet/sdk';
import { type Peer, startPeer } from './support/grpc-peer';
import { shop } from './support/scenario';
import { withSession } from './support/session-server';
import { aWireTransaction } from './support/wire';

/** Registers and decides everything; a wait is answered after its time. */
const coordinator = withSession({
  registerBranches: (call, callback) =>
    callback(null, {
      status: TransactionStatus.TRANSACTION_STATUS_TRYING,
      remainingMs: 20_000,
      branches: call.request.branches.map(({ branchId }) => ({
        branchId,
        notAfterUnixMs: 4_000_000_000_000n,
      })),
    }),
  commit: (_call, callback) =>
    callback(null, {
      status: TransactionStatus.TRANSACTION_STATUS_CONFIRMED,
      reached: Fact.FACT_SETTLED,
      pending: [],
    }),
  rollback: (_call, callback) =>
    callback(null, {
      status: TransactionStatus.TRANSACTION_STATUS_CANCELLED,
      reached: Fact.FACT_SETTLED,
      pending: [],
    }),
  getTransaction: (_call, callback) =>
    callback(null, { transaction: aWireTransaction(), result: undefined }),
  // Never answered: who closes does not wait for it.
  waitTransaction: () => {},
});

function participant(server: Server): void {
  addTcc(server, shop, {
    reserve: {
      try: async ({ sku }, ctx) => {
        if (sku === 'sold-out') throw new TccReject('sold out');
        if (sku === 'hang') {
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
        }
        return { reservationId: 'r1' };
      },
      confirm: () => {},
      cancel: () => {},
    },
    charge: { try: () => ({ chargeId: 'c', balance: 0 }), confirm: () => {}, cancel: () => {} },
    count: (_call, callback) => callback(null, { count: 0 }),
  });
}

/** Runs the scenarios in a process of their own; rejects where that does not end by itself. */
async function inProcess(peers: readonly Peer[], ...names: string[]): Promise<unknown[]> {
  const script = join(__dirname, 'support/closing-process.ts');
  const flags = ['--require', require.resolve('tsx/cjs'), '--conditions=@tercet/source', script];
  const addresses = peers.map(({ address }) => address);
  const run = promisify(execFile)(process.execPath, [...flags, ...addresses, ...names], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const { stdout } = await run;
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('close', () => {
  const peers: Peer[] = [];
  beforeAll(async () => {
    peers.push(await startPeer((server) => server.addService(CoordinatorService, coordinator)));
    peers.push(await startPeer(participant));
  });
  afterAll(() => Promise.all(peers.map((peer) => peer.stop())));

  it('leaves nothing that keeps a process alive: after one transaction it ends by itself', async () => {
    expect(await inProcess(peers, 'committed')).toEqual([
      { name: 'committed', end: 'ok', left: [] },
    ]);
  }, 90_000);

  it('leaves no handle after runs that failed or were interrupted either', async () => {
    const names = ['refused', 'aborted', 'closed', 'waiting', 'away', 'committed'];
    expect(await inProcess(peers, ...names)).toEqual([
      { name: 'refused', end: 'TRANSACTION_CANCELLED', left: [] },
      { name: 'aborted', end: 'TRANSACTION_CANCELLED', left: [] },
      { name: 'closed', end: 'TRANSACTION_CANCELLED', left: [] },
      { name: 'waiting', end: 'CALL_CANCELLED', left: [] },
      { name: 'away', end: 'COORDINATOR_UNAVAILABLE', left: [] },
      { name: 'committed', end: 'ok', left: [] },
    ]);
  }, 90_000);
});
