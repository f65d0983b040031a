/** What `checkParticipant` is given: what cannot be checked is said at once, by name; and what its report looks like. */
import { describe, expect, test } from '@jest/globals';
import { BarrierError, ConfigError, defineTcc } from '@tercet/sdk';
import {
  type CheckOptions,
  type ParticipantLaw,
  ParticipantLawError,
  checkParticipant,
  participantLaws,
} from '../src/conformance';
import { MemoryBarrier } from './support/memory-barrier';
import { guarded, ownGuard } from './support/right-participants';
import { type Rows, StockDatabase, fullShelves, requestOf, tooMuch } from './support/stock-books';
import { StockTccService, stock } from './support/stock-service';
import { wrongGuards } from './support/wrong-participants';

type Options = CheckOptions<typeof stock, Rows, 'skip'>;

function options(over: Partial<Options> = {}): Options {
  const kept = { books: fullShelves() };
  return {
    barrier: new MemoryBarrier(kept),
    requests: { reserve: requestOf },
    snapshot: () => kept.books,
    reset: () => {
      kept.books = fullShelves();
    },
    only: ['L1'],
    ...over,
  };
}

/** Options as plain JavaScript may pass them. */
function malformed(over: Readonly<Record<string, unknown>>): Options {
  return { ...options(), ...over };
}

async function thrownBy(check: Promise<unknown>): Promise<unknown> {
  return check.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );
}

describe('what cannot be checked is a ConfigError that says why', () => {
  test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'no generator',
      { requests: {} },
      /requests has no generator for the action reserve; add requests: \{ reserve/,
    ],
    ['no generators at all', { requests: undefined }, /no generator for the action reserve/],
    ['no barrier said', { barrier: undefined }, /barrier must be a barrier, true .* or false/],
    ['no snapshot', { snapshot: undefined }, /snapshot must be a function/],
    ['no reset', { reset: undefined }, /reset must be a function/],
    [
      'a time that is none',
      { callTimeout: 'soon' },
      /callTimeout must be a time such as '2s'.*got 'soon'/,
    ],
    ['a time that is too long', { lawTimeout: '1h' }, /lawTimeout must be a time/],
    ['a law that is none', { only: ['L99'] }, /there is no law L99; there are L1 to L29/],
    ['L1 left out', { except: { L1: 'why not' } }, /L1 cannot be left out/],
    [
      'a snapshot that throws',
      {
        snapshot: () => {
          throw new Error('no table');
        },
      },
      /snapshot failed: no table/,
    ],
    [
      'a reset that throws',
      { reset: () => Promise.reject(new Error('no table')) },
      /reset failed: no table/,
    ],
    [
      'a snapshot of functions',
      { snapshot: () => ({ tea: () => 1 }) },
      /snapshot\.tea is a function/,
    ],
    [
      'a snapshot that was not awaited',
      { snapshot: () => ({ tea: Promise.resolve(1) }) },
      /snapshot\.tea is a promise; await it/,
    ],
    [
      'a reset that resets nothing',
      { reset: () => {} },
      /reset does not bring the first state back: .*tea\.free: expected 100, found 99/,
    ],
    [
      'a snapshot that shows nothing',
      { snapshot: () => ({}) },
      /neither Try nor Confirm of reserve changes what snapshot returns/,
    ],
    [
      'requests that are rejected',
      { requests: { reserve: tooMuch } },
      /Try of reserve rejected requests\.reserve\(1\): sold out/,
    ],
    [
      'refused requests that are accepted',
      { refused: { reserve: requestOf }, only: ['L26'] },
      /Try of reserve accepted refused\.reserve\(1\)/,
    ],
  ])('%s', async (_name, over, text) => {
    const error = await thrownBy(checkParticipant(stock, guarded, malformed(over)));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(text);
    expect((error as Error).message).toMatch(/^checkParticipant: /);
  });

  test('a snapshot that differs from run to run, naming where', async () => {
    const { snapshot, reset, ...books } = options();
    let lastId = 0;
    let ids: readonly number[] = [];
    const handlers = {
      reserve: {
        ...guarded.reserve,
        try: (...[request, ctx]: Parameters<typeof guarded.reserve.try>) => {
          lastId += 1;
          ids = [...ids, lastId];
          return guarded.reserve.try(request, ctx);
        },
      },
    };
    const error = await thrownBy(
      checkParticipant(stock, handlers, {
        ...books,
        snapshot: () => ({ books: snapshot(), ids }),
        reset: () => {
          ids = [];
          return reset();
        },
      }),
    );
    expect(String(error)).toMatch(
      /two runs of the same calls end in different states: ids\[0\]: expected 1, found 3; leave out of snapshot/,
    );
  });

  test('a function that makes handlers, together with a barrier', async () => {
    const error = await thrownBy(checkParticipant(stock, (() => guarded) as never, options()));
    expect(String(error)).toMatch(/handlers a function that makes handlers is for barrier: true/);
  });

  test('a barrier whose table is missing says so itself', async () => {
    const barrier = new MemoryBarrier({ books: fullShelves() });
    barrier.check = () => Promise.reject(new BarrierError('the table tercet_barrier is missing'));
    const error = await thrownBy(checkParticipant(stock, guarded, options({ barrier })));
    expect(error).toBeInstanceOf(BarrierError);
  });
});

describe('a handler that hangs', () => {
  const forever = new Promise<never>(() => {});

  test.each(['try', 'confirm', 'cancel'] as const)(
    'catches %s that never returns, names it, and tries no other law',
    async (phase) => {
      const handlers = { reserve: { ...guarded.reserve, [phase]: () => forever } };
      const { only: _all, ...all } = options({ callTimeout: '100ms' });
      const error = await thrownBy(checkParticipant(stock, handlers, all));
      expect(String(error)).toContain(`it hangs: after 100 ms it has neither returned nor thrown`);
      expect(String(error)).toContain(`the handler ${phase} of reserve to return`);
      const { failed, laws } = (error as ParticipantLawError).report;
      expect(failed).toHaveLength(1);
      expect(laws.at(-1)).toMatchObject({ outcome: 'unchecked' });
    },
  );

  test('catches a snapshot that never returns, by the time of the law', async () => {
    const error = await thrownBy(
      checkParticipant(stock, guarded, options({ snapshot: () => forever, lawTimeout: '200ms' })),
    );
    expect(String(error)).toContain('this law to be checked within 200 ms');
    expect(String(error)).toContain('snapshot had not returned');
  });
});

describe('the report', () => {
  test('has every law, and says why some were not checked', async () => {
    const { only: _all, ...all } = options({ except: { L13: 'nobody contradicts us' } });
    const report = await checkParticipant(stock, guarded, all);
    expect(report.service).toBe('shop.StockTcc');
    expect(report.laws.map(({ law }) => law)).toEqual(
      Array.from({ length: 29 }, (_, i) => `L${i + 1}`),
    );
    expect(report.text).toContain(
      'unchecked L13 reserve: After a Confirm no Cancel has an effect or is answered OK, and the other way round (nobody contradicts us)',
    );
  });

  test('of a broken law tells the law, its price, the story, both states and what to mend', async () => {
    const wrong = wrongGuards.find(({ law }) => law === 'L3');
    const db = new StockDatabase();
    const error = await thrownBy(
      checkParticipant(stock, wrong?.handlers(db) as never, {
        ...options(),
        barrier: true,
        snapshot: () => db.books,
        reset: () => db.refill(),
        only: ['L3'],
      }),
    );
    expect(error).toBeInstanceOf(ParticipantLawError);
    const mend =
      'Give addTcc a barrier and write through ctx.db; or insert a row keyed by run id and branch id in the transaction of the Try, and do nothing where it is there.';
    expect((error as Error).message).toBe(
      [
        'shop.StockTcc breaks 1 of 2 laws',
        '',
        'L3 of reserve is broken: A repeated Try takes once',
        '  What it costs: A Try whose answer was lost comes again. Each time it takes more, and only one share is ever confirmed or given back.',
        '  What happened:',
        "          (run A, branch 1 asks for { sku: 'tea', quantity: 1 })",
        "      1   try     run A, branch 1, attempt 1 → OK { reservationId: 'r-<run A>-1' }",
        "      2   try     run A, branch 1, attempt 2 → OK { reservationId: 'r-<run A>-1' }",
        "      3   try     run A, branch 1, attempt 3 → OK { reservationId: 'r-<run A>-1' }",
        '  Expected: the state after one Try',
        '  Found:',
        '    tea.free: expected 99, found 97',
        '    tea.held: expected 1, found 3',
        `  To mend: ${mend}`,
      ].join('\n'),
    );
  });

  test('of many broken laws tells three in full and the titles of the others', async () => {
    const db = new StockDatabase();
    const { only: _all, ...all } = options();
    const unguarded = {
      reserve: {
        try: ({ sku, quantity }: { sku: string; quantity: number }) =>
          db.transaction((rows) => {
            rows.add(sku, 'free', -quantity);
            return { reservationId: 'r' };
          }),
        confirm: ({ sku, quantity }: { sku: string; quantity: number }) =>
          db.transaction((rows) => rows.add(sku, 'sold', quantity)),
        cancel: ({ sku, quantity }: { sku: string; quantity: number }) =>
          db.transaction((rows) => rows.add(sku, 'free', quantity)),
      },
    };
    const error = await thrownBy(
      checkParticipant(stock, unguarded, {
        ...all,
        barrier: true,
        snapshot: () => db.books,
        reset: () => db.refill(),
      }),
    );
    const { message, report } = error as ParticipantLawError;
    expect(report.failed.length).toBeGreaterThan(10);
    expect(message.match(/is broken:/g)).toHaveLength(3);
    expect(message).toContain('Broken, too:');
  });

  test('of an undisturbed run that fails leaves the other laws unchecked', async () => {
    const handlers = {
      reserve: {
        ...guarded.reserve,
        confirm: () => {
          throw new Error('not built yet');
        },
      },
    };
    const { only: _all, ...all } = options();
    const error = await thrownBy(checkParticipant(stock, handlers, all));
    const { laws, failed } = (error as ParticipantLawError).report;
    expect(failed.map(({ law }) => law)).toEqual(['L1']);
    expect(new Set(laws.slice(1).map(({ text }) => text))).toEqual(
      new Set(['L1 has to hold first']),
    );
    expect(String(error)).toContain('UNKNOWN: not built yet');
  });
});

describe('one law at a time, for a test of its own each', () => {
  const of = (laws: readonly ParticipantLaw[], id: string): ParticipantLaw => {
    const found = laws.find(({ law }) => law === id);
    if (found === undefined) throw new Error(`no law ${id}`);
    return found;
  };

  test('has a title, and holds', async () => {
    const { only: _all, ...all } = options();
    const laws = participantLaws(stock, guarded, all);
    expect(laws).toHaveLength(29);
    expect(of(laws, 'L3').title).toBe('L3 reserve: A repeated Try takes once');
    expect(await of(laws, 'L3').check()).toMatchObject({ outcome: 'held' });
    expect(await of(laws, 'L1').check()).toMatchObject({ outcome: 'held' });
  });

  test('throws where it is broken, and where L1 is', async () => {
    const broken = { reserve: { ...guarded.reserve, cancel: () => {} } };
    const laws = participantLaws(stock, broken, { ...options(), only: ['L2', 'L3'] });
    expect(laws.map(({ law }) => law)).toEqual(['L1', 'L2', 'L3']);
    expect(await thrownBy(of(laws, 'L2').check())).toBeInstanceOf(ParticipantLawError);
    expect(await of(laws, 'L3').check()).toMatchObject({ outcome: 'held' });
    const useless = {
      reserve: {
        ...guarded.reserve,
        confirm: () => {
          throw new Error('never');
        },
      },
    };
    const others = participantLaws(stock, useless, { ...options(), only: ['L2'] });
    expect(String(await thrownBy(of(others, 'L2').check()))).toContain('L1 of reserve is broken');
  });
});

test('handlers that are a class, and what else they hold, work as addTcc takes them', async () => {
  const db = new StockDatabase();
  class Shop {
    readonly reserve = ownGuard(db).reserve;
  }
  const report = await checkParticipant(stock, new Shop(), {
    barrier: true,
    requests: { reserve: requestOf },
    snapshot: () => db.books,
    reset: () => db.refill(),
    only: ['L2'],
  });
  expect(report.failed).toEqual([]);
});

test('catches the wrong one of two actions, by its name', async () => {
  const { reserveTry, reserveConfirm, reserveCancel } = StockTccService;
  const both = {
    ...StockTccService,
    holdTry: { ...reserveTry, path: '/shop.StockTcc/HoldTry' as const },
    holdConfirm: { ...reserveConfirm, path: '/shop.StockTcc/HoldConfirm' as const },
    holdCancel: { ...reserveCancel, path: '/shop.StockTcc/HoldCancel' as const },
  } as const;
  const definition = defineTcc(both, {
    reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
    hold: { try: 'holdTry', confirm: 'holdConfirm', cancel: 'holdCancel' },
  });
  const hold = { ...guarded.reserve, cancel: () => {} };
  const kept = { books: fullShelves() };
  const error = await thrownBy(
    checkParticipant(
      definition,
      { ...guarded, hold },
      {
        barrier: new MemoryBarrier(kept),
        requests: { reserve: requestOf, hold: requestOf },
        snapshot: () => kept.books,
        reset: () => {
          kept.books = fullShelves();
        },
        only: ['L2'],
      },
    ),
  );
  const { laws, failed } = (error as ParticipantLawError).report;
  expect(laws.map(({ law, action }) => `${law} ${action}`)).toEqual([
    'L1 reserve',
    'L2 reserve',
    'L1 hold',
    'L2 hold',
  ]);
  expect(failed.map(({ action }) => action)).toEqual(['hold']);
});
