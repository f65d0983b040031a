/** Options of `run`, and asking about transactions. */
import { describe, expect, it } from '@jest/globals';
import type { BranchId } from '@tercet/core';
import { createTercet } from '@tercet/sdk';
import { createOperatorClient } from '@tercet/sdk/operator';
import { Scenario, item, observe, shop } from '../test/support/scenario';
import { aBranchView, aView, lost, refused, told } from '../test/support/scripted-coordinator';

describe('options', () => {
  it('of run are checked before anything is sent', async () => {
    const s = new Scenario();
    const wrong: readonly [object, RegExp][] = [
      [{ name: '' }, /name must be/],
      [{ name: 'a b' }, /name must be/],
      [{ name: undefined }, /name must be/],
      [{ name: 'a', gid: 'a b' }, /gid must be/],
      [{ name: 'a', timeout: '0s' }, /timeout must be/],
      [{ name: 'a', timeout: '25h' }, /timeout must be/],
      [{ name: 'a', phaseTwoWaitMs: 60_001 }, /phaseTwoWaitMs must be/],
      [{ name: 'a', traceparent: 'x' }, /traceparent: must be a W3C traceparent such as/],
      [{ name: 'a', labels: { order: '1', items: 7 } }, /^labels.items must be a text, got 7$/],
      [{ name: 'a', labels: { customer: undefined } }, /labels.customer must be a text, got undef/],
      [{ name: 'a', labels: { tags: ['a'] } }, /labels.tags must be a text, got an object$/],
      [{ name: 'a', labels: 'blue' }, /^labels must be an object of texts, got "blue"$/],
      [{ name: 'a', labels: null }, /^labels must be an object of texts, got null$/],
    ];
    for (const [options, message] of wrong) {
      await expect(s.tercet.run(options as { name: string }, () => 1)).rejects.toThrow(message);
    }
    expect(s.coordinator.asked).toEqual([]);
  });

  it('of get and wait are checked', async () => {
    const s = new Scenario();
    const wrong = { timout: '1s' } as object;
    await expect(s.tercet.get('a', wrong)).rejects.toThrow(
      'get: unknown timout (did you mean timeout?); known are timeout, signal',
    );
    await expect(s.tercet.wait('a', wrong)).rejects.toThrow(
      'wait: unknown timout (did you mean timeout?); known are for, timeout, signal',
    );
    expect(s.coordinator.asked).toEqual([]);
  });

  it('of use and of a Try are checked, too', async () => {
    const s = new Scenario();
    const uses: readonly object[] = [
      {},
      { target: '' },
      { target: 'a', metadata: { 'tercet-gid': 'x' } },
      { target: 'a', metadata: { traceparent: 'x' } },
      { target: 'a', metadata: { 'grpc-timeout': '1S' } },
      { target: 'a', metadata: { 'key-bin': 'text' } },
      { target: 'a', metadata: { 'a key': 'text' } },
      { target: 'a', metadata: { key: 'line\nbreak' } },
      { target: 'a', metadata: { key: Buffer.of(1) } },
    ];
    for (const use of uses) {
      const run = await s.outcome((tx) => void tx.use(shop, use as { target: string }));
      expect(run.error).toMatchObject({ cause: { name: 'ConfigError' } });
    }
    const run = await s.outcome((tx) =>
      tx.use(shop, { target: 'a' }).reserve(item, { deadline: 0 }),
    );
    expect(run.error).toMatchObject({
      cause: { name: 'ConfigError', message: /deadline must be/ },
    });
    expect(s.coordinator.asked).toEqual([]);
  });

  it('of createTercet: an address is host:port or a gRPC target', () => {
    const wrong: readonly unknown[] = [
      '',
      'http://localhost:8420',
      'https://tercet',
      'localhost',
      'tercet.example.com',
      'localhost:',
      'localhost:http',
      'localhost:0',
      '127.0.0.1:65536',
      '::1',
      '[::1]',
      8420,
      null,
    ];
    for (const address of wrong as string[]) {
      const other = address === null ? 'null' : `a ${typeof address}`;
      const shown = typeof address === 'string' ? JSON.stringify(address) : other;
      const rule =
        'must be host:port or a gRPC target such as dns:///tercet:8420, without http://, got';
      const of = (make: () => unknown): unknown => {
        try {
          return make();
        } catch (error) {
          return error;
        }
      };
      expect(of(() => createTercet({ coordinator: address }))).toMatchObject({
        name: 'ConfigError',
        message: `coordinator ${rule} ${shown}`,
        hint: 'Mend the option that the message names; see docs/sdk.md.',
      });
      expect(of(() => createOperatorClient({ address }))).toMatchObject({
        name: 'ConfigError',
        message: `address ${rule} ${shown}`,
      });
    }
    for (const address of [
      'localhost:8420',
      '[::1]:8420',
      'dns:///tercet:8420',
      'dns:tercet',
      'ipv4:127.0.0.1:8420',
      'ipv6:[::1]:8420',
      'unix:/run/tercet.sock',
    ]) {
      void createTercet({ coordinator: address }).close();
      createOperatorClient({ address }).close();
    }
  });

  it('are refused where they do not exist, naming the nearest one', async () => {
    const s = new Scenario();
    const create = createTercet as (options: unknown) => unknown;
    expect(() => create({ coordinater: 'a:1' })).toThrow(
      'createTercet: unknown coordinater (did you mean coordinator?); known are coordinator, tls,',
    );
    expect(() => create({ tls: { participants: {} } })).toThrow(
      'createTercet: tls: unknown participants; known are coordinator',
    );
    for (const [given, shown] of [
      ['127.0.0.1:8420', 'a string'],
      [null, 'null'],
    ]) {
      expect(() => create(given)).toThrow(
        `createTercet must be given an object of options, got ${shown}`,
      );
    }
    const run = { name: 'a', timout: '1s' } as { name: string };
    await expect(s.tercet.run(run, () => 1)).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(
        /^run: unknown timout \(did you mean timeout\?\); known are name/,
      ),
      details: { option: 'timout' },
    });
    const use = { target: 'shop:1', metdata: {} } as { target: string };
    const used = await s.outcome((tx) => void tx.use(shop, use));
    expect(used.error).toMatchObject({
      cause: {
        name: 'ConfigError',
        message:
          'use: unknown metdata (did you mean metadata?); known are target, metadata, transport',
      },
    });
    expect(s.coordinator.asked).toEqual([]);
  });

  it('of run: the callback must be there', async () => {
    const s = new Scenario();
    const run = s.tercet.run.bind(s.tercet) as (...args: unknown[]) => Promise<unknown>;
    await expect(run({ name: 'a' })).rejects.toMatchObject({
      name: 'ConfigError',
      message: 'run needs a callback: tercet.run(options, async (tx) => { … })',
    });
    await expect(run(() => 1)).rejects.toMatchObject({ name: 'ConfigError' });
    await expect(run()).rejects.toMatchObject({ name: 'ConfigError' });
    await expect(run(null, () => 1)).rejects.toMatchObject({ name: 'ConfigError' });
  });
});

describe('get', () => {
  it('gives the transaction, and repeats what was lost', async () => {
    const s = new Scenario();
    s.coordinator.onGet = (_request, n) => (n === 1 ? lost() : told(aView()));
    const got = observe(s.tercet.get('order-1'));
    await s.time.advance(1_000);
    expect(got.value).toEqual(aView());
    const asked = { gid: 'order-1', withResult: false };
    expect(s.coordinator.requests('get')).toEqual([asked, asked]);
  });

  it('rejects with the coordinator’s error, and with CoordinatorUnavailableError without an answer', async () => {
    const s = new Scenario();
    s.coordinator.onGet = () => refused('TRANSACTION_NOT_FOUND', { gid: 'order-1' });
    const gone = observe(s.tercet.get('order-1'));
    await s.time.settle();
    expect(gone.error).toMatchObject({ code: 'TRANSACTION_NOT_FOUND', gid: 'order-1' });

    s.coordinator.onGet = () => lost();
    const away = observe(s.tercet.get('order-1', { timeout: '3s' }));
    await s.time.advance(2_999);
    expect(away.ended).toBe(false);
    await s.time.advance(1);
    expect(away.error).toMatchObject({ name: 'CoordinatorUnavailableError', decided: 'unknown' });
    await expect(s.tercet.get('a b')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(s.time.pending).toBe(0);
  });

  it('rejects with CALL_CANCELLED after an abort', async () => {
    const s = new Scenario();
    s.coordinator.onGet = () => 'never';
    const caller = new AbortController();
    const got = observe(s.tercet.get('order-1', { signal: caller.signal }));
    await s.time.advance(10);
    caller.abort('enough');
    await s.time.settle();
    expect(got.error).toMatchObject({ code: 'CALL_CANCELLED' });
  });
});

describe('wait', () => {
  it('looks first, then waits for executed, and gives the transaction when it holds', async () => {
    const s = new Scenario();
    s.coordinator.onWait = (_request, n) =>
      told(n === 1 ? aView({ status: 'confirming', reached: 'decided' }) : aView());
    const waited = observe(s.tercet.wait('order-1'));
    await s.time.settle();
    expect(waited.value?.reached).toBe('settled');
    expect(s.coordinator.requests('wait')).toEqual([
      { gid: 'order-1', waitFor: 'executed', waitMs: 0, withResult: false },
      { gid: 'order-1', waitFor: 'executed', waitMs: 20_000, withResult: false },
    ]);
  });

  it('rejects with TransactionPendingError and the pending branches when the time ran out', async () => {
    const s = new Scenario();
    const branches = [aBranchView({ status: 'confirmed' }), aBranchView({ attempts: 3 })];
    const view = aView({ status: 'confirming', reached: 'decided', branches });
    s.coordinator.onWait = () => told(view);
    const waited = observe(s.tercet.wait('order-1', { for: 'settled', timeout: '10s' }));
    await s.time.advance(10_000);
    expect(waited.error).toMatchObject({
      name: 'TransactionPendingError',
      decision: 'confirm',
      branches: [{ attempts: 3 }],
    });
    // An answer that comes early is followed by a pause, not by a tight loop.
    expect(s.coordinator.requests('wait').length).toBeLessThan(100);
    expect(s.time.pending).toBe(0);
  });

  it('rejects at once with TransactionStuckError where a branch is parked', async () => {
    const s = new Scenario();
    const parked = aBranchView({ parked: true, stuckReason: 'parked' });
    let branches = [parked, aBranchView({ branch: '2' as BranchId })];
    s.coordinator.onWait = () =>
      told(aView({ status: 'confirming', reached: 'decided', branches }));
    const waited = observe(s.tercet.wait('order-1'));
    await s.time.settle();
    expect(waited.error).toMatchObject({
      name: 'TransactionStuckError',
      message: 'transaction order-1 needs an operator: parked branch 1',
      branches: [{ parked: true }],
    });
    branches = [parked, { ...parked, branch: '2' as BranchId }];
    const again = observe(s.tercet.wait('order-1'));
    await s.time.settle();
    expect(again.error).toMatchObject({
      message: 'transaction order-1 needs an operator: parked branches 1, 2',
    });
  });

  it.each(['executed', 'settled'] as const)(
    'for %s sees that a branch was parked before it began to wait',
    async (fact) => {
      const s = new Scenario();
      const branches = [aBranchView({ parked: true, stuckReason: 'rejected' })];
      const view = aView({ status: 'cancelling', reached: 'decided', branches });
      s.coordinator.onWait = (request) => (request.waitMs === 0 ? told(view) : 'never');
      const waited = observe(s.tercet.wait('order-1', { for: fact }));
      await s.time.settle();
      expect(waited.error).toMatchObject({ name: 'TransactionStuckError' });
    },
  );

  it('for decided does not mind a parked branch', async () => {
    const s = new Scenario();
    const branches = [aBranchView({ parked: true, stuckReason: 'rejected' })];
    const view = aView({ status: 'confirming', reached: 'decided', branches });
    s.coordinator.onWait = () => told(view);
    const waited = observe(s.tercet.wait('order-1', { for: 'decided' }));
    await s.time.settle();
    expect(waited.value).toEqual(view);
    expect(s.coordinator.requests('wait')).toMatchObject([{ waitMs: 20_000 }]);
  });

  it('goes on where a parked branch was resolved', async () => {
    const s = new Scenario();
    const verdict = { asserted: 'confirmed', by: 'ann', at: 5, reason: 'done by hand' } as const;
    const branches = [aBranchView({ status: 'confirmed', verdict })];
    s.coordinator.onWait = () => told(aView({ branches }));
    const waited = observe(s.tercet.wait('order-1'));
    await s.time.settle();
    expect(waited.value?.branches[0]?.verdict).toEqual(verdict);
  });

  it('refuses a fact that does not exist', async () => {
    const s = new Scenario();
    await expect(s.tercet.wait('a', { for: 'done' as 'settled' })).rejects.toThrow(
      'for must be one of',
    );
  });
});
