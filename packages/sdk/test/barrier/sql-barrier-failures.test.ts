import { describe, expect, test } from '@jest/globals';
import { TccReject, TccRetry } from '../../src/participant/verdicts';
import { BarrierError, ConfigError } from '../../src/errors';
import { type BarrierWork, NOTE_BYTES_MAX, REPLY_BYTES_MAX } from '../../src/barrier/barrier';
import {
  type MemoryBarrier,
  branchCall,
  bytes,
  effect,
  memoryBarrier,
  settled,
} from './memory-barrier';
import { type MemoryDb, type Step, MemoryError } from './memory-database';

/** What a call rejects with. */
async function thrown(
  { barrier, time }: MemoryBarrier,
  work: BarrierWork<MemoryDb> = effect('try'),
  call = branchCall(),
): Promise<unknown> {
  const result = await settled(time, barrier.carryOut(call, work));
  expect(result.status).toBe('rejected');
  return result.status === 'rejected' ? result.reason : undefined;
}

/** Fails the first `times` times at a step. */
function failing(it: MemoryBarrier, at: Step, error: Error, times = Infinity): { count: number } {
  const seen = { count: 0 };
  it.database.fault = (step) => {
    if (step !== at) return undefined;
    seen.count += 1;
    return seen.count <= times ? { error } : undefined;
  };
  return seen;
}

/** Nothing is committed, nothing is open, no timer is left. */
function expectNothing({ database, time }: MemoryBarrier): void {
  expect(database.effects).toEqual([]);
  expect(database.rows.size).toBe(0);
  expect(database.locks.size).toBe(0);
  expect(database.openCount).toBe(0);
  expect(time.pending).toBe(0);
}

describe('what the work throws', () => {
  test.each([
    new Error('out of stock'),
    new TccReject('sold out'),
    new TccRetry({ after: '1s' }),
    'no error at all',
  ])('E4 is rethrown as it is after ROLLBACK: %s', async (error) => {
    const it = memoryBarrier();
    const reason = await thrown(it, async ({ db }) => {
      db.effect('half');
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- handlers in plain JavaScript throw anything
      throw error;
    });
    expect(reason).toBe(error);
    expect(it.database.trace.at(-1)).toBe('rollback');
    expectNothing(it);
  });

  test('E4 a verdict with a deadlock as its cause is meant as it is said', async () => {
    const it = memoryBarrier();
    const reject = Object.assign(new TccReject('busy'), { cause: new MemoryError('restart') });
    expect(await thrown(it, () => Promise.reject(reject))).toBe(reject);
  });

  test('E4 a lock that the handler waited for in vain is its own affair', async () => {
    const it = memoryBarrier();
    const error = new MemoryError('locked');
    expect(await thrown(it, () => Promise.reject(error))).toBe(error);
  });
});

describe('restarts', () => {
  test.each(['begin', 'insert try', 'finish try', 'commit'])(
    'R3 a deadlock at %s begins the whole local transaction again',
    async (step) => {
      const it = memoryBarrier();
      failing(it, step, new MemoryError('restart'), 2);
      const result = await settled(it.time, it.barrier.carryOut(branchCall(), effect('try')));
      expect(result).toMatchObject({ value: { kind: 'done' } });
      expect(it.database.effects).toEqual(['try']);
      expect(it.database.trace.filter((each) => each === 'begin')).toHaveLength(3);
    },
  );

  test('R3 a deadlock of the handler does too, also wrapped in the error of a library', async () => {
    const it = memoryBarrier();
    let runs = 0;
    const work: BarrierWork<MemoryDb> = async ({ db }) => {
      runs += 1;
      db.effect(`try ${runs}`);
      if (runs === 1) throw new MemoryError('restart');
      if (runs === 2)
        throw new Error('query failed', {
          cause: new Error('driver', { cause: new MemoryError('restart') }),
        });
      return { reply: bytes('ok'), note: undefined };
    };
    const result = await settled(it.time, it.barrier.carryOut(branchCall(), work));
    expect(result).toMatchObject({ value: { kind: 'done' } });
    expect(it.database.effects).toEqual(['try 3']);
  });

  test('R3 ten times at most, then nobody may conclude anything', async () => {
    const it = memoryBarrier();
    const seen = failing(it, 'insert try', new MemoryError('restart'));
    const reason = await thrown(it);
    expect(reason).toBeInstanceOf(BarrierError);
    expect(reason).toMatchObject({
      code: 'BARRIER_UNAVAILABLE',
      gid: 'order-1',
      message: expect.stringContaining('11 times'),
      cause: expect.any(MemoryError),
    });
    expect(seen.count).toBe(11);
    expectNothing(it);
  });

  test('R3 only until half of what the caller had left', async () => {
    const it = memoryBarrier();
    const started = it.time.now();
    failing(it, 'insert try', new MemoryError('restart'));
    let endedAt = 0;
    const call = it.barrier
      .carryOut(branchCall({ deadline: started + 100 }), effect('try'))
      .finally(() => (endedAt = it.time.now()));
    expect(await settled(it.time, call)).toMatchObject({
      status: 'rejected',
      reason: expect.any(BarrierError),
    });
    // Pauses of 5, 10 and 20 ms; the next, 40 ms, would end after half of the 100 ms.
    expect(endedAt - started).toBe(35);
  });

  test('R3 pauses are drawn from the random port', async () => {
    const it = memoryBarrier({ random: { unit: () => 0.99, bytes: () => new Uint8Array() } });
    failing(it, 'insert try', new MemoryError('restart'), 1);
    const started = it.time.now();
    let endedAt = 0;
    const call = it.barrier
      .carryOut(branchCall(), effect('try'))
      .finally(() => (endedAt = it.time.now()));
    await settled(it.time, call);
    expect(endedAt - started).toBe(9);
  });

  test('a row that stood in the way and is gone is looked for again', async () => {
    const it = memoryBarrier();
    await it.barrier.carryOut(branchCall(), effect('try'));
    it.database.fault = (step) => {
      if (step === 'lock try') it.database.rows.clear();
      return undefined;
    };
    const result = await settled(it.time, it.barrier.carryOut(branchCall(), effect('anew')));
    expect(result).toMatchObject({ value: { kind: 'done' } });
  });
});

describe('R4 a caller that has given up', () => {
  test('before the start: nothing begins', async () => {
    const it = memoryBarrier();
    const reason = await thrown(it, effect('try'), branchCall({ givenUp: () => true }));
    expect(reason).toBeInstanceOf(BarrierError);
    expect(it.database.trace).toEqual([]);
  });

  test.each(['begin', 'insert try', 'handlerEnded'])(
    'after %s: it is rolled back',
    async (step) => {
      const it = memoryBarrier();
      let gone = false;
      it.database.fault = (each) => {
        if (each === step) gone = true;
        return undefined;
      };
      const reason = await thrown(it, effect('try'), branchCall({ givenUp: () => gone }));
      expect(reason).toMatchObject({
        name: 'BarrierError',
        message: expect.stringContaining('given up'),
      });
      expect(it.database.trace.slice(-2)).toEqual([step, 'rollback']);
      expectNothing(it);
    },
  );

  test('between restarts: it does not begin again', async () => {
    const it = memoryBarrier();
    const seen = failing(it, 'insert try', new MemoryError('restart'));
    await thrown(it, effect('try'), branchCall({ givenUp: () => seen.count === 1 }));
    expect(seen.count).toBe(1);
  });
});

describe('a row that stays locked', () => {
  test('is TccRetry after ROLLBACK', async () => {
    const it = memoryBarrier();
    const hangs: BarrierWork<MemoryDb> = () => new Promise(() => {});
    void it.barrier.carryOut(branchCall(), hangs);
    await it.time.settle();
    const reason = await thrown(it, effect('second'), branchCall({ attempt: 2 }));
    expect(reason).toBeInstanceOf(TccRetry);
    expect(reason).toMatchObject({ message: 'barrier: row locked' });
    expect(it.database.trace.at(-1)).toBe('rollback');
    expect(it.database.openCount).toBe(1);
  });

  test('also at BEGIN', async () => {
    const it = memoryBarrier();
    failing(it, 'begin', new MemoryError('locked'));
    expect(await thrown(it)).toBeInstanceOf(TccRetry);
  });
});

describe('E5 a handler that breaks its local transaction', () => {
  const names = /the Try handler of reserve \(shop\.StockTcc\).*COMMIT and ROLLBACK.*DDL/;

  test('swallowed a deadlock: its own row is gone', async () => {
    const it = memoryBarrier();
    const reason = await thrown(it, async ({ db }) => {
      db.effect('before');
      db.loseTransaction();
      db.effect('after');
      return { reply: bytes('ok'), note: undefined };
    });
    expect(reason).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(names),
      details: { gid: 'order-1', branch_id: '1', action: 'reserve', phase: 'try' },
    });
    expectNothing(it);
  });

  test('swallowed an error after which the server takes no statement', async () => {
    const it = memoryBarrier();
    const error = new Error('current transaction is aborted');
    failing(it, 'finish try', error);
    const reason = await thrown(it);
    expect(reason).toMatchObject({ message: expect.stringMatching(names), cause: error });
    expectNothing(it);
  });

  test('finds its own row locked by another', async () => {
    const it = memoryBarrier();
    failing(it, 'finish try', new MemoryError('locked'));
    expect(await thrown(it)).toBeInstanceOf(BarrierError);
  });

  const commits =
    (then: () => Promise<never>): BarrierWork<MemoryDb> =>
    async ({ db }) => {
      db.effect('committed');
      db.commitItself({ noticed: true });
      return then();
    };

  test('committed by itself: what it threw is no verdict any more', async () => {
    const it = memoryBarrier();
    const reject = new TccReject('sold out');
    const reason = await thrown(
      it,
      commits(() => Promise.reject(reject)),
    );
    expect(reason).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(/sent COMMIT; it also threw: sold out/),
      cause: reject,
    });
  });

  test('B4 committed by itself: every later call of the branch is a conflict', async () => {
    const it = memoryBarrier();
    const reason = await thrown(
      it,
      commits(() => ({ reply: bytes('ok'), note: undefined }) as never),
    );
    expect(reason).toMatchObject({ message: expect.stringMatching(names) });
    for (const phase of ['try', 'confirm', 'cancel'] as const) {
      const end = await it.barrier.carryOut(branchCall({ phase }), effect(phase));
      expect(end).toMatchObject({
        kind: 'conflict',
        message: expect.stringMatching(/never finished/),
      });
    }
    expect(it.database.effects).toEqual(['committed']);
  });

  test('what it did after its deadlock is restarted, not reported', async () => {
    const it = memoryBarrier();
    let runs = 0;
    const result = it.barrier.carryOut(branchCall(), async ({ db }) => {
      runs += 1;
      if (runs === 1) {
        db.loseTransaction();
        throw new MemoryError('restart');
      }
      db.effect('try');
      return { reply: bytes('ok'), note: undefined };
    });
    expect(await settled(it.time, result)).toMatchObject({ value: { kind: 'done' } });
  });
});

describe('E2 COMMIT', () => {
  test('that fails is neither OK nor a verdict', async () => {
    const it = memoryBarrier();
    const error = new Error('disk full');
    failing(it, 'commit', error);
    const reason = await thrown(it);
    expect(reason).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(/^COMMIT of Try of branch 1 .* nobody knows/),
      cause: error,
    });
    expectNothing(it);
  });

  test('that was not answered is found out by the next call', async () => {
    const it = memoryBarrier();
    it.database.fault = (step) =>
      step === 'commit' ? { error: new Error('connection lost'), lost: true } : undefined;
    expect(await thrown(it)).toBeInstanceOf(BarrierError);
    it.database.fault = () => undefined;
    const end = await it.barrier.carryOut(branchCall({ attempt: 2 }), effect('again'));
    expect(end).toMatchObject({ kind: 'duplicate', reply: bytes('try') });
    expect(it.database.effects).toEqual(['try']);
  });

  test('that waited for a lock in vain is not taken for one that did nothing', async () => {
    const it = memoryBarrier();
    failing(it, 'commit', new MemoryError('locked'));
    expect(await thrown(it)).toBeInstanceOf(BarrierError);
  });
});

describe('what is too large', () => {
  test.each([
    [
      'reply',
      { reply: new Uint8Array(REPLY_BYTES_MAX + 1), note: undefined },
      /a reply of 4194305/,
    ],
    ['note', { reply: bytes(''), note: new Uint8Array(NOTE_BYTES_MAX + 1) }, /65537 .*ctx\.save/],
  ])('a %s is refused by name, and nothing is committed', async (_what, done, text) => {
    const it = memoryBarrier();
    const reason = await thrown(it, async () => done);
    expect(reason).toBeInstanceOf(ConfigError);
    expect(reason).toMatchObject({ message: expect.stringMatching(text) });
    expect(reason).toMatchObject({
      message: expect.stringMatching(/^the Try handler of reserve \(shop.StockTcc\)/),
    });
    expectNothing(it);
  });

  test('the most that is allowed passes', async () => {
    const it = memoryBarrier();
    const done = { reply: new Uint8Array(REPLY_BYTES_MAX), note: new Uint8Array(NOTE_BYTES_MAX) };
    expect(await it.barrier.carryOut(branchCall(), async () => done)).toMatchObject({
      kind: 'done',
    });
  });
});

describe('any other failure of the barrier itself', () => {
  test.each(['begin', 'insert try'])('at %s is BarrierError with its cause', async (step) => {
    const it = memoryBarrier();
    const error = new Error('too many connections');
    failing(it, step, error);
    const reason = await thrown(it);
    expect(reason).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(/Try of branch 1 .*failed: too many connections/),
      cause: error,
    });
    expectNothing(it);
  });

  test('what an adapter says itself passes as it is', async () => {
    const it = memoryBarrier();
    const error = new BarrierError('the pool is closed');
    failing(it, 'begin', error);
    expect(await thrown(it)).toBe(error);
  });
});
