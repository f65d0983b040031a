/** Settings that only the composition root hands on: each is seen from outside to be in force, over real gRPC. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { ManualTime } from '@tercet/core/testing';
import { TransactionStatus } from '@tercet/proto';
import { systemScheduler } from '@tercet/runtime';
import type { Config } from '../src/config/fields';
import { Coordinator } from '../src/coordinator';
import { CoordinatorClient } from './support/coordinator-client';
import { branch, get, registration } from './support/grpc-world';
import { ScriptedCaller } from './support/scripted-caller';

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function aCoordinator(config: Partial<Config>) {
  const time = new ManualTime();
  const caller = new ScriptedCaller();
  const addresses = { grpcAddress: '127.0.0.1:0', httpAddress: 'off', store: 'memory' } as const;
  const coordinator = new Coordinator({
    config: { ...addresses, ...config },
    caller,
    clock: time,
    scheduler: time,
  });
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let over = false;
    const end = (): void => void (over = true);
    work.then(end, end);
    while (!over) {
      await time.settle();
      await new Promise<void>((resolve) => systemScheduler.soon(resolve));
    }
    return await work;
  };
  const { grpcPort } = await done(coordinator.start());
  const client = new CoordinatorClient(`127.0.0.1:${grpcPort}`);
  cleanUps.push(
    async () => {
      const stopped = coordinator.stop();
      await time.advance(60_000);
      await done(stopped);
    },
    () => client.close(),
  );
  const register = (gid: string, ...targets: string[]): Promise<unknown> => {
    const specs = targets.map((target, i) => branch({ branchId: String(i + 1), target }));
    return done(client.call('registerBranches', registration({ gid, branches: specs })));
  };
  const refusal = (gid: string, ...targets: string[]) => {
    const specs = targets.map((target, i) => branch({ branchId: String(i + 1), target }));
    return done(client.refusal('registerBranches', registration({ gid, branches: specs })));
  };
  return { time, caller, client, done, register, refusal };
}

describe('the clock skew', () => {
  it('is what the first Cancel of an untold Try waits beyond not-after', async () => {
    const { time, caller, client, done } = await aCoordinator({ clockSkewMs: 60_000 });
    const open = { name: 'checkout', labels: {}, timeoutMs: 1_000 };
    await done(client.call('registerBranches', registration({ open })));
    await time.advance(1_000);
    const { transaction } = await done(client.call('getTransaction', get));
    expect(transaction).toMatchObject({
      status: TransactionStatus.TRANSACTION_STATUS_CANCELLING,
      branches: [{ nextAttemptUnixMs: BigInt(time.now() + 60_000) }],
    });
    await time.advance(59_999);
    expect(caller.story).toEqual([]);
    await time.advance(1);
    expect(caller.story).toEqual(['cancel 1']);
  });
});

describe('the limits of unfinished work', () => {
  it('refuse with RESOURCE_EXHAUSTED who names a full target, and nobody else', async () => {
    const { register, refusal } = await aCoordinator({ targetUnfinishedMax: 2 });
    await register('first', 'stock:1', 'stock:1');
    expect(await refusal('second', 'pay:1', 'stock:1')).toMatchObject({
      status: status.RESOURCE_EXHAUSTED,
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'target', target: 'stock:1' },
    });
    await register('third', 'pay:1');
  });

  it('refuse with RESOURCE_EXHAUSTED who would open one undecided transaction too many', async () => {
    const { register, refusal } = await aCoordinator({ undecidedMax: 1 });
    await register('first', 'stock:1');
    expect(await refusal('second', 'pay:1')).toMatchObject({
      status: status.RESOURCE_EXHAUSTED,
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'undecided' },
    });
  });
});

describe('the concurrency of a target', () => {
  it('bounds the calls that are under way to it', async () => {
    const { caller, client, done, register } = await aCoordinator({ targetConcurrencyMax: 1 });
    caller.always('1', 'hold');
    await register('first', 'stock:1', 'stock:1', 'pay:1');
    const { runId } = registration();
    const branchIds = ['1', '2', '3'];
    const commit = { gid: 'first', runId, branchIds, waitFor: 0, waitMs: 0 };
    await done(client.call('commit', commit));
    expect(caller.story).toEqual(['confirm 1', 'confirm 3']);
  });
});
