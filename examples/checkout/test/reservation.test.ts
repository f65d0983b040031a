/** The guard against a real SQLite file: every order and every repetition of calls that a network can produce. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { TccPark, TccReject } from '@tercet/sdk';
import { type Database, openDatabase } from '../src/database';
import { ReserveTryResponse } from '../src/gen/checkout/v1/stock';
import { type BranchCall, Reservations } from '../src/reservation';

const runId = '0123456789abcdef0123456789abcdef';
let folder = '';
let db: Database;
let late: string[] = [];
let guard: Reservations;

function aCall(branch: Partial<BranchCall> = {}): BranchCall {
  return {
    gid: 'order-1',
    runId,
    branchId: '1',
    reject: (reason, details) => {
      throw new TccReject(reason, details);
    },
    park: (reason) => {
      throw new TccPark(reason);
    },
    ...branch,
  };
}

/** The business data of these tests: one shelf. */
const shelf = {
  take: () => db.exec('UPDATE shelf SET available = available - 1, reserved = reserved + 1'),
  sell: () => db.exec('UPDATE shelf SET reserved = reserved - 1, sold = sold + 1'),
  putBack: () => db.exec('UPDATE shelf SET reserved = reserved - 1, available = available + 1'),
  read: () => ({ ...(db.prepare('SELECT available, reserved, sold FROM shelf').get() as object) }),
};

function tryOnce(call = aCall(), left = 9): ReserveTryResponse {
  return guard.try(call, {
    reply: ReserveTryResponse,
    apply: () => {
      shelf.take();
      return { reservationId: `of ${call.branchId}`, left };
    },
  });
}

function rows(): unknown[] {
  return db
    .prepare('SELECT gid, branch, state FROM reservation ORDER BY run_id, branch')
    .all()
    .map((row): unknown[] => Object.values(row as object));
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'checkout-reservation-'));
  db = await openDatabase(path.join(folder, 'shelf.db'));
});

afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  db.exec('DROP TABLE IF EXISTS reservation; DROP TABLE IF EXISTS shelf');
  db.exec('CREATE TABLE shelf (available INTEGER, reserved INTEGER, sold INTEGER)');
  db.exec('INSERT INTO shelf VALUES (10, 0, 0)');
  late = [];
  guard = new Reservations(db, (gid) => late.push(gid));
});

describe('the way it should go', () => {
  test('Try sets aside, Confirm sells', () => {
    expect(tryOnce()).toEqual({ reservationId: 'of 1', left: 9 });
    expect(shelf.read()).toEqual({ available: 9, reserved: 1, sold: 0 });
    guard.confirm(aCall(), shelf.sell);
    expect(shelf.read()).toEqual({ available: 9, reserved: 0, sold: 1 });
    expect(rows()).toEqual([['order-1', '1', 'confirmed']]);
  });

  test('Try sets aside, Cancel puts back', () => {
    tryOnce();
    guard.cancel(aCall(), shelf.putBack);
    expect(shelf.read()).toEqual({ available: 10, reserved: 0, sold: 0 });
    expect(rows()).toEqual([['order-1', '1', 'cancelled']]);
  });

  test('branches of one transaction, and runs of one gid, do not meet', () => {
    tryOnce();
    tryOnce(aCall({ branchId: '2' }));
    tryOnce(aCall({ runId: 'f'.repeat(32) }));
    expect(shelf.read()).toEqual({ available: 7, reserved: 3, sold: 0 });
    guard.cancel(aCall(), shelf.putBack);
    guard.confirm(aCall({ branchId: '2' }), shelf.sell);
    expect(shelf.read()).toEqual({ available: 8, reserved: 1, sold: 1 });
  });
});

describe('repeated calls', () => {
  test('a second Try changes nothing and gets the reply of the first', () => {
    tryOnce();
    expect(tryOnce(aCall(), 3)).toEqual({ reservationId: 'of 1', left: 9 });
    expect(shelf.read()).toEqual({ available: 9, reserved: 1, sold: 0 });
  });

  test('a Try that is repeated after Confirm gets that reply, too', () => {
    tryOnce();
    guard.confirm(aCall(), shelf.sell);
    expect(tryOnce()).toEqual({ reservationId: 'of 1', left: 9 });
    expect(shelf.read()).toEqual({ available: 9, reserved: 0, sold: 1 });
  });

  test('a second Confirm and a second Cancel are OK and change nothing', () => {
    tryOnce();
    guard.confirm(aCall(), shelf.sell);
    guard.confirm(aCall(), shelf.sell);
    const other = aCall({ branchId: '2' });
    tryOnce(other);
    guard.cancel(other, shelf.putBack);
    guard.cancel(other, shelf.putBack);
    expect(shelf.read()).toEqual({ available: 9, reserved: 0, sold: 1 });
  });
});

describe('Cancel without Try', () => {
  test('undoes nothing and leaves a tombstone; repeated, too', () => {
    guard.cancel(aCall(), shelf.putBack);
    guard.cancel(aCall(), shelf.putBack);
    expect(shelf.read()).toEqual({ available: 10, reserved: 0, sold: 0 });
    expect(rows()).toEqual([['order-1', '1', 'cancelled']]);
  });

  test('every Try that comes later is refused, not only the first', () => {
    guard.cancel(aCall(), shelf.putBack);
    expect(() => tryOnce()).toThrow(TccReject);
    expect(() => tryOnce()).toThrow('this Try comes after its Cancel');
    expect(shelf.read()).toEqual({ available: 10, reserved: 0, sold: 0 });
    expect(late).toEqual(['order-1', 'order-1']);
  });

  test('a Try that was undone is refused when it is repeated', () => {
    tryOnce();
    guard.cancel(aCall(), shelf.putBack);
    expect(() => tryOnce()).toThrow(TccReject);
    expect(shelf.read()).toEqual({ available: 10, reserved: 0, sold: 0 });
  });

  test('Cancel of a Try that was refused finds nothing to undo', () => {
    const refusing = { reply: ReserveTryResponse, apply: () => aCall().reject('too few') };
    expect(() => guard.try(aCall(), refusing)).toThrow('too few');
    expect(rows()).toEqual([]);
    guard.cancel(aCall(), shelf.putBack);
    expect(shelf.read()).toEqual({ available: 10, reserved: 0, sold: 0 });
  });
});

describe('contradictions are never answered OK and change nothing', () => {
  test('Confirm of a branch that was never tried', () => {
    expect(() => guard.confirm(aCall(), shelf.sell)).toThrow(TccPark);
    expect(rows()).toEqual([]);
  });

  test('Confirm after Cancel', () => {
    tryOnce();
    guard.cancel(aCall(), shelf.putBack);
    expect(() => guard.confirm(aCall(), shelf.sell)).toThrow(
      'Confirm of a branch that is cancelled',
    );
    expect(shelf.read()).toEqual({ available: 10, reserved: 0, sold: 0 });
  });

  test('Cancel after Confirm', () => {
    tryOnce();
    guard.confirm(aCall(), shelf.sell);
    expect(() => guard.cancel(aCall(), shelf.putBack)).toThrow(
      'Cancel of a branch that is confirmed',
    );
    expect(shelf.read()).toEqual({ available: 9, reserved: 0, sold: 1 });
    expect(rows()).toEqual([['order-1', '1', 'confirmed']]);
  });
});

describe('row and business data stand or fall together', () => {
  const failing = (work: () => void) => (): never => {
    work();
    throw new Error('disk trouble');
  };

  test('a Try that fails half-way can be tried again', () => {
    const half = { reply: ReserveTryResponse, apply: failing(shelf.take) };
    expect(() => guard.try(aCall(), half)).toThrow('disk trouble');
    expect(shelf.read()).toEqual({ available: 10, reserved: 0, sold: 0 });
    tryOnce();
    expect(shelf.read()).toEqual({ available: 9, reserved: 1, sold: 0 });
  });

  test('so can a Confirm and a Cancel', () => {
    tryOnce();
    expect(() => guard.confirm(aCall(), failing(shelf.sell))).toThrow('disk trouble');
    expect(() => guard.cancel(aCall(), failing(shelf.putBack))).toThrow('disk trouble');
    expect(shelf.read()).toEqual({ available: 9, reserved: 1, sold: 0 });
    expect(rows()).toEqual([['order-1', '1', 'tried']]);
    guard.confirm(aCall(), shelf.sell);
    expect(shelf.read()).toEqual({ available: 9, reserved: 0, sold: 1 });
  });

  test('a new process finds what the old one had committed', async () => {
    tryOnce();
    const second = await openDatabase(path.join(folder, 'shelf.db'));
    new Reservations(second).confirm(aCall(), () =>
      second.exec('UPDATE shelf SET sold = 1, reserved = 0'),
    );
    second.close();
    guard.confirm(aCall(), shelf.sell);
    expect(shelf.read()).toEqual({ available: 9, reserved: 0, sold: 1 });
  });
});
