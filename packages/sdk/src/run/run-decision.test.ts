/** Commit and its repeats: what is known, what is not, and what may still be sent. */
import { describe, expect, it } from '@jest/globals';
import type { TransactionView } from '@tercet/sdk';
import { TercetError, type TransactionContext } from '@tercet/sdk';
import { foreignAnswer } from '../coordinator/foreign';
import { Scenario, bill, gate, item, shopIn } from '../../test/support/scenario';
import {
  type Script,
  aBranchView,
  aView,
  decided,
  failed,
  lost,
  refused,
  registered,
  rejecting,
  told,
} from '../../test/support/scripted-coordinator';

/** The transaction of the scenario's own run. */
function ownView(s: Scenario, over: Partial<TransactionView>): TransactionView {
  return aView({ ...over, runId: s.coordinator.requests('register')[0]?.runId ?? '' });
}

describe('requests to the coordinator', () => {
  it('repeats a registration that was lost, with the same branches and the opening, the time left counted down', async () => {
    const s = new Scenario();
    s.coordinator.onRegister = (request, n) => (n <= 3 ? lost() : registered(request));
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.value?.status).toBe('confirmed');
    const requests = s.coordinator.requests('register');
    expect(requests).toHaveLength(4);
    expect(new Set(requests.map(({ runId, branches }) => runId + branches[0]?.id)).size).toBe(1);
    const times = requests.map(({ opening }) => opening?.timeoutMs ?? 0);
    expect(times[0]).toBe(61_000);
    expect([...times].sort((a, b) => b - a)).toEqual(times);
    expect(times[3]).toBeLessThan(61_000);
  });

  it('repeats a registration whose attempt ran out of time', async () => {
    const s = new Scenario();
    s.coordinator.onRegister = (request, n) => (n === 1 ? 'never' : registered(request));
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.value?.status).toBe('confirmed');
    expect(s.coordinator.calls('register').map(({ bounds }) => bounds.deadlineMs)).toEqual([
      5_000, 5_000,
    ]);
  });

  it('spreads the repeats by full jitter below a second', async () => {
    const s = new Scenario();
    const times: number[] = [];
    s.coordinator.onRegister = (request) => {
      times.push(s.time.now());
      return times.length < 30 ? lost() : registered(request);
    };
    await s.outcome((tx) => shopIn(tx).reserve(item));
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(1_000);
    expect(Math.max(...gaps)).toBeGreaterThan(500);
    expect(new Set(gaps).size).toBeGreaterThan(10);
  });

  it('gives up at once where something else than a coordinator answered', async () => {
    const s = new Scenario();
    const error = foreignAnswer('127.0.0.1:50051', 'UNIMPLEMENTED: no such method');
    s.coordinator.onRegister = () => ({ kind: 'lost', error });
    const run = s.run((tx) => shopIn(tx).reserve(item));
    await s.time.settle();
    expect(s.coordinator.kinds).toEqual(['register']);
    expect(run.error).toMatchObject({
      name: 'CoordinatorUnavailableError',
      message:
        '127.0.0.1:50051 answers, but is not a Tercet coordinator (UNIMPLEMENTED: no such method); no Try was sent',
      decided: false,
      cause: { name: 'CoordinatorUnavailableError', cause: error },
    });
  });

  it('repeats until the run’s timeout, and says that nobody answered and nothing is decided', async () => {
    const s = new Scenario();
    s.coordinator.address = '127.0.0.1:9999';
    const why = 'UNAVAILABLE: connect ECONNREFUSED 127.0.0.1:9999';
    s.coordinator.onRegister = () => ({
      kind: 'lost',
      error: new TercetError('COORDINATOR_UNAVAILABLE', { message: why }),
    });
    const run = s.run((tx) => shopIn(tx).reserve(item), { timeout: '3s' });
    await s.time.advance(2_999);
    expect(run.ended).toBe(false);
    await s.time.advance(1);
    expect(run.error).toMatchObject({
      name: 'CoordinatorUnavailableError',
      message: `the coordinator at 127.0.0.1:9999 did not answer for 3 s (${why}); no Try was sent`,
      decided: false,
      gid: 'order-1',
    });
    expect(s.coordinator.kinds).not.toContain('rollback');
    expect(s.caller.calls).toEqual([]);
    expect(s.time.pending).toBe(0);
  });

  it('sends no Rollback after a timeout without any answer; the address is left out where it is not known', async () => {
    const s = new Scenario();
    s.coordinator.onRegister = () => 'never';
    const run = s.run((tx) => shopIn(tx).reserve(item), { timeout: '3s' });
    await s.time.advance(3_000);
    expect(run.error).toMatchObject({ name: 'CoordinatorUnavailableError', decided: false });
    expect((run.error as Error).message).toMatch(
      /^the coordinator did not answer for 3 s.*; no Try was sent$/,
    );
    expect(s.coordinator.kinds).toEqual(['register']);
    expect(s.time.pending).toBe(0);
  });

  it('sends Rollback where a registration may have arrived and time is left, or where one was answered', async () => {
    const hanging = new Scenario();
    hanging.coordinator.onRegister = () => 'never';
    const caller = new AbortController();
    hanging.run((tx) => shopIn(tx).reserve(item), { signal: caller.signal });
    await hanging.time.advance(10);
    caller.abort();
    await hanging.time.settle();
    expect(hanging.coordinator.kinds).toEqual(['register', 'rollback']);

    const full = new Scenario();
    full.coordinator.onRegister = () => lost('STORE_UNAVAILABLE');
    await full.outcome((tx) => shopIn(tx).reserve(item), { timeout: '1s' });
    expect(full.coordinator.kinds).toContain('rollback');

    const broken = new Scenario();
    broken.coordinator.onRegister = (request, n) => (n === 1 ? registered(request) : lost());
    const both = async (tx: TransactionContext): Promise<void> => {
      await shopIn(tx).reserve(item);
      await shopIn(tx).charge(bill);
    };
    await broken.outcome(both, { timeout: '1s' });
    expect(broken.coordinator.kinds).toContain('rollback');
  });

  it('repeats a Rollback that was lost', async () => {
    const s = new Scenario();
    s.caller.onCall = () => rejecting();
    s.coordinator.onRollback = (_request, n) => (n <= 2 ? lost() : decided('cancelled'));
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({ name: 'TransactionCancelledError', status: 'cancelled' });
    expect(s.coordinator.requests('rollback')).toHaveLength(3);
  });

  it('repeats a Commit that was lost in any way, the wait included', async () => {
    const s = new Scenario();
    const lostAs = [
      'COORDINATOR_UNAVAILABLE',
      'DEADLINE_EXCEEDED',
      'NOT_BUILT_YET',
      'INTERNAL',
    ] as const;
    s.coordinator.onCommit = (_request, n) => {
      const code = lostAs[n - 1];
      return code === undefined ? decided('confirmed') : lost(code);
    };
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.value?.status).toBe('confirmed');
    expect(s.coordinator.requests('commit')).toHaveLength(5);
    expect(s.coordinator.calls('commit')[0]?.bounds.deadlineMs).toBe(7_000);
    expect(s.coordinator.kinds).not.toContain('rollback');
  });
});

describe('Commit without a usable answer', () => {
  it('is unknown when the run’s timeout has passed, and never rolled back', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = () => lost();
    const run = s.run((tx) => shopIn(tx).reserve(item), { timeout: '10s' });
    await s.time.advance(9_000);
    expect(run.ended).toBe(false);
    await s.time.advance(1_000);
    expect(run.error).toMatchObject({
      name: 'CoordinatorUnavailableError',
      decided: 'unknown',
      gid: 'order-1',
    });
    expect(s.coordinator.kinds).not.toContain('rollback');
    expect(s.time.pending).toBe(0);
  });

  it('is unknown when the caller aborts after it was sent: the abort only ends the waiting', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = () => 'never';
    const caller = new AbortController();
    const run = s.run((tx) => shopIn(tx).reserve(item), { signal: caller.signal });
    await s.time.advance(10);
    caller.abort();
    await s.time.settle();
    expect(run.error).toMatchObject({ name: 'CoordinatorUnavailableError', decided: 'unknown' });
    expect(s.coordinator.kinds).toEqual(['register', 'commit']);
    expect(s.time.pending).toBe(0);
  });

  it('is unknown when the gid is gone', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = () => refused('TRANSACTION_NOT_FOUND');
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({
      decided: 'unknown',
      cause: { code: 'TRANSACTION_NOT_FOUND' },
    });
    expect(s.coordinator.kinds).not.toContain('rollback');
  });

  it('is unknown when the gid belongs to another run by now, whatever became of that one', async () => {
    for (const status of ['confirmed', 'cancelled', 'trying'] as const) {
      const s = new Scenario();
      s.coordinator.onCommit = (_request, n) =>
        n === 1 ? lost() : refused('WRONG_RUN', { status });
      const run = await s.outcome((tx) => shopIn(tx).reserve(item));
      expect(run.error).toMatchObject({ decided: 'unknown', cause: { code: 'WRONG_RUN' } });
      expect(s.coordinator.kinds).toEqual(['register', 'commit', 'commit']);
    }
  });

  it('is unknown when what is read of the gid is another run’s', async () => {
    const refusals = [
      refused('WRONG_STATUS', { status: 'confirming' }),
      refused('WRONG_STATUS', { status: 'cancelling' }),
      refused('LIMIT_EXCEEDED'),
    ];
    for (const refusal of refusals) {
      const s = new Scenario();
      s.coordinator.onCommit = (_request, n) => (n === 1 ? lost() : refusal);
      const run = await s.outcome((tx) => shopIn(tx).reserve(item));
      expect(run.error).toMatchObject({ decided: 'unknown' });
      expect(s.coordinator.kinds).not.toContain('rollback');
    }
  });

  it('may outlast the run’s timeout by the wait for Confirm', async () => {
    const s = new Scenario();
    const answer = gate<ReturnType<typeof decided>>();
    s.coordinator.onCommit = () => answer.promise;
    const run = s.run(
      async (tx) => {
        await shopIn(tx).reserve(item);
        await new Promise<void>((resolve) => s.time.after(900, resolve));
      },
      { timeout: '1s' },
    );
    await s.time.advance(2_500);
    expect(run.ended).toBe(false);
    answer.open(decided('confirmed'));
    await s.time.settle();
    expect(run.value?.status).toBe('confirmed');
  });

  it('rejects a Try that is started after the callback returned', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = () => 'never';
    let late: () => Promise<unknown> = () => Promise.resolve();
    s.run(async (tx) => {
      await shopIn(tx).reserve(item);
      late = () => shopIn(tx).charge(bill);
    });
    await s.time.advance(10);
    await expect(late()).rejects.toMatchObject({ code: 'ALREADY_DECIDED' });
    expect(s.coordinator.kinds).toEqual(['register', 'commit']);
    await s.time.advance(120_000);
  });
});

describe('Commit that was refused', () => {
  it('counts as not sent while the transaction is trying: the run rolls back', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = () => refused('BRANCHES_MISMATCH', { status: 'trying' });
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({
      name: 'TransactionCancelledError',
      cause: { code: 'BRANCHES_MISMATCH' },
    });
    expect(s.coordinator.kinds).toEqual(['register', 'commit', 'rollback']);
  });

  it('counts as not sent where the request itself was refused at the first attempt', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = () => refused('INVALID_ARGUMENT');
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({ name: 'TransactionCancelledError' });
    expect(s.coordinator.kinds).toEqual(['register', 'commit', 'rollback']);
  });

  it('asks for the status where an earlier attempt was lost and the refusal does not tell it', async () => {
    const scripted = async (
      status: 'trying' | 'confirming' | 'cancelling',
    ): Promise<readonly unknown[]> => {
      const s = new Scenario();
      s.coordinator.onCommit = (_request, n) => (n === 1 ? lost() : refused('LIMIT_EXCEEDED'));
      s.coordinator.onGet = () => told(ownView(s, { status }));
      s.coordinator.onWait = () => told(ownView(s, { status, reached: 'executed' }));
      const run = await s.outcome((tx) => shopIn(tx).reserve(item));
      return [run.value?.status ?? (run.error as Error).name, s.coordinator.kinds.slice(2)];
    };
    expect(await scripted('trying')).toEqual([
      'TransactionCancelledError',
      ['commit', 'get', 'rollback'],
    ]);
    expect(await scripted('confirming')).toEqual(['confirmed', ['commit', 'get', 'wait']]);
    expect(await scripted('cancelling')).toEqual([
      'TransactionCancelledError',
      ['commit', 'get', 'wait'],
    ]);
  });

  it('is unknown where nobody tells the status', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = (_request, n) => (n === 1 ? lost() : refused('LIMIT_EXCEEDED'));
    s.coordinator.onGet = () => lost();
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({ decided: 'unknown' });
    expect(s.coordinator.kinds).not.toContain('rollback');
  });

  it('is committed where a lost attempt took effect before the refused one', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = (_request, n) =>
      n === 1 ? lost() : refused('BRANCHES_MISMATCH', { status: 'trying' });
    s.coordinator.onRollback = () => refused('WRONG_STATUS', { status: 'confirming' });
    s.coordinator.onWait = () =>
      told(ownView(s, { status: 'confirming', reached: 'decided', branches: [aBranchView()] }));
    const run = await s.outcome(async (tx) => {
      await shopIn(tx).reserve(item);
      return 'kept';
    });
    expect(run.value).toMatchObject({
      value: 'kept',
      status: 'confirming',
      branches: [{ status: 'pending' }],
    });
  });

  it('is cancelled where the coordinator’s timeout was first', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = () => refused('WRONG_STATUS', { status: 'cancelling' });
    const lastFailure = { grpcCode: 14, message: 'away', peer: undefined };
    const view = { status: 'cancelling', reached: 'decided', cause: 'timeout' } as const;
    s.coordinator.onWait = () =>
      told(ownView(s, { ...view, branches: [aBranchView({ lastFailure })] }));
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({
      name: 'TransactionCancelledError',
      status: 'cancelling',
      cause: { code: 'DEADLINE_EXCEEDED', cause: { code: 'WRONG_STATUS' } },
      branches: [{ phase: 'cancel', message: 'away' }],
    });
    expect(s.coordinator.kinds).not.toContain('rollback');
  });

  it('is cancelled by what the refusal says where the wait is not answered', async () => {
    for (const [status, shown] of [
      ['cancelled', 'cancelled'],
      ['cancelling', 'cancelling'],
    ]) {
      const s = new Scenario();
      s.coordinator.onCommit = () => refused('WRONG_STATUS', { status: status ?? '' });
      s.coordinator.onWait = () => lost();
      const run = await s.outcome((tx) => shopIn(tx).reserve(item));
      expect(run.error).toMatchObject({ status: shown, cause: { code: 'WRONG_STATUS' } });
    }
  });
});

describe('closing the client', () => {
  it('rolls back runs that have not decided, though their callback hangs, and rejects new work', async () => {
    const s = new Scenario();
    const run = s.run(async (tx) => {
      await shopIn(tx).reserve(item);
      await gate<void>().promise;
    });
    await s.time.advance(10);
    const closed = s.tercet.close();
    await s.time.settle();
    await closed;
    expect(run.error).toMatchObject({
      name: 'TransactionCancelledError',
      cause: { code: 'CALL_CANCELLED' },
    });
    expect(s.coordinator.requests('rollback')[0]?.waitMs).toBe(0);
    expect([s.coordinator.closed, s.caller.closed]).toEqual([1, 1]);
    expect(s.time.pending).toBe(0);
    await expect(s.tercet.run({ name: 'a' }, () => 1)).rejects.toMatchObject({
      code: 'CALL_CANCELLED',
    });
    await expect(s.tercet.get('g')).rejects.toMatchObject({ code: 'CALL_CANCELLED' });
    await s.tercet.close();
  });

  it('stops waiting for a Commit, whose outcome is then unknown', async () => {
    const s = new Scenario();
    s.coordinator.onCommit = () => 'never';
    const run = s.run((tx) => shopIn(tx).reserve(item));
    await s.time.advance(10);
    await s.tercet.close();
    expect(run.error).toMatchObject({ decided: 'unknown' });
    expect(s.time.pending).toBe(0);
  });

  it('ends after a second where the coordinator does not answer', async () => {
    const s = new Scenario();
    const never: Script<unknown, never> = () => 'never';
    Object.assign(s.coordinator, { onRollback: never, onWait: never });
    s.caller.onCall = () => failed(14, 'away');
    const run = s.run((tx) => shopIn(tx).reserve(item));
    const wait = s.tercet.wait('other').catch((error: unknown) => error);
    await s.time.advance(10);
    let ended = false;
    void s.tercet.close().then(() => {
      ended = true;
    });
    await s.time.advance(999);
    expect(ended).toBe(false);
    await s.time.advance(1);
    expect(ended).toBe(true);
    expect(run.error).toMatchObject({ decided: false });
    expect(await wait).toMatchObject({ code: 'CALL_CANCELLED' });
    expect(s.time.pending).toBe(0);
  });
});
