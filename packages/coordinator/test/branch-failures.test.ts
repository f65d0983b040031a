/** What a client is told of branches that fail in phase two: all of them, and of each one everything that is known. */
import { describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { branch, commit, get, registration, useWorlds } from './support/grpc-world';
import { failed } from './support/scripted-caller';
import { eventually } from './support/eventually';

const aWorld = useWorlds();

describe('branches that fail', () => {
  it('are told each with code, message, attempts, and the times of the first, the last and the next', async () => {
    const { caller, client } = await aWorld();
    const busy = { verdict: 'retry', retryAfterMs: 40_000 } as const;
    caller.always('1', failed('FAILED_PRECONDITION', 'busy', busy));
    caller.always('2', failed('UNIMPLEMENTED', 'unknown method'));
    const branches = [branch(), branch({ branchId: '2' }), branch({ branchId: '3' })];
    await client.call('registerBranches', registration({ branches }));
    await client.call('commit', { ...commit, branchIds: ['1', '2', '3'], waitMs: 0 });
    const told = async () => (await client.call('getTransaction', get)).transaction?.branches ?? [];
    await eventually(async () =>
      expect(await told()).toMatchObject([{ attempts: 1 }, { attempts: 1 }, { attempts: 1 }]),
    );
    const [first, second, third] = await told();
    expect([first?.lastFailure, second?.lastFailure, third?.lastFailure]).toMatchObject([
      { grpcCode: status.FAILED_PRECONDITION, message: 'busy' },
      { grpcCode: status.UNIMPLEMENTED, message: 'unknown method' },
      undefined,
    ]);
    const at = first?.firstAttemptUnixMs ?? 0n;
    expect(at).toBeGreaterThan(0n);
    expect(first).toMatchObject({ lastAttemptUnixMs: at, nextAttemptUnixMs: at + 40_000n });
  });

  it('count on, and keep the time of the first attempt', async () => {
    const { caller, client } = await aWorld();
    const soon = { verdict: 'retry', retryAfterMs: 1 } as const;
    const later = { verdict: 'retry', retryAfterMs: 40_000 } as const;
    caller.script('1', failed('FAILED_PRECONDITION', 'busy', soon));
    caller.always('1', failed('FAILED_PRECONDITION', 'still busy', later));
    await client.call('registerBranches', registration());
    await client.call('commit', { ...commit, waitMs: 0 });
    await eventually(async () => {
      const { transaction } = await client.call('getTransaction', get);
      expect(transaction?.branches).toMatchObject([
        { attempts: 2, lastFailure: { message: 'still busy' } },
      ]);
      const [seen] = transaction?.branches ?? [];
      expect(seen?.lastAttemptUnixMs).toBeGreaterThan(seen?.firstAttemptUnixMs ?? 0n);
    });
  });
});
