/**
 * Nested work over real gRPC: the initiator calls a travel agency (branch 1), whose Try calls an airline (1.1), whose
 * Try calls a bank (1.1.1). Rules N1 to N7: packages/sdk/src/participant/nested-work.ts.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type CallContext,
  type RunOptions,
  TccReject,
  TccRetry,
  type Tercet,
  type TransactionCancelledError,
  type TransactionContext,
  TryRejectedError,
  TryUnknownError,
  createTercet,
} from '@tercet/sdk';
import { aFolder, afterTest } from '../support/clean-up';
import { type Participant, aCoordinator, aParticipant, anInitiator, shop } from '../support/shop';

const order = { sku: 'trip', quantity: 1 };
const payment = { account: 'ann', cents: 30 };

let port: number;
let tercet: Tercet;
let agency: Participant;
let airline: Participant;
let bank: Participant;
/** What arrived, by branch: `try reserve`, … */
let story: Map<string, string[]>;

/** Adds a line for every call, then does what the test wants. */
function on(
  participant: Participant,
  call: string,
  work?: (ctx: CallContext) => Promise<unknown>,
): void {
  participant.hooks.set(call, async (_request, ctx) => {
    story.set(ctx.branchId, [...(story.get(ctx.branchId) ?? []), call]);
    await work?.(ctx);
  });
}

/** The branches and what came to each. */
function told(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...story].sort());
}

const callAirline = (ctx: CallContext): Promise<unknown> =>
  ctx.use(shop, { target: airline.target }).reserve(order);
const callBank = (ctx: CallContext): Promise<unknown> =>
  ctx.use(shop, { target: bank.target }).charge(payment);

beforeEach(async () => {
  story = new Map();
  ({ port } = await aCoordinator(aFolder()));
  tercet = anInitiator(port);
  agency = await aParticipant({ tercet: anInitiator(port) });
  airline = await aParticipant({ tercet: anInitiator(port) });
  bank = await aParticipant();
  for (const participant of [agency, airline, bank]) {
    for (const phase of ['try', 'confirm', 'cancel']) {
      for (const action of ['reserve', 'charge']) on(participant, `${phase} ${action}`);
    }
  }
  on(agency, 'try reserve', callAirline);
  on(airline, 'try reserve', callBank);
});

function travel(tx: TransactionContext): Promise<{ reservationId: string }> {
  return tx.use(shop, { target: agency.target }).reserve(order);
}

async function cancelledRun(
  work: (tx: TransactionContext) => Promise<unknown> = travel,
  options: Partial<RunOptions> = {},
): Promise<TransactionCancelledError> {
  return await tercet.run({ name: 'travel', gid: 'trip-1', ...options }, work).then(
    () => {
      throw new Error('it was not cancelled');
    },
    (error: unknown) => error as TransactionCancelledError,
  );
}

async function settled(gid = 'trip-1'): Promise<readonly (readonly [string, string])[]> {
  const view = await tercet.wait(gid, { for: 'settled', timeout: '15s' });
  return view.branches.map(({ branch, status }) => [branch, status] as const).sort();
}

const everywhere = (phase: 'confirm' | 'cancel'): Readonly<Record<string, readonly string[]>> => ({
  '1': ['try reserve', `${phase} reserve`],
  '1.1': ['try reserve', `${phase} reserve`],
  '1.1.1': ['try charge', `${phase} charge`],
});

describe('nested work through three participants', () => {
  it('is confirmed everywhere, once: Commit lists every branch', async () => {
    const out = await tercet.run({ name: 'travel', gid: 'trip-1' }, travel);
    expect(out).toMatchObject({ status: 'confirmed', value: { reservationId: 'trip-1' } });
    expect(told()).toEqual(everywhere('confirm'));
    expect(await settled()).toEqual([
      ['1', 'confirmed'],
      ['1.1', 'confirmed'],
      ['1.1.1', 'confirmed'],
    ]);
  });

  it('has no more time than the Try around it was called with', async () => {
    const given: number[] = [];
    const client = createTercet({
      coordinator: `127.0.0.1:${port}`,
      interceptors: [
        {
          try: (info, next) => {
            given.push(info.deadlineMs);
            return next();
          },
        },
      ],
    });
    afterTest(() => client.close());
    const branch = await aParticipant({ tercet: client });
    on(branch, 'try reserve', callAirline);
    await tercet.run({ name: 'travel', gid: 'trip-1' }, (tx) =>
      // The definition alone would give the nested one 2 s.
      tx.use(shop, { target: branch.target }).reserve(order, { deadline: 1_900 }),
    );
    expect(given).toEqual([expect.any(Number)]);
    expect(given[0]).toBeLessThanOrEqual(1_900);
  });

  it('is cancelled everywhere when the last one refuses, and the initiator learns who and why', async () => {
    on(bank, 'try charge', () => {
      throw new TccReject('account frozen', { since: 'May' });
    });
    const { cause } = await cancelledRun();
    expect(cause).toBeInstanceOf(TryRejectedError);
    expect(cause).toMatchObject({
      reason: 'nested Try charge (branch 1.1.1) was refused: account frozen',
      failure: { branch: '1', details: { since: 'May' } },
    });
    await settled();
    expect(told()).toEqual(everywhere('cancel'));
  });

  it('is cancelled everywhere though a handler swallows the error of its nested Try', async () => {
    on(bank, 'try charge', () => {
      throw new TccReject('account frozen');
    });
    on(airline, 'try reserve', (ctx) => callBank(ctx).catch(() => undefined));
    const { cause } = await cancelledRun();
    expect(cause).toBeInstanceOf(TryUnknownError);
    expect((cause as Error).message).toContain(
      'nested Try charge (branch 1.1.1) was refused: account frozen',
    );
    await settled();
    expect(told()).toEqual(everywhere('cancel'));
  });

  it('is cancelled everywhere when a participant in the middle is away', async () => {
    airline.stop();
    const { cause } = await cancelledRun();
    expect(cause).toBeInstanceOf(TryUnknownError);
    expect((cause as Error).message).toContain('nested Try reserve (branch 1.1)');
    await airline.start();
    expect(await settled()).toEqual([
      ['1', 'cancelled'],
      ['1.1', 'cancelled'],
    ]);
    expect(told()['1.1']).toEqual(['cancel reserve']);
  });

  it('is cancelled everywhere when the parent’s answer comes after its caller’s deadline', async () => {
    on(agency, 'try reserve', async (ctx) => {
      await callAirline(ctx);
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    });
    const { cause } = await cancelledRun();
    expect(cause).toMatchObject({ code: 'TRY_UNKNOWN', failure: { grpcCode: 4, branch: '1' } });
    await settled();
    expect(told()).toEqual(everywhere('cancel'));
  });

  it('is cancelled everywhere when the parent’s process dies after its nested Tries', async () => {
    on(agency, 'try reserve', async (ctx) => {
      await callAirline(ctx);
      agency.stop();
    });
    const { cause } = await cancelledRun();
    expect(cause).toBeInstanceOf(TryUnknownError);
    await agency.start();
    await settled();
    expect(told()).toEqual(everywhere('cancel'));
  });

  it('is stopped all the way down when the initiator gives up', async () => {
    const giveUp = new AbortController();
    const aborted: string[] = [];
    on(bank, 'try charge', async (ctx) => {
      giveUp.abort(new Error('changed my mind'));
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      aborted.push(ctx.branchId);
    });
    await cancelledRun(travel, { signal: giveUp.signal });
    await settled();
    expect(aborted).toEqual(['1.1.1']);
    expect(told()).toEqual(everywhere('cancel'));
  });
});

describe('a repeated Try with nested work', () => {
  it('registers the same branches again: they are confirmed once', async () => {
    on(agency, 'try reserve', async (ctx) => {
      await callAirline(ctx);
      if (ctx.attempt < 3) throw new TccRetry({ after: '10ms' });
    });
    const out = await tercet.run({ name: 'travel', gid: 'trip-1' }, travel);
    expect(out.status).toBe('confirmed');
    expect(await settled()).toEqual([
      ['1', 'confirmed'],
      ['1.1', 'confirmed'],
      ['1.1.1', 'confirmed'],
    ]);
    const thrice = (line: string): readonly string[] => [line, line, line];
    expect(told()).toEqual({
      '1': [...thrice('try reserve'), 'confirm reserve'],
      '1.1': [...thrice('try reserve'), 'confirm reserve'],
      '1.1.1': [...thrice('try charge'), 'confirm charge'],
    });
  });

  it('with another request under the same id is a contradiction: all is cancelled', async () => {
    on(agency, 'try reserve', async (ctx) => {
      const at = ctx.use(shop, { target: airline.target });
      await at.reserve({ sku: 'trip', quantity: ctx.attempt });
      if (ctx.attempt === 1) throw new TccRetry({ after: '10ms' });
    });
    const { cause } = await cancelledRun();
    expect((cause as Error).message).toMatch(/nested Try reserve \(branch 1\.1\) failed: .*1\.1/);
    await settled();
    expect(told()['1.1.1']).toEqual(['try charge', 'cancel charge']);
  });

  it('that leaves a nested call out is not committed: the registered set is larger', async () => {
    on(agency, 'try reserve', async (ctx) => {
      if (ctx.attempt > 1) return;
      await callAirline(ctx);
      throw new TccRetry({ after: '10ms' });
    });
    const { cause } = await cancelledRun();
    expect(cause).toMatchObject({ code: 'BRANCHES_MISMATCH' });
    await settled();
    expect(told()['1.1.1']).toEqual(['try charge', 'cancel charge']);
  });
});

describe('nested work of one participant', () => {
  it('that calls itself nests 8 deep, and a ninth is refused before anything of it is registered', async () => {
    let deepest = 8;
    on(agency, 'try reserve', async (ctx) => {
      const depth = ctx.branchId.split('.').length;
      if (depth < deepest) await ctx.use(shop, { target: agency.target }).reserve(order);
    });
    const out = await tercet.run({ name: 'travel', gid: 'trip-1' }, travel);
    expect(out.status).toBe('confirmed');
    const branches = await settled();
    expect(branches.at(-1)).toEqual(['1.1.1.1.1.1.1.1', 'confirmed']);
    expect(branches).toHaveLength(8);
    deepest = 9;
    const { cause } = await cancelledRun(travel, { gid: 'trip-2' });
    expect((cause as Error).message).toContain('branches nest at most 8 deep');
    expect(await settled('trip-2')).toHaveLength(8);
  });

  it('of many branches at once commits them all: their ids fit into one answer', async () => {
    on(agency, 'try reserve', (ctx) => {
      const at = ctx.use(shop, { target: bank.target });
      return Promise.all(Array.from({ length: 200 }, () => at.charge(payment)));
    });
    const out = await tercet.run({ name: 'travel', gid: 'trip-1', phaseTwoWaitMs: 10_000 }, travel);
    expect(out.status).toBe('confirmed');
    expect(await settled()).toHaveLength(201);
  });

  it('is no part of a transaction that its handler runs by itself', async () => {
    const own = anInitiator(port);
    on(agency, 'try reserve', async (ctx) => {
      const inner = await own.run({ name: 'audit', gid: `audit-${ctx.gid}` }, (tx) =>
        tx.use(shop, { target: bank.target }).charge(payment),
      );
      expect(inner).toMatchObject({ attached: false, status: 'confirmed' });
      throw new TccReject('no seats');
    });
    const { cause } = await cancelledRun();
    expect(cause).toMatchObject({ reason: 'no seats' });
    expect(await settled()).toEqual([['1', 'cancelled']]);
    expect(await settled('audit-trip-1')).toEqual([['1', 'confirmed']]);
  });

  it('comes too late after the decision: nothing is registered, nothing is sent', async () => {
    const giveUp = new AbortController();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    afterTest(() => release());
    const ended = new Promise<unknown>((resolve) => {
      on(agency, 'try reserve', async (ctx) => {
        giveUp.abort();
        await held;
        resolve(await callAirline(ctx).catch((error: unknown) => error));
      });
    });
    await cancelledRun((tx) =>
      tx.use(shop, { target: agency.target }).reserve(order, { signal: giveUp.signal }),
    );
    release();
    expect(await ended).toMatchObject({ code: 'CALL_CANCELLED' });
    expect(await settled()).toEqual([['1', 'cancelled']]);
    expect(told()['1.1']).toBeUndefined();
  });
});
