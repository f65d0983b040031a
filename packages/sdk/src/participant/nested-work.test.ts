/** The rules N1 to N7 of nested-work.ts under a virtual clock. The same over real gRPC: test/integration/nested.test.ts. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { Metadata, status } from '@grpc/grpc-js';
import { CallSignalSource, parseBranchId, parseGid, parseRunId } from '@tercet/core';
import { Scenario, bill, gate, item, observe, shop } from '../../test/support/scenario';
import {
  failed,
  lost,
  refused,
  registered,
  rejecting,
  replied,
  retryLater,
} from '../../test/support/scripted-coordinator';
import { ConfigError, type TryRejectedError, TryUnknownError } from '../errors';
import { type Joining, joiningOf } from '../joining';
import type { TccProxy } from '../transaction-context';
import type { CallContext } from './call-context';
import type { CallAnswer } from './call-answer';
import { sentIn } from './call-headers';
import { handleCall } from './handle-call';
import { IncomingCall } from './incoming-call';
import type { ParticipantInterceptor } from './interceptors';
import { ReceivedCall } from './received-call';
import type { Route } from './routes';
import { TccPark, TccReject, TccRetry } from './verdicts';

type Shop = TccProxy<typeof shop.service, typeof shop.methodNames>;
type Handler = (at: Shop, ctx: CallContext) => unknown;

/** The call of a Try with a handler, on fakes. */
class ParentTry {
  readonly s = new Scenario();
  readonly caller = new AbortController();
  readonly errors: unknown[] = [];
  interceptors: readonly ParticipantInterceptor[] = [];
  parent = '1';
  leftMs = 10_000;

  /** How many listen for the client's closing. */
  get closingListeners(): number {
    const { closing } = this.client.deps;
    if (!(closing instanceof CallSignalSource)) throw new Error('not the client’s own signal');
    return closing.listening;
  }

  get client(): Joining {
    const client = joiningOf(this.s.tercet);
    if (client === undefined) throw new Error('createTercet lends nothing');
    return client;
  }

  start(handler: Handler): ReturnType<typeof observe<CallAnswer>> {
    const { client, leftMs, parent } = this;
    const headers = {
      gid: parseGid('order-1'),
      runId: parseRunId('a'.repeat(32)),
      branchId: parseBranchId(parent),
      attempt: 1,
      notAfter: 1,
    };
    const call = new FakeCall(this.caller.signal, this.s.time.now() + leftMs);
    const route: Route = {
      service: 'shop.Buyer',
      action: 'buy',
      phase: 'try',
      method: shop.actions.reserve.methods.try,
      tryMethod: shop.actions.reserve.methods.try,
      cancelWhenTryUnknown: 'skip',
      handler: (_request, ctx) => handler(ctx.use(shop, { target: 'shop:1' }), ctx),
    };
    const { interceptors } = this;
    const onError = (error: unknown): unknown => this.errors.push(error);
    const deps = { clock: this.s.time, client, interceptors, onError };
    return observe(handleCall(deps, new ReceivedCall(route, call, headers)));
  }

  /** Runs it to its end. */
  async answer(handler: Handler): Promise<CallAnswer> {
    const observed = this.start(handler);
    for (let i = 0; i < 1_000 && !observed.ended; i++) await this.s.time.advance(i === 0 ? 0 : 100);
    if (observed.value === undefined) throw new Error('it never ended', { cause: observed.error });
    return observed.value;
  }

  /** Registered ids, request by request. */
  get registered(): readonly (readonly string[])[] {
    return this.s.coordinator
      .requests('register')
      .map(({ branches }) => branches.map(({ id }) => id));
  }
}

/** A call whose caller is a test's signal. */
class FakeCall extends IncomingCall {
  readonly request = {};
  readonly peer = undefined;
  readonly traceparent = undefined;
  readonly trace = undefined;
  readonly metadata = new Metadata();
  readonly sent = sentIn(this.metadata);

  constructor(
    private readonly caller: AbortSignal,
    readonly deadline: number,
  ) {
    super();
  }

  override get signal(): AbortSignal {
    return this.caller;
  }

  answer = unasked;
  protected isGone = unasked;
  protected watch = unasked;
  protected unwatch = unasked;
}

function unasked(): never {
  throw new Error('no test asks for it');
}

/** Code, text, and the verdict or the ids of nested branches. */
function told(answer: CallAnswer): readonly unknown[] {
  if (answer.kind === 'reply') {
    return answer.branches.length === 0 ? ['OK'] : ['OK', answer.branches.join()];
  }
  const { code, message, verdict } = answer;
  return verdict === undefined ? [status[code], message] : [status[code], message, verdict];
}

const soldOut = 'nested Try reserve (branch 1.1) was refused: sold out';
const doubtful =
  'nested Try reserve (branch 1.1) ended with nobody knowing whether it was applied: broken';

describe('a Try with nested work', () => {
  it('registers without an opening, then calls, and names what succeeded below it (N1, N2, N7)', async () => {
    const t = new ParentTry();
    t.s.caller.onCall = (call) =>
      call.metadata['tercet-branch-id'] === '1.1'
        ? { ...replied(call), branches: ['1.1.2', '1.1.1', '1.1.10'] }
        : replied(call);
    const answer = await t.answer(async (at) => {
      await Promise.all([at.reserve(item), at.charge(bill)]);
      return { reservationId: 'r' };
    });
    expect(told(answer)).toEqual(['OK', '1.1,1.1.1,1.1.2,1.1.10,1.2']);
    expect(t.registered).toEqual([['1.1', '1.2']]);
    const [request] = t.s.coordinator.requests('register');
    expect(request).toMatchObject({ gid: 'order-1', runId: 'a'.repeat(32), opening: undefined });
    expect(t.s.caller.calls[0]).toMatchObject({
      target: 'shop:1',
      method: '/shop.ShopTcc/ReserveTry',
      metadata: {
        'tercet-gid': 'order-1',
        'tercet-run-id': 'a'.repeat(32),
        'tercet-branch-id': '1.1',
        'tercet-attempt': '1',
        'tercet-not-after': '1700000099000',
      },
    });
    expect(t.s.time.pending).toBe(0);
    expect(getEventListeners(t.caller.signal, 'abort')).toEqual([]);
    expect(t.closingListeners).toBe(0);
  });

  it('numbers the calls of every use by one counter, and anew at the next attempt (N1)', async () => {
    const t = new ParentTry();
    t.parent = '2.3';
    const handler: Handler = async (at, ctx) => {
      const there = ctx.use(shop, { target: 'shop:2', metadata: { tenant: 'blue' } });
      await at.reserve(item);
      await there.reserve(item);
      await at.charge(bill);
      return {};
    };
    for (const attempt of [1, 2]) {
      expect([attempt, ...told(await t.answer(handler))]).toEqual([
        attempt,
        'OK',
        '2.3.1,2.3.2,2.3.3',
      ]);
    }
    expect(t.registered.flat()).toEqual(['2.3.1', '2.3.2', '2.3.3', '2.3.1', '2.3.2', '2.3.3']);
    expect(t.s.caller.calls[1]).toMatchObject({ target: 'shop:2', metadata: { tenant: 'blue' } });
  });

  it('sends no nested Try before its registration is durable (N2)', async () => {
    const t = new ParentTry();
    const durable = gate<ReturnType<typeof registered>>();
    t.s.coordinator.onRegister = () => durable.promise;
    const answer = t.start((at) => at.reserve(item));
    await t.s.time.advance(1_000);
    expect(t.s.caller.calls).toEqual([]);
    for (const request of t.s.coordinator.requests('register')) durable.open(registered(request));
    await t.s.time.advance(0);
    expect(t.s.caller.branches).toEqual(['1.1']);
    expect(answer.value?.kind).toBe('reply');
  });

  it('answers with nothing below it where it has no nested branch', async () => {
    const t = new ParentTry();
    expect(told(await t.answer(() => ({})))).toEqual(['OK']);
    expect(t.s.coordinator.asked).toEqual([]);
  });

  it.each([
    ['the action’s deadline', 10_000, 60_000, 2_000],
    ['what is left of the parent’s', 1_500, 60_000, 1_500],
    ['what the coordinator says is left', 10_000, 700, 700],
  ])('gives a nested Try no more than %s', async (_what, leftMs, remainingMs, expected) => {
    const t = new ParentTry();
    t.leftMs = leftMs;
    t.s.coordinator.onRegister = (request) => registered(request, remainingMs);
    await t.answer((at) => at.reserve(item));
    expect(t.s.caller.calls[0]?.deadlineMs).toBe(expected);
  });

  it('counts what the handler took before from its own deadline', async () => {
    const t = new ParentTry();
    t.leftMs = 1_500;
    await t.answer(async (at) => {
      await new Promise<void>((resolve) => t.s.time.after(1_000, resolve));
      return at.reserve(item);
    });
    expect(t.s.caller.calls[0]?.deadlineMs).toBe(500);
  });

  it('nests 8 deep and no deeper', async () => {
    const t = new ParentTry();
    t.parent = '1.1.1.1.1.1.1';
    expect(told(await t.answer((at) => at.reserve(item)))).toEqual(['OK', '1.1.1.1.1.1.1.1']);
    t.parent = '1.1.1.1.1.1.1.1';
    const answer = await t.answer((at) => at.reserve(item));
    expect(told(answer)[1]).toContain(
      'ctx.use: branches nest at most 8 deep, and branch 1.1.1.1.1.1.1.1 is 8 deep',
    );
    expect(t.errors).toEqual([expect.any(ConfigError)]);
  });

  it('repeats a nested Try that asks for it, as a run does', async () => {
    const t = new ParentTry();
    t.s.caller.onCall = (call, n) => (n < 3 ? retryLater(10) : replied(call));
    expect(told(await t.answer((at) => at.reserve(item)))).toEqual(['OK', '1.1']);
    expect(t.s.caller.calls.map(({ metadata }) => metadata['tercet-attempt'])).toEqual([
      '1',
      '2',
      '3',
    ]);
  });
});

describe('the end of a Try with nested work (N3)', () => {
  it('waits for nested Tries that the handler did not await', async () => {
    const t = new ParentTry();
    const slow = gate<ReturnType<typeof replied>>();
    t.s.caller.onCall = () => slow.promise;
    const answer = t.start((at) => {
      void at.reserve(item);
      return {};
    });
    await t.s.time.advance(1_000);
    expect(answer.ended).toBe(false);
    for (const call of t.s.caller.calls) slow.open(replied(call));
    await t.s.time.advance(0);
    expect(answer.value === undefined ? undefined : told(answer.value)).toEqual(['OK', '1.1']);
  });

  it('lets none start after the handler: one that would fails it while the answer waits', async () => {
    const t = new ParentTry();
    const slow = gate<ReturnType<typeof replied>>();
    t.s.caller.onCall = () => slow.promise;
    let late: Promise<unknown> | undefined;
    const answer = t.start((at) => {
      const rest = at.reserve(item).then(() => (late = at.charge(bill)));
      rest.catch(() => {});
      return {};
    });
    await t.s.time.advance(0);
    for (const call of t.s.caller.calls) slow.open(replied(call));
    await t.s.time.advance(0);
    const text = 'this Try was not sent: the handler of branch 1, in which it is nested, has ended';
    await expect(late).rejects.toThrow(text);
    expect(t.registered).toEqual([['1.1']]);
    expect(answer.value === undefined ? undefined : told(answer.value)).toEqual([
      'ABORTED',
      `nested Try charge failed: ${text}`,
    ]);
  });

  it('starts nothing once it is answered, and keeps no listener', async () => {
    const t = new ParentTry();
    let later: Shop | undefined;
    await t.answer(async (at) => {
      later = at;
      return {};
    });
    await expect(later?.reserve(item)).rejects.toThrow('has ended');
    expect(t.s.coordinator.asked).toEqual([]);
    expect(t.closingListeners).toBe(0);
  });

  it('comes when its caller gives up: nested Tries are aborted', async () => {
    const t = new ParentTry();
    t.s.caller.onCall = () => 'never';
    const answer = t.start((at) => at.reserve(item));
    await t.s.time.advance(100);
    t.caller.abort(new Error('given up'));
    await t.s.time.advance(0);
    expect(answer.value).toMatchObject({ code: status.ABORTED });
    expect(t.s.caller.calls[0]?.signal.aborted).toBe(true);
  });

  it('comes when the client is closed, which waits for it; afterwards nothing is sent', async () => {
    const t = new ParentTry();
    t.s.caller.onCall = () => 'never';
    const answer = t.start((at) => at.reserve(item));
    await t.s.time.advance(100);
    const closed = observe(t.s.tercet.close());
    await t.s.time.advance(0);
    expect([answer.ended, closed.ended]).toEqual([true, true]);
    const after = await t.answer((at) => at.reserve(item).catch(() => ({})));
    expect(told(after)).toEqual([
      'ABORTED',
      'nested Try reserve failed: this Tercet client was closed',
    ]);
    expect(t.s.caller.calls).toHaveLength(1);
  });
});

describe('a nested Try that was refused (N4, N5)', () => {
  const cases: readonly [string, Handler, readonly unknown[]][] = [
    ['lets it through', (at) => at.reserve(item), ['FAILED_PRECONDITION', soldOut, 'reject']],
    [
      'rejects with words of its own',
      (at) =>
        at.reserve(item).catch(() => {
          throw new TccReject('no journey');
        }),
      ['FAILED_PRECONDITION', `no journey (${soldOut})`, 'reject'],
    ],
    [
      'rejects with the same words',
      (at) =>
        at.reserve(item).catch((error: TryRejectedError) => {
          throw new TccReject(`no: ${error.reason}`);
        }),
      ['FAILED_PRECONDITION', 'no: sold out', 'reject'],
    ],
    ['swallows it', (at) => at.reserve(item).catch(() => ({})), ['ABORTED', soldOut]],
    [
      'does not look at it',
      (at) => {
        void at.reserve(item);
        return {};
      },
      ['ABORTED', soldOut],
    ],
    [
      'throws another error',
      (at) =>
        at.reserve(item).catch(() => {
          throw new Error('disk full');
        }),
      ['ABORTED', `${soldOut}; then the handler threw: disk full`],
    ],
    [
      'asks to be called again',
      (at) =>
        at.reserve(item).catch(() => {
          throw new TccRetry();
        }),
      ['ABORTED', `${soldOut}; then the handler threw: asked to be called again`],
    ],
    [
      'asks for an operator',
      (at) =>
        at.reserve(item).catch(() => {
          throw new TccPark('help');
        }),
      ['ABORTED', `${soldOut}; then the handler threw: help`],
    ],
  ];

  it.each(cases)(
    'decides how the parent ends where its handler %s',
    async (_what, handler, end) => {
      const t = new ParentTry();
      t.s.caller.onCall = () => rejecting('sold out', { left: 0 });
      expect(told(await t.answer(handler))).toEqual(end);
      expect(t.errors).toHaveLength(end[0] === 'ABORTED' ? 1 : 0);
    },
  );

  it('hands its details on, unless the handler has its own', async () => {
    const t = new ParentTry();
    t.s.caller.onCall = () => rejecting('sold out', { left: 0 });
    const detailsOf = (answer: CallAnswer): unknown => {
      if (answer.kind === 'reply') throw new Error('it is no refusal');
      return JSON.parse(String(answer.details));
    };
    expect(detailsOf(await t.answer((at) => at.reserve(item)))).toEqual({ left: 0 });
    const own: Handler = (at) =>
      at.reserve(item).catch(() => {
        throw new TccReject('no', { mine: 1 });
      });
    expect(detailsOf(await t.answer(own))).toEqual({ mine: 1 });
  });

  it('further down is told once, by its own branch, however many are around it', async () => {
    const t = new ParentTry();
    const inner = 'nested Try hold (branch 1.1.4) was refused: frozen';
    t.s.caller.onCall = () => rejecting(inner);
    expect(told(await t.answer((at) => at.reserve(item)))).toEqual([
      'FAILED_PRECONDITION',
      inner,
      'reject',
    ]);
  });

  it('stops those that run beside it, whose end changes nothing', async () => {
    const t = new ParentTry();
    t.s.caller.onCall = (_call, n) => (n === 1 ? 'never' : rejecting());
    const answer = await t.answer((at) => Promise.all([at.charge(bill), at.reserve(item)]));
    expect(told(answer)).toEqual([
      'FAILED_PRECONDITION',
      'nested Try reserve (branch 1.2) was refused: sold out',
      'reject',
    ]);
    expect(t.s.caller.calls[0]?.signal.aborted).toBe(true);
  });
});

describe('a nested Try whose end is unknown (N6)', () => {
  it.each<[string, Handler]>([
    ['lets it through', (at) => at.reserve(item)],
    ['swallows it', (at) => at.reserve(item).catch(() => ({}))],
  ])('makes the parent unknown where its handler %s', async (_what, handler) => {
    const t = new ParentTry();
    t.s.caller.onCall = () => failed(2, 'broken');
    expect(told(await t.answer(handler))).toEqual(['ABORTED', doubtful]);
    expect(t.errors).toMatchObject([{ code: 'TRY_UNKNOWN', cause: expect.any(TryUnknownError) }]);
  });

  it.each<[string, Error]>([
    ['reject', new TccReject('no')],
    ['retry', new TccRetry()],
    ['park', new TccPark('no')],
    ['another error', new Error('no')],
  ])('makes the parent unknown though its handler throws %s', async (_what, thrown) => {
    const t = new ParentTry();
    t.s.caller.onCall = () => failed(2, 'broken');
    const answer = await t.answer((at) =>
      at.reserve(item).catch(() => {
        throw thrown;
      }),
    );
    expect(told(answer)).toEqual([
      'ABORTED',
      `${doubtful}; then the handler threw: ${thrown.message}`,
    ]);
  });

  it.each<[string, (t: ParentTry) => void, RegExp]>([
    [
      'the decision',
      (t) => (t.s.coordinator.onRegister = () => refused('ALREADY_DECIDED')),
      /^nested Try reserve \(branch 1\.1\) failed: The transaction is decided/,
    ],
    [
      'other content under its id',
      (t) => (t.s.coordinator.onRegister = () => refused('BRANCH_CONFLICT')),
      /^nested Try reserve \(branch 1\.1\) failed: This branch id is registered with other content/,
    ],
    [
      'a coordinator that is away',
      (t) => (t.s.coordinator.onRegister = () => lost()),
      /^nested Try reserve \(branch 1\.1\) failed: branch was not registered/,
    ],
    [
      'a coordinator without time',
      (t) => (t.s.coordinator.onRegister = (request) => registered(request, 0)),
      /^nested Try reserve \(branch 1\.1\) failed: this Try was not sent/,
    ],
  ])('is what %s makes of it, swallowed or not', async (_what, prepare, text) => {
    const t = new ParentTry();
    prepare(t);
    const answer = await t.answer((at) => at.reserve(item).catch(() => ({})));
    expect(told(answer)).toEqual(['ABORTED', expect.stringMatching(text)]);
    expect(t.s.caller.calls).toEqual([]);
  });

  it('is what a request makes of it that cannot be encoded', async () => {
    const t = new ParentTry();
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const answer = await t.answer((at) => at.reserve(circular as never).catch(() => ({})));
    expect(told(answer)[1]).toMatch(/^nested Try reserve failed: the request of reserve cannot/);
    expect(t.s.coordinator.asked).toEqual([]);
  });

  it('lets no second one start: the first failure stays the reason (N4)', async () => {
    const t = new ParentTry();
    t.s.caller.onCall = () => failed(2, 'broken');
    const answer = await t.answer(async (at) => {
      await at.reserve(item).catch(() => undefined);
      await at.charge(bill);
    });
    expect(told(answer)[1]).toContain(doubtful);
    expect(t.registered).toEqual([['1.1']]);
  });
});

describe('a handler that throws first (N4)', () => {
  it.each<[string, Error, readonly unknown[]]>([
    ['reject', new TccReject('no'), ['FAILED_PRECONDITION', 'no', 'reject']],
    ['park', new TccPark('by hand'), ['FAILED_PRECONDITION', 'by hand', 'park']],
    ['another error', new Error('disk full'), ['UNKNOWN', 'disk full']],
  ])('stops what still runs, and its own word stands: %s', async (_what, thrown, end) => {
    const t = new ParentTry();
    t.s.caller.onCall = () => 'never';
    const started = gate();
    const observed = t.start(async (at) => {
      void at.reserve(item);
      await started.promise;
      throw thrown;
    });
    await t.s.time.advance(0);
    started.open();
    await t.s.time.advance(0);
    expect(observed.value === undefined ? undefined : told(observed.value)).toEqual(end);
    expect(t.s.caller.calls[0]?.signal.aborted).toBe(true);
  });

  it('cannot ask for a repetition while the end of a nested Try is unknown', async () => {
    const t = new ParentTry();
    t.s.caller.onCall = () => 'never';
    const observed = t.start(async (at) => {
      void at.reserve(item);
      await new Promise<void>((resolve) => t.s.time.after(10, resolve));
      throw new TccRetry();
    });
    await t.s.time.advance(10);
    expect(observed.value === undefined ? undefined : told(observed.value)).toEqual([
      'ABORTED',
      expect.stringMatching(
        /^nested Try reserve \(branch 1\.1\) .*; then the handler threw: asked/,
      ),
    ]);
  });

  it('after nested Tries that succeeded says what it likes: they are cancelled with it', async () => {
    const t = new ParentTry();
    const answer = await t.answer(async (at) => {
      await at.reserve(item);
      throw new TccReject('no driver');
    });
    expect(told(answer)).toEqual(['FAILED_PRECONDITION', 'no driver', 'reject']);
  });
});

describe('interceptors around nested work', () => {
  it('see what a failed nested Try makes of the call, and cannot make an OK of it', async () => {
    const t = new ParentTry();
    const seen: unknown[] = [];
    t.interceptors = [
      {
        async handle(_call, next) {
          await next().catch((error: unknown) => seen.push(error));
          return { reservationId: 'all is well' };
        },
      },
    ];
    t.s.caller.onCall = () => failed(2, 'broken');
    expect(told(await t.answer((at) => at.reserve(item).catch(() => ({}))))).toEqual([
      'ABORTED',
      doubtful,
    ]);
    expect(seen).toMatchObject([{ code: 'TRY_UNKNOWN', message: doubtful }]);
    t.s.caller.onCall = () => rejecting();
    expect(told(await t.answer((at) => at.reserve(item)))).toEqual(['ABORTED', soldOut]);
    expect(seen[1]).toBeInstanceOf(TccReject);
  });

  it('may reject after a nested reject, and not otherwise', async () => {
    const t = new ParentTry();
    const handle: ParticipantInterceptor['handle'] = (_call, next) =>
      next().catch(() => {
        throw new TccReject('closed');
      });
    t.interceptors = [{ handle }];
    t.s.caller.onCall = () => rejecting();
    expect(told(await t.answer((at) => at.reserve(item)))).toEqual([
      'FAILED_PRECONDITION',
      `closed (${soldOut})`,
      'reject',
    ]);
    t.s.caller.onCall = () => failed(2, 'broken');
    expect(told(await t.answer((at) => at.reserve(item)))).toEqual([
      'ABORTED',
      `${doubtful}; then the handler threw: closed`,
    ]);
  });
});
