import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Scenario, bill, gate, item, shop, shopIn } from '../../test/support/scenario';
import {
  aBranchView,
  decided,
  registered,
  replied,
  retryLater,
} from '../../test/support/scripted-coordinator';

describe('a run that succeeds', () => {
  it('registers Tries of the same turn together, sends them, commits them, and gives the value', async () => {
    const s = new Scenario();
    const run = await s.outcome(async (tx) => {
      const [held, paid] = await tx.all([shopIn(tx).reserve(item), shopIn(tx).charge(bill)]);
      return { held: held.reservationId, balance: paid.balance };
    });
    expect(run.error).toBeUndefined();
    expect(s.coordinator.kinds).toEqual(['register', 'commit']);
    const [request] = s.coordinator.requests('register');
    expect(request?.branches.map(({ id, action }) => [id, action])).toEqual([
      ['1', 'reserve'],
      ['2', 'charge'],
    ]);
    expect(s.coordinator.requests('commit')[0]?.branchIds).toEqual(['1', '2']);
    expect(run.value).toMatchObject({
      attached: false,
      gid: 'order-1',
      runId: request?.runId,
      value: { held: 'r1', balance: 7 },
      status: 'confirmed',
      branches: [
        {
          branch: '1',
          action: 'reserve',
          service: 'shop.ShopTcc',
          target: 'shop:1',
          status: 'confirmed',
        },
        { branch: '2', action: 'charge', status: 'confirmed' },
      ],
    });
    expect(s.time.pending).toBe(0);
  });

  it('carries the opening until a registration was answered, and never again', async () => {
    const s = new Scenario();
    const first = gate<ReturnType<typeof registered>>();
    s.coordinator.onRegister = (request, n) => (n === 1 ? first.promise : registered(request));
    const run = s.run(async (tx) => {
      const one = shopIn(tx).reserve(item);
      await new Promise<void>((resolve) => s.time.after(10, resolve));
      const two = shopIn(tx).charge(bill);
      await tx.all([one, two]);
      await shopIn(tx).reserve(item);
    });
    await s.time.advance(20);
    for (const request of s.coordinator.requests('register').slice(0, 1))
      first.open(registered(request));
    await s.time.advance(1_000);
    expect(run.value?.status).toBe('confirmed');
    const requests = s.coordinator.requests('register');
    expect(requests.map(({ branches }) => branches.map(({ id }) => id))).toEqual([
      ['1'],
      ['2'],
      ['3'],
    ]);
    expect(requests.map(({ opening }) => opening !== undefined)).toEqual([true, true, false]);
    expect(requests[0]?.opening).toMatchObject({
      name: 'checkout',
      timeoutMs: 61_000,
      policy: { onTimeout: 'cancel', phaseTwoOrder: 'all' },
    });
    expect(requests[1]?.opening?.timeoutMs).toBe(60_990);
  });

  it('lets the coordinator time out a second after the run itself, but never after more than 24 h', async () => {
    const told = async (timeout: '5s' | '24h'): Promise<number | undefined> => {
      const s = new Scenario();
      await s.outcome((tx) => shopIn(tx).reserve(item), { timeout });
      return s.coordinator.requests('register')[0]?.opening?.timeoutMs;
    };
    expect(await told('5s')).toBe(6_000);
    expect(await told('24h')).toBe(86_400_000);
  });

  it('sends no Try before the registration was answered', async () => {
    const s = new Scenario();
    s.coordinator.onRegister = () => 'never';
    s.run(async (tx) => shopIn(tx).reserve(item));
    await s.time.advance(4_000);
    expect(s.coordinator.kinds).toEqual(['register']);
    expect(s.caller.calls).toHaveLength(0);
    await s.time.advance(120_000);
  });

  it('copies not-after as it was told, and names gid, run, branch, action, phase, attempt and trace', async () => {
    const s = new Scenario();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const run = await s.outcome(
      (tx) =>
        tx
          .use(shop, { target: 'shop:1', metadata: { tenant: 'blue', 'key-bin': Buffer.of(1) } })
          .reserve(item),
      { traceparent, tracestate: 'a=b', labels: { invoice: '7' } },
    );
    expect(s.caller.calls[0]).toMatchObject({
      target: 'shop:1',
      method: '/shop.ShopTcc/ReserveTry',
      metadata: {
        tenant: 'blue',
        'key-bin': Buffer.of(1),
        traceparent,
        tracestate: 'a=b',
        'tercet-gid': 'order-1',
        'tercet-run-id': run.value?.runId,
        'tercet-branch-id': '1',
        'tercet-action': 'reserve',
        'tercet-phase': 'try',
        'tercet-attempt': '1',
        'tercet-not-after': '1700000099000',
      },
    });
    expect(s.coordinator.requests('register')[0]?.opening).toMatchObject({
      trace: { traceparent, tracestate: 'a=b' },
      labels: { invoice: '7' },
    });
  });

  it('gives a Try the least of its deadline, what is left of the run, what the coordinator says, and the caller’s', async () => {
    const deadlineOf = async (options: {
      timeout?: '1s';
      remainingMs?: number;
      deadline?: '500ms' | '1h';
    }): Promise<readonly unknown[]> => {
      const s = new Scenario();
      s.coordinator.onRegister = (request) => registered(request, options.remainingMs);
      const { deadline, timeout } = options;
      await s.outcome(
        (tx) => shopIn(tx).reserve(item, deadline === undefined ? {} : { deadline }),
        timeout === undefined ? {} : { timeout },
      );
      const spec = s.coordinator.requests('register')[0]?.branches[0];
      return [spec?.deadlines.forwardMs, s.caller.calls[0]?.deadlineMs];
    };
    expect(await deadlineOf({})).toEqual([2_000, 2_000]);
    expect(await deadlineOf({ timeout: '1s' })).toEqual([1_000, 1_000]);
    expect(await deadlineOf({ remainingMs: 300 })).toEqual([2_000, 300]);
    expect(await deadlineOf({ deadline: '500ms' })).toEqual([500, 500]);
    expect(await deadlineOf({ deadline: '1h' })).toEqual([2_000, 2_000]);
  });

  it('registers what the definition says of deadlines, retry, stuck threshold and barrier', async () => {
    const s = new Scenario();
    await s.outcome((tx) => shopIn(tx).charge(bill));
    expect(s.coordinator.requests('register')[0]?.branches[0]).toMatchObject({
      target: 'shop:1',
      methods: {
        forward: '/shop.ShopTcc/ChargeTry',
        confirm: '/shop.ShopTcc/ChargeConfirm',
        cancel: '/shop.ShopTcc/ChargeCancel',
      },
      confirmPayload: undefined,
      cancelPayload: undefined,
      deadlines: { forwardMs: 3_000, confirmMs: 5_000, cancelMs: 5_000 },
      retry: { firstDelayMs: 200, maxDelayMs: 60_000 },
      stuckAfterMs: 300_000,
      barrier: false,
    });
  });

  it('repeats a Try that asks for it as the next attempt of the same branch, after its delay', async () => {
    const s = new Scenario();
    s.caller.onCall = (call, n) => (n === 1 ? retryLater(300) : replied(call));
    const run = s.run((tx) => shopIn(tx).reserve(item));
    await s.time.advance(299);
    expect(s.caller.calls).toHaveLength(1);
    await s.time.advance(1);
    expect(run.value?.status).toBe('confirmed');
    expect(s.caller.branches).toEqual(['1', '1']);
    expect(s.caller.calls.map(({ metadata }) => metadata['tercet-attempt'])).toEqual(['1', '2']);
    expect(s.caller.calls[1]?.deadlineMs).toBe(1_700);
    expect(s.coordinator.kinds).toEqual(['register', 'commit']);
  });

  it('never repeats a Try in a loop, though its participant asks for it at once', async () => {
    const s = new Scenario();
    s.caller.onCall = (call, n) => (n <= 2 ? retryLater(0) : replied(call));
    const run = s.run((tx) => shopIn(tx).reserve(item));
    await s.time.advance(9);
    expect(s.caller.calls).toHaveLength(1);
    await s.time.advance(11);
    expect(s.caller.calls).toHaveLength(3);
    expect(run.value?.status).toBe('confirmed');
  });

  it('awaits Tries that the callback did not await', async () => {
    const s = new Scenario();
    const answer = gate<void>();
    s.caller.onCall = (call) => answer.promise.then(() => replied(call));
    const run = s.run((tx) => {
      void shopIn(tx).reserve(item);
      return 'done';
    });
    await s.time.advance(100);
    expect(s.coordinator.kinds).toEqual(['register']);
    answer.open();
    await s.time.settle();
    expect(s.coordinator.kinds).toEqual(['register', 'commit']);
    expect(run.value?.value).toBe('done');
  });

  it('without a Try calls nobody', async () => {
    const s = new Scenario();
    const run = await s.outcome(() => 42);
    expect(run.value).toMatchObject({ value: 42, status: 'confirmed', branches: [] });
    expect(s.coordinator.asked).toEqual([]);
    expect(s.time.pending).toBe(0);
  });

  it('asks to wait for executed, and is confirming with the pending branches when the wait is over', async () => {
    const s = new Scenario();
    const lastFailure = { grpcCode: 14, message: 'refused', peer: '10.0.0.1:1' };
    const pending = [aBranchView({ attempts: 2, lastFailure, nextAt: 5 })];
    s.coordinator.onCommit = () => decided('confirming', pending);
    const run = await s.outcome(
      async (tx) => {
        await shopIn(tx).reserve(item);
        await shopIn(tx).charge(bill);
      },
      { phaseTwoWaitMs: 700 },
    );
    expect(s.coordinator.requests('commit')[0]).toMatchObject({ waitFor: 'executed', waitMs: 700 });
    expect(run.value?.status).toBe('confirming');
    expect(run.value?.branches).toMatchObject([
      {
        branch: '1',
        status: 'pending',
        failure: {
          phase: 'confirm',
          method: '/shop.ShopTcc/ReserveConfirm',
          grpcCode: 14,
          message: 'refused',
          attempts: 2,
          nextAt: 5,
          peer: '10.0.0.1:1',
        },
      },
      { branch: '2', status: 'confirmed', failure: undefined },
    ]);
  });

  it('asks to wait for executed, 2 s where nothing else is said', async () => {
    const s = new Scenario();
    await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(s.coordinator.requests('commit')).toMatchObject([
      { waitFor: 'executed', waitMs: 2_000 },
    ]);
  });

  it('draws a gid and a run id where none is given, each run its own', async () => {
    const s = new Scenario();
    const seen: string[] = [];
    const work = (tx: { gid: string; runId: string }): void => void seen.push(tx.gid, tx.runId);
    await s.tercet.run({ name: 'a' }, work);
    await s.tercet.run({ name: 'a' }, work);
    expect(new Set(seen).size).toBe(4);
    expect(seen[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(seen[1]).toMatch(/^[0-9a-f]{32}$/);
  });

  it('lets any number of Tries follow its signal, and leaves no listener behind', async () => {
    const s = new Scenario();
    const caller = new AbortController();
    const signals: AbortSignal[] = [caller.signal];
    const run = await s.outcome(
      (tx) => {
        signals.push(tx.signal);
        return tx.all(Array.from({ length: 200 }, () => shopIn(tx).reserve(item)));
      },
      { signal: caller.signal },
    );
    expect(run.value?.branches).toHaveLength(200);
    // Node warns of a leak from the eleventh listener on, unless told that there is no limit.
    const untouched = listenersMax(new AbortController().signal);
    expect(signals.map(listenersMax)).toEqual([untouched, 0]);
    expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual([0, 0]);
  });

  it('splits what is started together into requests of about a mebibyte, each of which opens', async () => {
    const s = new Scenario();
    const large = { sku: 'x'.repeat(600_000), quantity: 1 };
    const run = await s.outcome((tx) => tx.all([1, 2, 3].map(() => shopIn(tx).reserve(large))));
    expect(run.value?.status).toBe('confirmed');
    const requests = s.coordinator.requests('register');
    expect(requests.map(({ branches }) => branches.length)).toEqual([1, 1, 1]);
    expect(requests.every(({ opening }) => opening !== undefined)).toBe(true);
  });
});

/** Node's limit before it warns. `events.getMaxListeners` does not take the signals of jest's own realm. */
function listenersMax(signal: AbortSignal): unknown {
  const keys = Object.getOwnPropertySymbols(signal);
  const key = keys.find(({ description }) => description === 'events.maxEventTargetListeners');
  return key === undefined ? undefined : Reflect.get(signal, key);
}
