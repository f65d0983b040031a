/** The conformance kit: wrong participants are caught, each by the law that it breaks; right ones pass. */
import { describe, expect, test } from '@jest/globals';
import { ParticipantLawError, type ParticipantReport, checkParticipant } from '../src/conformance';
import { MemoryBarrier } from './support/memory-barrier';
import { guarded, ownGuard } from './support/right-participants';
import { StockDatabase, fullShelves, requestOf, tooMuch } from './support/stock-books';
import { stock } from './support/stock-service';
import { wrongGuards, wrongUses } from './support/wrong-participants';

const requests = { reserve: requestOf };
const refused = { reserve: tooMuch };

/** What a participant that guards by itself is checked with. */
function ownOptions(db: StockDatabase) {
  return {
    barrier: true,
    db,
    requests,
    refused,
    snapshot: () => db.books,
    reset: () => db.refill(),
  } as const;
}

/** What one with a barrier is checked with. `elsewhere` is business state, too. */
function barrierOptions(elsewhere = new StockDatabase()) {
  const kept = { books: fullShelves() };
  return {
    barrier: new MemoryBarrier(kept),
    requests,
    snapshot: () => ({ ...kept.books, elsewhere: elsewhere.books }),
    reset: () => {
      kept.books = fullShelves();
      elsewhere.refill();
    },
  };
}

async function brokenBy(check: Promise<ParticipantReport>): Promise<ParticipantLawError> {
  const error: unknown = await check.then(
    () => 'nothing was thrown',
    (thrown: unknown) => thrown,
  );
  if (error instanceof ParticipantLawError) return error;
  throw error;
}

describe('a wrong participant with a guard of its own', () => {
  test.each(wrongGuards)('catches a $name ($law)', async ({ law, handlers }) => {
    const db = new StockDatabase();
    const error = await brokenBy(
      checkParticipant(stock, handlers, { ...ownOptions(db), only: [law] }),
    );
    expect(error.report.failed.map((each) => each.law)).toEqual([law]);
    expect(error.message).toContain(`${law} of reserve is broken`);
  });
});

describe('a wrong participant with a barrier', () => {
  test.each(wrongUses)('catches a $name ($law)', async ({ law, handlers, ...rest }) => {
    const elsewhere = new StockDatabase();
    const options = { ...barrierOptions(elsewhere), only: [law] };
    const error = await brokenBy(
      checkParticipant(stock, handlers(elsewhere), {
        ...options,
        ...(rest.cancelWhenTryUnknown === undefined ? {} : { cancelWhenTryUnknown: 'call' }),
      }),
    );
    expect(error.report.failed.map((each) => each.law)).toEqual([law]);
  });
});

describe('a right participant keeps every law', () => {
  test('with a barrier', async () => {
    const report = await checkParticipant(stock, guarded, { ...barrierOptions(), refused });
    expect(report.laws.map(({ outcome }) => outcome)).toEqual(Array(29).fill('held'));
  });

  test('with a guard of its own, all but what nobody can see of it', async () => {
    const db = new StockDatabase();
    const { db: _unseen, ...options } = ownOptions(db);
    const report = await checkParticipant(stock, ownGuard(db), options);
    const unchecked = report.laws.filter(({ outcome }) => outcome === 'unchecked');
    expect(unchecked.map(({ law }) => law)).toEqual([
      'L16',
      'L18',
      'L20',
      'L22',
      'L23',
      'L24',
      'L25',
    ]);
    expect(report.laws.filter(({ outcome }) => outcome === 'held')).toHaveLength(22);
  });

  test('with a guard of its own whose database is seen', async () => {
    const db = new StockDatabase();
    const report = await checkParticipant(
      stock,
      (own: StockDatabase) => ownGuard(own),
      ownOptions(db),
    );
    const unchecked = report.laws.filter(({ outcome }) => outcome === 'unchecked');
    expect(unchecked.map(({ law }) => law)).toEqual(['L16', 'L18', 'L20']);
  });

  test('without anything but the fence, where its own guard does the rest', async () => {
    const db = new StockDatabase();
    const report = await checkParticipant(stock, ownGuard(db), {
      ...ownOptions(db),
      barrier: false,
    });
    expect(report.failed).toEqual([]);
  });
});
