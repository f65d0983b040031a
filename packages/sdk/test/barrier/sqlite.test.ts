import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualTime, SeededRandom } from '@tercet/core/testing';
import { DatabaseSync } from '@photostructure/sqlite';
import type { Barrier, BarrierCall, BarrierWork } from '../../src/barrier/barrier';
import { type SqliteBarrierOptions, sqliteBarrier } from '../../src/barrier/sqlite';
import { ConfigError } from '../../src/errors';
import { TccReject, TccRetry } from '../../src/participant/verdicts';
import { branchCall, bytes, settled, textOf } from './memory-barrier';

type Connection = InstanceType<typeof DatabaseSync>;

let folder: string;
let time: ManualTime;
let db: Connection;
let barrier: Barrier<Connection>;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'tercet-sqlite-barrier-'));
  time = new ManualTime();
  db = opened();
  db.exec('CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER CHECK (count >= 0))');
  db.exec("INSERT INTO stock VALUES ('pen', 10)");
  barrier = barrierOn(db);
  await barrier.migrate();
});

afterEach(() => {
  if (db.isOpen) db.close();
  rmSync(folder, { recursive: true, force: true });
});

function opened(): Connection {
  return new DatabaseSync(path.join(folder, 'shop.db'));
}

function barrierOn(connection: Connection, options: SqliteBarrierOptions = {}) {
  return sqliteBarrier(connection, {
    clock: time,
    scheduler: time,
    random: new SeededRandom(7),
    ...options,
  });
}

const take: BarrierWork<Connection> = async ({ db }) => {
  db.prepare("UPDATE stock SET count = count - 1 WHERE sku = 'pen'").run();
  return { reply: bytes('taken'), note: undefined };
};

const giveBack: BarrierWork<Connection> = async ({ db }) => {
  db.exec("UPDATE stock SET count = count + 1 WHERE sku = 'pen'");
  return { reply: new Uint8Array(), note: undefined };
};

/** A handler that does something with ctx.db after taking a pen, and returns. */
function takeAnd(then: (db: Connection) => unknown): BarrierWork<Connection> {
  return async (opened) => {
    const done = await take(opened);
    await then(opened.db);
    return done;
  };
}

function pens(): unknown {
  return read("SELECT count FROM stock WHERE sku = 'pen'")[0]?.['count'];
}

function rows(): string[] {
  const found = read('SELECT branch, slot, op FROM tercet_barrier ORDER BY 1, 2 DESC');
  return found.map((row) => Object.values(row).join(' '));
}

function read(sql: string): readonly Readonly<Record<string, unknown>>[] {
  return db.prepare(sql).all() as Readonly<Record<string, unknown>>[];
}

async function thrown(
  work: BarrierWork<Connection>,
  call: Partial<BarrierCall> = {},
): Promise<unknown> {
  const result = await settled(time, barrier.carryOut(branchCall(call), work), 3_000);
  expect(result.status).toBe('rejected');
  return result.status === 'rejected' ? result.reason : undefined;
}

describe('the calls of a branch', () => {
  test('Try, its duplicate, Confirm and its duplicate', async () => {
    expect(await barrier.carryOut(branchCall(), take)).toMatchObject({ kind: 'done' });
    const again = await barrier.carryOut(branchCall({ attempt: 2 }), take);
    expect(again.kind === 'duplicate' && textOf(again.reply)).toBe('taken');
    expect(pens()).toBe(9);
    const confirm = branchCall({ phase: 'confirm' });
    let tried: unknown;
    await barrier.carryOut(confirm, async (it) => {
      tried = it.tried;
      return { reply: new Uint8Array(), note: undefined };
    });
    expect(tried).toEqual({ reply: bytes('taken'), note: undefined });
    // An empty reply is a reply.
    expect(await barrier.carryOut(confirm, take)).toMatchObject({ kind: 'duplicate' });
    expect(await barrier.carryOut(branchCall({ phase: 'cancel' }), giveBack)).toMatchObject({
      kind: 'conflict',
    });
    expect(pens()).toBe(9);
  });

  test('an empty Cancel, and the late Try three times', async () => {
    expect(await barrier.carryOut(branchCall({ phase: 'cancel' }), giveBack)).toEqual({
      kind: 'empty',
    });
    for (let i = 0; i < 3; i += 1) {
      expect(await barrier.carryOut(branchCall(), take)).toEqual({ kind: 'late' });
    }
    expect(await barrier.carryOut(branchCall({ phase: 'cancel' }), giveBack)).toMatchObject({
      kind: 'duplicate',
    });
    expect([pens(), rows()]).toEqual([10, ['1 try cancel', '1 end cancel']]);
  });

  test('a Confirm without a Try writes nothing', async () => {
    expect(await barrier.carryOut(branchCall({ phase: 'confirm' }), take)).toMatchObject({
      kind: 'conflict',
    });
    expect(rows()).toEqual([]);
  });

  test('what a handler throws rolls back both, and is rethrown', async () => {
    const reject = new TccReject('sold out');
    expect(await thrown(takeAnd(() => Promise.reject(reject)))).toBe(reject);
    expect([pens(), rows(), db.isTransaction]).toEqual([10, [], false]);
  });

  test('an SQL error that the handler caught costs its statement only', async () => {
    const work = takeAnd((tx) => {
      expect(() => tx.exec("INSERT INTO stock VALUES ('pen', 1)")).toThrow(/UNIQUE/);
    });
    expect(await barrier.carryOut(branchCall(), work)).toMatchObject({ kind: 'done' });
    expect(pens()).toBe(9);
  });
});

describe('SL1 one connection', () => {
  test('asynchronous handlers run one at a time', async () => {
    const log: string[] = [];
    const work =
      (name: string): BarrierWork<Connection> =>
      async (it) => {
        log.push(`${name} in`);
        await new Promise<void>((resolve) => void time.after(10, resolve));
        log.push(`${name} out`);
        return take(it);
      };
    // A second barrier on the same connection stands in the same line.
    const other = barrierOn(db);
    const all = Promise.all([
      barrier.carryOut(branchCall({ branchId: '1' }), work('a')),
      other.carryOut(branchCall({ branchId: '2' }), work('b')),
      barrier.carryOut(branchCall({ branchId: '3' }), work('c')),
      barrier.cleanUp(),
    ]);
    expect((await settled(time, all)).status).toBe('fulfilled');
    expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
    expect([pens(), time.pending]).toEqual([7, 0]);
  });

  test('a full line asks to come again', async () => {
    const bounded = barrierOn(db, { queueMax: 1 });
    const slow = takeAnd(() => new Promise<void>((resolve) => void time.after(10, resolve)));
    const first = bounded.carryOut(branchCall(), slow);
    const second = bounded.carryOut(branchCall({ branchId: '2' }), take);
    const third = bounded.carryOut(branchCall({ branchId: '3' }), take);
    await expect(third).rejects.toThrow(TccRetry);
    await expect(third).rejects.toThrow(/1 calls wait.*queueMax of sqliteBarrier/);
    expect((await settled(time, Promise.all([first, second]))).status).toBe('fulfilled');
  });

  test('who gave up while waiting does not start', async () => {
    let gone = false;
    const slow = takeAnd(() => new Promise<void>((resolve) => void time.after(10, resolve)));
    const first = barrier.carryOut(branchCall(), slow);
    const second = barrier.carryOut(branchCall({ branchId: '2', givenUp: () => gone }), take);
    gone = true;
    expect(await settled(time, second)).toMatchObject({ reason: { name: 'BarrierError' } });
    await first;
    expect([pens(), rows()]).toEqual([9, ['1 try try']]);
  });

  test('SL3 a handler that never ends is rolled back, and the next one gets the connection', async () => {
    let late: (() => void) | undefined;
    const hanging = barrier.carryOut(
      branchCall({ deadline: time.now() + 1_000 }),
      takeAnd(
        (tx) =>
          new Promise<void>((resolve) => {
            late = () => {
              expect(() => tx.exec('DELETE FROM stock')).toThrow(/rolled back/);
              resolve();
            };
          }),
      ),
    );
    const next = barrier.carryOut(branchCall({ branchId: '2' }), take);
    await time.advance(12_000);
    expect(await next).toMatchObject({ kind: 'done' });
    late?.();
    expect(await settled(time, hanging)).toMatchObject({
      reason: { name: 'BarrierError', message: expect.stringMatching(/for 6000 ms/) },
    });
    expect([pens(), rows(), time.pending]).toEqual([9, ['2 try try'], 0]);
  });

  test('a transaction of the user’s own on it is no place for the barrier', async () => {
    db.exec('BEGIN');
    expect(await thrown(take)).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(/not the barrier’s.*connection of its own/),
    });
    db.exec('ROLLBACK');
  });

  test('a closed one is named', async () => {
    db.close();
    expect(await thrown(take)).toMatchObject({ message: expect.stringMatching(/is closed/) });
    await expect(barrier.check()).resolves.toBeUndefined();
    await expect(barrierOn(db).check()).rejects.toThrow(/is closed/);
  });
});

describe('SL2 another process', () => {
  test('that writes is waited for', async () => {
    const other = opened();
    other.exec('BEGIN IMMEDIATE');
    time.after(300, () => other.exec('COMMIT'));
    expect(await settled(time, barrier.carryOut(branchCall(), take))).toMatchObject({
      value: { kind: 'done' },
    });
    other.close();
  });

  test('that does not end is TccRetry after a second, and the line moves on', async () => {
    const other = opened();
    other.exec('BEGIN IMMEDIATE');
    const reason = await thrown(take);
    expect(reason).toBeInstanceOf(TccRetry);
    expect(reason).toMatchObject({ message: 'barrier: row locked' });
    other.exec('ROLLBACK');
    other.close();
    expect(await barrier.carryOut(branchCall(), take)).toMatchObject({ kind: 'done' });
  });

  test('that reads while we commit is waited for, too', async () => {
    const other = opened();
    other.exec('BEGIN');
    other.prepare('SELECT count(*) FROM stock').get();
    time.after(300, () => other.exec('COMMIT'));
    expect(await settled(time, barrier.carryOut(branchCall(), take))).toMatchObject({
      value: { kind: 'done' },
    });
    other.close();
  });

  test('a COMMIT that fails leaves nothing behind', async () => {
    const other = opened();
    other.exec('BEGIN');
    other.prepare('SELECT count(*) FROM stock').get();
    expect(await thrown(take)).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(/^COMMIT of Try/),
    });
    other.exec('COMMIT');
    other.close();
    expect([pens(), rows(), db.isTransaction]).toEqual([10, [], false]);
  });
});

describe('E5 a handler that breaks its local transaction', () => {
  test.each([
    ['exec', (tx: Connection) => tx.exec('COMMIT')],
    ['exec among others', (tx: Connection) => tx.exec('SELECT 1; /* now */ commit; BEGIN')],
    ['prepare', (tx: Connection) => tx.prepare('ROLLBACK').run()],
    ['close', (tx: Connection) => tx.close()],
  ])('is refused through %s, and told so', async (_how, end) => {
    let refusal: unknown;
    const reason = await thrown(
      takeAnd((tx) => {
        try {
          end(tx);
        } catch (error) {
          refusal = error;
        }
      }),
    );
    expect(refusal).toMatchObject({ message: expect.stringMatching(/is refused: ctx\.db/) });
    expect(reason).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(/the Try handler of reserve \(shop\.StockTcc\).*tried to end/),
    });
    expect([pens(), rows(), db.isTransaction]).toEqual([10, [], false]);
  });

  test('savepoints are its own business', async () => {
    const work = takeAnd((tx) => {
      tx.exec('SAVEPOINT mine');
      tx.exec('DELETE FROM stock');
      tx.exec('ROLLBACK TO mine');
      tx.exec('RELEASE mine');
    });
    expect(await barrier.carryOut(branchCall(), work)).toMatchObject({ kind: 'done' });
    expect(pens()).toBe(9);
  });

  test.each([
    ['COMMIT', () => db.exec('COMMIT')],
    ['COMMIT and BEGIN', () => db.exec('COMMIT; BEGIN')],
    [
      'an error that rolls everything back',
      () => {
        expect(() => db.exec("INSERT OR ROLLBACK INTO stock VALUES ('pen', 1)")).toThrow(/UNIQUE/);
      },
    ],
  ])('is found out behind ctx.db: %s', async (_how, end) => {
    const reason = await thrown(takeAnd(end));
    expect(reason).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(/the Try handler of reserve .* cannot be committed/),
    });
    expect(db.isTransaction).toBe(false);
  });

  test('nothing more is sent once the transaction has ended under it', async () => {
    await thrown(
      takeAnd((tx) => {
        db.exec('ROLLBACK');
        expect(() => tx.exec("UPDATE stock SET count = 0 WHERE sku = 'pen'")).toThrow(/not sent/);
      }),
    );
    expect(pens()).toBe(10);
  });

  test('B4 what it committed by itself is a conflict from then on', async () => {
    await thrown(takeAnd(() => db.exec('COMMIT')));
    expect(await barrier.carryOut(branchCall({ phase: 'cancel' }), giveBack)).toMatchObject({
      kind: 'conflict',
      message: expect.stringMatching(/never finished/),
    });
    expect(pens()).toBe(9);
  });

  test('ctx.db and its statements refuse everything after the end', async () => {
    let kept: Connection | undefined;
    let statement: { run(): unknown } | undefined;
    await barrier.carryOut(
      branchCall(),
      takeAnd((tx) => {
        kept = tx;
        statement = tx.prepare('DELETE FROM stock');
      }),
    );
    const gone = /used after its handler had returned/;
    expect(() => kept?.exec('DELETE FROM stock')).toThrow(gone);
    expect(() => kept?.prepare('DELETE FROM stock')).toThrow(gone);
    expect(() => statement?.run()).toThrow(gone);
    expect(pens()).toBe(9);
  });
});

describe('the table', () => {
  test('is missing: the text says how to make it', async () => {
    const bare = new DatabaseSync(':memory:');
    const error = await barrierOn(bare)
      .check()
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: 'BarrierError',
      message: expect.stringMatching(/is missing.*tercet barrier migrate/),
    });
    const reason = await barrierOn(bare)
      .carryOut(branchCall(), take)
      .catch((each: unknown) => each);
    expect(reason).toMatchObject({ message: expect.stringMatching(/is missing/) });
    bare.close();
  });

  test('is of another version: the text says which', async () => {
    db.exec('UPDATE tercet_barrier_version SET version = 2');
    await expect(barrierOn(db).check()).rejects.toThrow(/version 2, newer/);
    db.exec('DELETE FROM tercet_barrier_version');
    await expect(barrierOn(db).check()).rejects.toThrow(/version 0, this SDK works with 1/);
    await barrierOn(db).migrate();
    await expect(barrierOn(db).check()).resolves.toBeUndefined();
  });

  test('is made again where only its version was left', async () => {
    db.exec('DROP TABLE tercet_barrier');
    await expect(barrierOn(db).check()).rejects.toThrow(/is missing.*tercet barrier migrate/);
    await barrierOn(db).migrate();
    expect(await barrier.carryOut(branchCall(), take)).toMatchObject({ kind: 'done' });
  });

  test('is made by several processes at once, and again', async () => {
    const others = [opened(), opened(), opened()];
    db.exec('DROP TABLE tercet_barrier; DROP TABLE tercet_barrier_version');
    const all = Promise.all(others.map((each) => barrierOn(each).migrate()));
    expect((await settled(time, all)).status).toBe('fulfilled');
    for (const each of others) each.close();
    expect(db.prepare('SELECT version FROM tercet_barrier_version').all()).toEqual([
      { version: 1 },
    ]);
  });

  test('C1 cleaning leaves lone tries and siblings that still wait', async () => {
    await barrier.carryOut(branchCall({ branchId: 'old' }), take);
    await barrier.carryOut(branchCall({ branchId: 'sibling' }), take);
    await barrier.carryOut(branchCall({ branchId: 'old', phase: 'confirm' }), giveBack);
    await barrier.carryOut(branchCall({ branchId: 'empty', phase: 'cancel' }), giveBack);
    await time.advance(86_400_000);
    await barrier.carryOut(branchCall({ branchId: 'new', phase: 'cancel' }), giveBack);
    await time.advance(barrier.retentionMs - 86_400_000 + 1);
    expect(await barrier.cleanUp()).toBe(4);
    expect(rows()).toEqual(['new try cancel', 'new end cancel', 'sibling try try']);
  });

  test('C2 cleaning goes by an index', () => {
    const plan = db
      .prepare(
        "EXPLAIN QUERY PLAN SELECT run_id, branch FROM tercet_barrier WHERE slot = 'end' AND time < 5 LIMIT 9",
      )
      .all();
    expect(JSON.stringify(plan)).toContain('tercet_barrier_ended');
  });
});

describe('sqliteBarrier', () => {
  test('names itself and its retention', () => {
    expect([barrier.name, barrier.retentionMs]).toEqual(['sqlite', 2_592_000_000]);
    expect(barrierOn(db, { retention: '2h' }).retentionMs).toBe(7_200_000);
  });

  test.each([
    [() => sqliteBarrier('shop.db' as never), /first argument must be a connection of node:sqlite/],
    [() => barrierOn(db, { queueMax: 0 }), /queueMax must be a whole number from 1/],
    [() => barrierOn(db, { quueMax: 1 } as never), /unknown quueMax \(did you mean queueMax\?\)/],
  ])('refuses what cannot be', (make, text) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(text);
  });

  test('reads a connection that was opened with other defaults', async () => {
    const other = new DatabaseSync(':memory:', { readBigInts: true, returnArrays: true });
    const on = barrierOn(other);
    await on.migrate();
    await on.carryOut(branchCall(), async () => ({ reply: bytes('r'), note: undefined }));
    expect(await on.carryOut(branchCall(), take)).toMatchObject({ kind: 'duplicate' });
    other.close();
  });
});
