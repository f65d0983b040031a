/** One implementation, two transports: what is decided and what handlers see does not depend on how a call came. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import {
  type AddTccOptions,
  type CallContext,
  TccPark,
  TccReject,
  TccRetry,
  addTcc,
  createTercet,
  currentTransaction,
} from '@tercet/sdk';
import { ManualTime } from '@tercet/core/testing';
import { type CallSpec, type Caller, type Told, bothCallers } from '../support/both-transports';
import { type Peer, startPeer } from '../support/grpc-peer';
import { shop as shopDefinition } from '../support/scenario';
import { ScriptedCaller, ScriptedCoordinator, rejecting } from '../support/scripted-coordinator';
import {
  type Handler,
  type Handlers,
  depot,
  startShop,
  throwing,
} from '../support/shop-participant';

let peer: Peer | undefined;
let callers: readonly Caller[] = [];

afterEach(async () => {
  for (const caller of callers) caller.close();
  await peer?.stop();
  callers = [];
  peer = undefined;
});

/** Runs `work` once per transport, each on a participant of its own, and gives both results, unary first. */
async function onBoth<T>(
  start: () => Promise<Peer>,
  work: (caller: Caller) => Promise<T>,
): Promise<[T, T]> {
  const results: T[] = [];
  for (const name of ['unary', 'deliver'] as const) {
    peer = await start();
    callers = bothCallers(peer);
    const caller = callers.find((each) => each.name === name);
    if (caller === undefined) throw new Error(`nobody calls by ${name}`);
    results.push(await work(caller));
    for (const each of callers) each.close();
    await peer.stop();
  }
  return results as [T, T];
}

/** The answers to a row of calls, one after another; both transports must agree. */
async function answers(
  handlers: Handlers,
  specs: readonly CallSpec[],
  options: AddTccOptions = {},
): Promise<readonly Told[]> {
  const [unary, deliver] = await onBoth(
    () => startShop(handlers, options),
    async (caller) => {
      const told: Told[] = [];
      for (const spec of specs) told.push(await caller.call(spec));
      return told;
    },
  );
  expect(deliver).toEqual(unary);
  return unary;
}

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('replies and rejections are the same on both transports', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const cases: readonly [string, Handler, Partial<Told>][] = [
    ['a reply', () => {}, { code: 0, reply: '{"reservationId":"r-tea"}' }],
    ['a reject', throwing(new TccReject('sold out')), { code: 9, verdict: 'reject' }],
    [
      'a reject with details',
      throwing(new TccReject('no', { left: 0, cents: 12n })),
      { details: '{"left":0,"cents":"12"}' },
    ],
    [
      'a reject whose details are too large',
      throwing(new TccReject('no', 'x'.repeat(5_000))),
      { verdict: 'reject', details: undefined },
    ],
    [
      'a reject whose details are no JSON',
      throwing(new TccReject('no', circular)),
      { verdict: 'reject', details: undefined },
    ],
    ['a long text', throwing(new TccReject('価'.repeat(1_000))), { message: '価'.repeat(227) }],
    [
      'a text that is no Unicode',
      throwing(new Error('half \uD83D of a pair')),
      { code: 2, message: 'half \uFFFD of a pair' },
    ],
    ['a retry', throwing(new TccRetry({ after: '1.5s' })), { retryAfterMs: 1_500 }],
    ['a retry without delay', throwing(new TccRetry()), { verdict: 'retry' }],
    ['a park', throwing(new TccPark('look at it')), { verdict: 'park', message: 'look at it' }],
    ['any other error', throwing(new TypeError('')), { code: 2, message: 'TypeError' }],
    ['what is no error', throwing(7), { message: 'the handler threw a number that is no Error' }],
    ['a verdict of ctx', (_request, { reject }) => reject('no', { a: 1 }), { details: '{"a":1}' }],
    ['a retry of ctx', (_request, { retry }) => retry({ after: 5 }), { retryAfterMs: 5 }],
    ['a park of ctx', (_request, { park }) => park('hm'), { verdict: 'park' }],
    [
      'ctx.use without a client',
      (_request, { use }) => void use(depot, { target: 'x:1' }),
      { code: 2, message: expect.stringContaining('it needs a client') as never },
    ],
  ];

  it.each(cases)('%s', async (_what, handler, expected) => {
    const [told] = await answers({ try: handler }, [{}]);
    expect(told).toMatchObject(expected);
    for (const phase of ['confirm', 'cancel'] as const) {
      const [same] = await answers({ [phase]: handler }, [{ phase }]);
      expect(same?.code).toBe(told?.code);
    }
  });
});

describe('a mistake of the caller is answered the same on both transports', () => {
  const cases: readonly [string, CallSpec, number, RegExp][] = [
    ['no gid', { headers: { 'tercet-gid': undefined } }, 3, /^metadata tercet-gid is missing/],
    ['a bad gid', { headers: { 'tercet-gid': 'a b' } }, 3, /^gid must be .* got "a b"$/],
    ['no run id', { headers: { 'tercet-run-id': undefined } }, 3, /tercet-run-id is missing/],
    ['a bad run id', { headers: { 'tercet-run-id': 'x' } }, 3, /^run_id must be/],
    ['no branch', { headers: { 'tercet-branch-id': undefined } }, 3, /branch-id is missing/],
    ['a bad branch', { headers: { 'tercet-branch-id': '1.0' } }, 3, /^branch_id must be/],
    ['no attempt', { headers: { 'tercet-attempt': undefined } }, 3, /attempt is missing/],
    ['no not-after', { headers: { 'tercet-not-after': undefined } }, 3, /not-after is missing/],
    ['a bad not-after', { headers: { 'tercet-not-after': '-1' } }, 3, /a whole number, got -1$/],
    ['no phase', { headers: { 'tercet-phase': undefined } }, 3, /tercet-phase is missing/],
    ['another phase', { headers: { 'tercet-phase': 'cancel' } }, 3, /be try for this method, got/],
    ['no message', { payload: Buffer.from('{oops') }, 13, /^Error deserializing request$/],
  ];

  it.each(cases)('%s', async (_what, spec, code, message) => {
    const [told] = await answers({}, [spec]);
    expect([told?.code, told?.verdict]).toEqual([code, undefined]);
    expect(told?.message).toMatch(message);
  });

  it('and where nothing is missing there is none: Confirm needs no not-after', async () => {
    const [told] = await answers({}, [{ phase: 'confirm' }]);
    expect(told?.code).toBe(status.OK);
  });
});

describe('what keeps a call from starting is the same on both transports', () => {
  it('a Try past its time, a Try after its Cancel, and a fence that is full', async () => {
    const clock = new ManualTime();
    const now = clock.now();
    const late = { 'tercet-not-after': String(now - 1) };
    const inTime = { 'tercet-not-after': String(now + 60_000) };
    const told = await answers(
      {},
      [
        { headers: late },
        { phase: 'cancel', headers: inTime },
        { headers: inTime },
        { phase: 'cancel', headers: { ...inTime, 'tercet-branch-id': '2' } },
      ],
      { clock, fenceKeysMax: 1 },
    );
    expect(told.map(({ code, message }) => [code, message])).toEqual([
      [4, 'this Try had to start 1 ms ago (tercet-not-after); it was not started'],
      [0, ''],
      [10, 'this branch was cancelled before; the Try was not started'],
      [8, 'too many cancelled branches to remember; call again'],
    ]);
  });

  it('a handler that is told that its time is over answers too late', async () => {
    const untilAbort: Handler = async (_request, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    const start = (): Promise<Peer> => startShop({ try: untilAbort });
    const codes = await onBoth(
      start,
      async (caller) => (await caller.call({ deadlineMs: 50 })).code,
    );
    expect(codes).toEqual([status.DEADLINE_EXCEEDED, status.DEADLINE_EXCEEDED]);
  });

  it('a reply that cannot be encoded is none', async () => {
    const broken = () => {
      throw new Error('not today');
    };
    const service = {
      ...shopDefinition.service,
      reserveTry: { ...shopDefinition.service.reserveTry, responseSerialize: broken },
    };
    const handlers = { try: () => ({ reservationId: 'r' }), confirm: () => {}, cancel: () => {} };
    const charge = { ...handlers, try: () => ({ chargeId: 'c', balance: 1 }) };
    const start = (): Promise<Peer> =>
      startPeer((server) => {
        const { reserve, charge: charging } = shopDefinition.actions;
        const definition = { ...shopDefinition, service, actions: { reserve, charge: charging } };
        const methods = { ...reserve.methods, try: service.reserveTry };
        Object.assign(definition.actions, { reserve: { ...reserve, methods } });
        addTcc(server, definition as unknown as typeof shopDefinition, {
          reserve: handlers,
          charge,
          count: () => {},
        });
      });
    const [unary, deliver] = await onBoth(start, (caller) => caller.call({}));
    expect(deliver).toEqual(unary);
    expect(deliver).toMatchObject({ code: 13, message: 'Error serializing response' });
  });
});

describe('nested work is told the same on both transports', () => {
  const nesting = async (handler: Handler, script?: ScriptedCaller['onCall']): Promise<Told> => {
    const time = new ManualTime();
    const tryCaller = new ScriptedCaller(time);
    if (script !== undefined) tryCaller.onCall = script;
    const tercet = createTercet({ transport: new ScriptedCoordinator(time), tryCaller });
    const [told] = await answers({ try: handler }, [{}], { tercet });
    await tercet.close();
    if (told === undefined) throw new Error('no answer');
    return told;
  };
  const nested: Handler = async (request, { use }) => {
    await use(depot, { target: 'depot:1' }).reserve(request);
    await use(depot, { target: 'depot:2' }).reserve(request);
  };

  it('the ids of what succeeded below', async () => {
    expect(await nesting(nested)).toMatchObject({ code: 0, branches: ['1.1', '1.2'] });
  });

  it('a nested refusal', async () => {
    expect(await nesting(nested, () => rejecting('sold out', { left: 0 }))).toMatchObject({
      code: 9,
      verdict: 'reject',
      message: 'nested Try reserve (branch 1.1) was refused: sold out',
      details: '{"left":0}',
      branches: [],
    });
  });
});

describe('what a handler is told is the same on both transports', () => {
  const entries = [
    ['tenant', 'blue'],
    ['x-list', 'one'],
    ['x-list', 'two'],
    ['x-proof-bin', Buffer.from([0, 255, 44])],
    ['x-proof-bin', Buffer.from([1])],
  ] as const;

  /** All of ctx in plain values. */
  function shown(ctx: CallContext): Readonly<Record<string, unknown>> {
    const { gid, runId, branchId, action, phase, attempt, notAfter, traceparent: trace } = ctx;
    const { metadata, signal, deadline = 0, peer } = ctx;
    const proof = metadata.get('x-proof-bin');
    return {
      ...{ gid, runId, branchId, action, phase, attempt, notAfter, trace, proof },
      metadata: metadata.getMap(),
      keys: Object.keys(metadata.getMap()).sort(),
      aborted: signal.aborted,
      inFuture: deadline > 1_700_000_000_000,
      peer: peer?.replace(/:\d+$/, ''),
      scope: { ...currentTransaction(), deadline: undefined },
    };
  }

  it.each(['try', 'confirm', 'cancel'] as const)('in %s', async (phase) => {
    const seen: unknown[] = [];
    const note: Handler = (_request, ctx) => void seen.push(shown(ctx));
    const headers = { traceparent, tracestate: 'vendor=x', 'tercet-attempt': '3' };
    await answers({ [phase]: note }, [{ phase, headers, entries }, { phase }]);
    expect(seen).toHaveLength(4);
    expect(seen.slice(2)).toEqual(seen.slice(0, 2));
    expect(seen[0]).toMatchObject({
      gid: 'order-1',
      action: 'reserve',
      phase,
      attempt: 3,
      trace: traceparent,
      peer: '127.0.0.1',
      scope: { gid: 'order-1', branchId: '1', phase, trace: { traceparent } },
      metadata: { 'tercet-attempt': '3', tenant: 'blue', 'x-list': 'one, two', traceparent },
      proof: [Buffer.from([0, 255, 44]), Buffer.from([1])],
    });
  });

  it('a malformed trace included: it is shown, and not carried on', async () => {
    const seen: unknown[] = [];
    const note: Handler = (_request, ctx) =>
      void seen.push([ctx.traceparent, currentTransaction()?.trace]);
    await answers({ try: note }, [{ headers: { traceparent: '00-oops' } }]);
    expect(seen).toEqual([
      ['00-oops', undefined],
      ['00-oops', undefined],
    ]);
  });
});
