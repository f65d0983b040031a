/**
 * What every SQL adapter promises, as tests: one suite, run for each driver and isolation level. Everything that only one
 * driver or server can do wrong is tested beside it.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '@tercet/runtime';
import type { Barrier, BarrierCall, BarrierEnd, StoredTry } from '../../src/barrier/barrier';
import type { BarrierOptions } from '../../src/barrier/barrier-options';
import { BarrierError } from '../../src/errors';
import { TccReject } from '../../src/participant/verdicts';
import { aCall, answer, Meeting, workOf } from './barrier-calls';

/** A row as the driver reads it. */
export type ContractRow = Readonly<Record<string, unknown>>;

/** An empty database with a barrier in it; the table of the barrier is not made yet. */
export interface ContractDatabase<Db> {
  readonly barrier: Barrier<Db>;
  /** Another barrier in the same database, as a second process has it. */
  barrierWith(options: BarrierOptions): Barrier<Db>;
  /** Runs one statement outside of the barrier, on a connection of its own. */
  exec(sql: string): Promise<readonly ContractRow[]>;
  /** Fails where a connection was not given back, or not in the state in which it was taken. */
  expectClean(): Promise<void>;
  close(): Promise<void>;
}

/** One adapter, as the suite sees it. */
export interface AdapterContract<Db> {
  /** `mysql2 at READ COMMITTED`. */
  readonly name: string;
  makeDatabase(): Promise<ContractDatabase<Db>>;
  /** Runs one statement through `ctx.db`, as a handler does. Answers its rows, if it has any. */
  run(db: Db, sql: string): Promise<readonly ContractRow[]>;
  /** Whether local transactions run side by side. SQLite: one after the other. */
  readonly isConcurrent: boolean;
  /** Texts that a handler may not send. Default: COMMIT, ROLLBACK, BEGIN. */
  readonly forbidden?: readonly string[];
}

/** Registers the suite. Call it at the top of a file, or in `describeWith`. */
export function adapterContract<Db>(contract: AdapterContract<Db>): void {
  describe(`the contract of adapters, ${contract.name}`, () => {
    const world = new World(contract);
    beforeAll(() => world.open(), 60_000);
    beforeEach(() => world.reset());
    afterAll(() => world.close());
    oneBranch(world);
    handlersThatFail(world);
    handlersThatMeddle(world, contract.forbidden ?? ['COMMIT', 'ROLLBACK', 'BEGIN']);
    sideBySide(world, contract.isConcurrent);
    whatIsStored(world);
    cleaning(world);
    theTable(world);
  });
}

/** The database of a suite: a stock of two articles beside the barrier's table. */
class World<Db> {
  private database: ContractDatabase<Db> | undefined;

  constructor(private readonly contract: AdapterContract<Db>) {}

  get it(): ContractDatabase<Db> {
    if (this.database === undefined) throw new Error('the database is not open');
    return this.database;
  }

  get barrier(): Barrier<Db> {
    return this.it.barrier;
  }

  async open(): Promise<void> {
    this.database = await this.contract.makeDatabase();
    await this.barrier.migrate();
    await this.it.exec('CREATE TABLE stock (sku VARCHAR(8) PRIMARY KEY, left_over INT NOT NULL)');
  }

  async reset(): Promise<void> {
    await this.it.exec('DELETE FROM stock');
    await this.it.exec('DELETE FROM tercet_barrier');
    await this.it.exec("INSERT INTO stock VALUES ('a', 100), ('b', 100)");
  }

  async close(): Promise<void> {
    await this.database?.close();
  }

  run(db: Db, sql: string): Promise<readonly ContractRow[]> {
    return this.contract.run(db, sql);
  }

  /** Work that takes from the stock. */
  take(sku = 'a', count = 1) {
    return workOf<Db>((db) => this.run(db, update(sku, count)));
  }

  async stock(): Promise<string> {
    const rows = await this.it.exec('SELECT left_over FROM stock ORDER BY sku');
    return rows.map((row) => String(row['left_over'])).join(' ');
  }

  async rows(): Promise<number> {
    const [row] = await this.it.exec('SELECT COUNT(*) AS n FROM tercet_barrier');
    return Number(row?.['n']);
  }
}

function update(sku: string, count = 1): string {
  return `UPDATE stock SET left_over = left_over - (${count}) WHERE sku = '${sku}'`;
}

function oneBranch<Db>(world: World<Db>): void {
  test('a Try has its effect once; a duplicate gets the stored reply and note', async () => {
    const call = aCall();
    const work = async ({ db }: { readonly db: Db }) => {
      await world.run(db, update('a'));
      return answer('the reply', 'the note');
    };
    const stored = { reply: Buffer.from('the reply'), note: Buffer.from('the note') };
    expect(await world.barrier.carryOut(call, work)).toEqual({ kind: 'done', ...stored });
    const again = await world.barrier.carryOut({ ...call, attempt: 2 }, work);
    expect(again).toEqual({ kind: 'duplicate', ...stored });
    expect(await world.stock()).toBe('99 100');
    await world.it.expectClean();
  });

  test.each(['confirm', 'cancel'] as const)(
    '%s gets what Try left and runs once; the other one is a conflict that writes nothing',
    async (phase) => {
      const call = aCall();
      await world.barrier.carryOut(call, async () => answer('reply', 'saved'));
      const seen: unknown[] = [];
      const end = await world.barrier.carryOut({ ...call, phase }, async ({ db, tried }) => {
        seen.push(tried);
        await world.run(db, update('a'));
        return answer('end');
      });
      expect(end).toEqual({ kind: 'done', reply: Buffer.from('end'), note: undefined });
      expect(seen).toEqual([{ reply: Buffer.from('reply'), note: Buffer.from('saved') }]);
      const again = await world.barrier.carryOut({ ...call, phase, attempt: 2 }, world.take());
      expect(again).toMatchObject({ kind: 'duplicate', reply: Buffer.from('end') });
      const other = phase === 'confirm' ? 'cancel' : 'confirm';
      const wrong = await world.barrier.carryOut({ ...call, phase: other }, world.take());
      expect(wrong.kind).toBe('conflict');
      expect(await world.rows()).toBe(2);
      expect(await world.stock()).toBe('99 100');
      await world.it.expectClean();
    },
  );

  test('a Cancel without a Try is empty, and every later Try is late, also the third', async () => {
    const call = aCall();
    const cancel = { ...call, phase: 'cancel' } as const;
    expect(await world.barrier.carryOut(cancel, world.take())).toEqual({ kind: 'empty' });
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await world.barrier.carryOut({ ...call, attempt }, world.take())).toEqual({
        kind: 'late',
      });
    }
    expect((await world.barrier.carryOut(cancel, world.take())).kind).toBe('duplicate');
    expect((await world.barrier.carryOut({ ...call, phase: 'confirm' }, world.take())).kind).toBe(
      'conflict',
    );
    expect(await world.stock()).toBe('100 100');
    await world.it.expectClean();
  });

  test('a Cancel without a Try runs where it was asked to', async () => {
    const call = aCall({ phase: 'cancel', cancelWhenTryUnknown: 'call' });
    const end = await world.barrier.carryOut(call, async ({ db, tried }) => {
      expect(tried).toBeUndefined();
      await world.run(db, update('a'));
      return answer('');
    });
    expect(end.kind).toBe('done');
    expect((await world.barrier.carryOut({ ...call, phase: 'try' }, world.take())).kind).toBe(
      'late',
    );
    expect(await world.stock()).toBe('99 100');
  });

  test('what contradicts, or was never finished, stays as it was', async () => {
    const columns = 'run_id, branch, slot, gid, op, attempt, time';
    const left = (call: BarrierCall, slot: 'try' | 'end', op: string) =>
      world.it.exec(
        `INSERT INTO tercet_barrier (${columns}) VALUES ('${call.runId}', '1', '${slot}', 'g', '${op}', 1, 1)`,
      );
    const calls = { tried: aCall(), confirm: aCall(), cancel: aCall(), done: aCall() };
    // As handlers leave them that have committed by themselves.
    await left(calls.tried, 'try', 'try');
    for (const op of ['confirm', 'cancel'] as const) {
      await world.barrier.carryOut(calls[op], async () => answer('reply'));
      await left(calls[op], 'end', op);
    }
    await world.barrier.carryOut(calls.done, async () => answer('reply'));
    await world.barrier.carryOut({ ...calls.done, phase: 'cancel' }, async () => answer('end'));
    const rows = () => world.it.exec('SELECT * FROM tercet_barrier ORDER BY run_id, slot');
    const before = await rows();
    const ends: string[] = [];
    for (const [name, call] of Object.entries(calls)) {
      for (const phase of ['confirm', 'cancel', 'cancel'] as const) {
        const { kind } = await world.barrier.carryOut({ ...call, phase }, world.take());
        ends.push(`${name}: ${kind}`);
      }
    }
    const conflicts = ['tried', 'confirm', 'cancel'].flatMap((name) =>
      Array.from({ length: 3 }, () => `${name}: conflict`),
    );
    expect(ends).toEqual([...conflicts, 'done: conflict', 'done: duplicate', 'done: duplicate']);
    expect(await rows()).toEqual(before);
    expect(await world.stock()).toBe('100 100');
    await world.it.expectClean();
  });

  test('a Confirm without a Try is a conflict and writes nothing', async () => {
    const end = await world.barrier.carryOut(aCall({ phase: 'confirm' }), world.take());
    expect(end.kind).toBe('conflict');
    expect(await world.rows()).toBe(0);
  });
}

function handlersThatFail<Db>(world: World<Db>): void {
  test('what a handler throws is what the caller gets; nothing is left, and it may come again', async () => {
    const call = aCall();
    const reject = new TccReject('sold out');
    const failing = world.barrier.carryOut(call, async ({ db }) => {
      await world.run(db, update('a'));
      throw reject;
    });
    await expect(failing).rejects.toBe(reject);
    expect(await world.stock()).toBe('100 100');
    expect(await world.rows()).toBe(0);
    await world.it.expectClean();
    expect((await world.barrier.carryOut({ ...call, attempt: 2 }, world.take())).kind).toBe('done');
  });

  test('a statement that fails rolls everything back', async () => {
    const failing = world.barrier.carryOut(
      aCall(),
      workOf(async (db) => {
        await world.run(db, update('a'));
        await world.run(db, 'SELECT no_such_column FROM stock');
      }),
    );
    await expect(failing).rejects.toThrow('no_such_column');
    expect(await world.stock()).toBe('100 100');
    expect(await world.rows()).toBe(0);
    await world.it.expectClean();
  });

  // Some servers only undo the statement, others the transaction: either everything else took effect, or nothing.
  test('a swallowed SQL error never leaves half of the work behind', async () => {
    const carried = await outcomeOf(
      world.barrier.carryOut(
        aCall(),
        workOf(async (db) => {
          await world.run(db, update('a'));
          await world.run(db, "INSERT INTO stock VALUES ('a', 1)").catch(() => undefined);
          await world.run(db, update('b')).catch(() => undefined);
        }),
      ),
    );
    const all = carried === 'done';
    if (!all) expect(carried).toBeInstanceOf(BarrierError);
    expect(await world.stock()).toBe(all ? '99 99' : '100 100');
    expect(await world.rows()).toBe(all ? 1 : 0);
    await world.it.expectClean();
  });
}

async function outcomeOf(carried: Promise<BarrierEnd>): Promise<unknown> {
  return carried.then(
    (end) => end.kind,
    (error: unknown) => error,
  );
}

function handlersThatMeddle<Db>(world: World<Db>, forbidden: readonly string[]): void {
  test.each(forbidden)(
    'a handler that sends %s is told so, and is never answered OK',
    async (sql) => {
      const thrown = world.barrier.carryOut(
        aCall(),
        workOf(async (db) => {
          await world.run(db, update('a'));
          await world.run(db, sql);
        }),
      );
      await expect(thrown).rejects.toThrow('refused');
      const swallowed = world.barrier.carryOut(
        aCall(),
        workOf(async (db) => {
          await world.run(db, update('a'));
          await world.run(db, sql).catch(() => undefined);
        }),
      );
      await expect(swallowed).rejects.toThrow(BarrierError);
      expect(await world.stock()).toBe('100 100');
      expect(await world.rows()).toBe(0);
      await world.it.expectClean();
    },
  );

  test('ctx.db is refused once the handler has returned', async () => {
    let kept: Db | undefined;
    await world.barrier.carryOut(
      aCall(),
      workOf((db) => {
        kept = db;
      }),
    );
    const late = async () => world.run(kept as Db, update('a'));
    await expect(late()).rejects.toThrow('after its handler had returned');
    expect(await world.stock()).toBe('100 100');
    await world.it.expectClean();
  });

  test('a statement that was not awaited is part of the transaction, or not sent at all', async () => {
    let running: Promise<unknown> = Promise.resolve();
    await world.barrier.carryOut(
      aCall(),
      workOf((db) => {
        running = world.run(db, update('a')).then(
          () => '99 100',
          () => '100 100',
        );
      }),
    );
    expect(await world.stock()).toBe(await running);
    await world.it.expectClean();
  });

  test('savepoints are the handler’s own business', async () => {
    const end = await world.barrier.carryOut(
      aCall(),
      workOf(async (db) => {
        await world.run(db, update('a'));
        await world.run(db, 'SAVEPOINT mine');
        await world.run(db, update('b'));
        await world.run(db, 'ROLLBACK TO mine');
      }),
    );
    expect(end.kind).toBe('done');
    expect(await world.stock()).toBe('99 100');
  });
}

function sideBySide<Db>(world: World<Db>, isConcurrent: boolean): void {
  test('twenty duplicates at the same time have one effect', async () => {
    const call = aCall();
    const ends = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        world.barrier.carryOut({ ...call, attempt: index + 1 }, world.take()),
      ),
    );
    expect(ends.map(({ kind }) => kind).sort()).toEqual([
      'done',
      ...Array.from({ length: 19 }, () => 'duplicate'),
    ]);
    expect(await world.stock()).toBe('99 100');
    await world.it.expectClean();
  });

  // A read of the missing row would lock a gap: with the insert that follows it, that is a deadlock of both.
  test('an empty Cancel and its late Try at the same time never both have an effect', async () => {
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const call = aCall();
        const cancel = { ...call, phase: 'cancel' } as const;
        const ends = await Promise.all([
          world.barrier.carryOut(cancel, world.take('a', -1)),
          world.barrier.carryOut(call, world.take()),
          world.barrier.carryOut({ ...cancel, attempt: 2 }, world.take('a', -1)),
        ]);
        const [first, tried, second] = ends.map(({ kind }) => kind);
        expect([first, second]).toContain('duplicate');
        const effective = [first, second].includes('done');
        expect(tried).toBe(effective ? 'done' : 'late');
      }),
    );
    expect(await world.stock()).toBe('100 100');
    await world.it.expectClean();
  });

  test('Confirm and Cancel at the same time: one of them runs, the other is a conflict', async () => {
    for (let round = 0; round < 5; round += 1) {
      const call = aCall();
      await world.barrier.carryOut(call, world.take());
      const ends = await Promise.all(
        (['confirm', 'cancel', 'confirm'] as const).map((phase) =>
          world.barrier.carryOut({ ...call, phase }, world.take('b')),
        ),
      );
      const kinds = ends.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'done')).toHaveLength(1);
      expect(kinds).toContain('conflict');
    }
    expect(await world.stock()).toBe('95 95');
  });

  test('sixteen handlers on one row all succeed', async () => {
    const ends = await Promise.all(
      Array.from({ length: 16 }, () => world.barrier.carryOut(aCall(), world.take())),
    );
    expect(new Set(ends.map(({ kind }) => kind))).toEqual(new Set(['done']));
    expect(await world.stock()).toBe('84 100');
    await world.it.expectClean();
  });

  if (!isConcurrent) return;
  test('handlers that deadlock all succeed: what was undone begins again', async () => {
    const meeting = new Meeting(2);
    let runs = 0;
    const crossing = (first: string, second: string) =>
      workOf<Db>(async (db) => {
        runs += 1;
        await world.run(db, update(first));
        await meeting.meet();
        await world.run(db, update(second));
      });
    const ends = await Promise.all([
      world.barrier.carryOut(aCall(), crossing('a', 'b')),
      world.barrier.carryOut(aCall(), crossing('b', 'a')),
    ]);
    expect(ends.map(({ kind }) => kind)).toEqual(['done', 'done']);
    expect(runs).toBeGreaterThan(2);
    expect(await world.stock()).toBe('98 98');
    await world.it.expectClean();
  });
}

function whatIsStored<Db>(world: World<Db>): void {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  test.each([
    ['every byte there is', everyByte, everyByte],
    ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
    ['quotes and backslashes', Buffer.from(`'"\`\\\\'; -- ?`), Buffer.from("\\'")],
    ['much', Buffer.alloc(1_000_000, 0x27), Buffer.alloc(65_536, 0x5c)],
  ])('a reply and a note of %s come back as they were', async (_title, reply, note) => {
    const call = aCall();
    await world.barrier.carryOut(call, async () => ({ reply, note }));
    const again = await world.barrier.carryOut(call, world.take());
    expect(again.kind).toBe('duplicate');
    expect(isSame('reply' in again ? again : undefined, { reply, note })).toBe(true);
    let tried: StoredTry | undefined;
    await world.barrier.carryOut({ ...call, phase: 'confirm' }, async (opened) => {
      ({ tried } = opened);
      return answer('');
    });
    expect(isSame(tried, { reply, note })).toBe(true);
  });

  test('branches, runs and gids of similar names do not meet', async () => {
    const call = aCall({ gid: `it's "a" \\gid; --` });
    for (const branchId of ['1', '1.1', '1.10', '11', '1.11']) {
      const end = await world.barrier.carryOut({ ...call, branchId }, world.take());
      expect(end.kind).toBe('done');
    }
    const rows = await world.it.exec('SELECT DISTINCT gid FROM tercet_barrier');
    expect(rows.map((row) => row['gid'])).toEqual([call.gid]);
  });
}

/** Byte by byte, but not by jest, which takes seconds for a megabyte. */
function isSame(found: StoredTry | undefined, expected: StoredTry): boolean {
  return (['reply', 'note'] as const).every((part) => {
    const bytes = expected[part];
    return bytes !== undefined && found?.[part] !== undefined && bytes.length === found[part].length
      ? Buffer.compare(bytes, found[part]) === 0
      : false;
  });
}

function cleaning<Db>(world: World<Db>): void {
  test('cleaning takes ended branches that are old enough, and nothing else', async () => {
    let now = systemClock.now() - 10_000_000_000;
    const old = world.it.barrierWith({ clock: { now: () => now }, retention: '1h' });
    const idle: BarrierCall = aCall({ deadline: undefined });
    const end = async (call: BarrierCall, phase: 'confirm' | 'cancel') =>
      old.carryOut({ ...call, phase }, world.take());
    await old.carryOut(idle, world.take());
    await end(idle, 'confirm');
    // A sibling of the same run that has not ended, and a Cancel that kept its Try out.
    await old.carryOut({ ...idle, branchId: '2' }, world.take());
    const empty = aCall({ deadline: undefined });
    await end(empty, 'cancel');
    now += 3_600_000;
    expect(await old.cleanUp()).toBe(0);
    const young = aCall({ deadline: undefined });
    await old.carryOut(young, world.take());
    await end(young, 'cancel');
    now += 1;
    expect(await old.cleanUp()).toBe(4);
    expect(await world.rows()).toBe(3);
    expect((await end({ ...idle, branchId: '2' }, 'cancel')).kind).toBe('done');
  });
}

function theTable<Db>(world: World<Db>): void {
  test('migrating may be repeated, also by several processes at once', async () => {
    await world.it.exec('DROP TABLE tercet_barrier');
    await world.it.exec('DROP TABLE tercet_barrier_version');
    const others = Array.from({ length: 4 }, () => world.it.barrierWith({}));
    await Promise.all(others.map((other) => other.migrate()));
    await Promise.all(others.map((other) => other.check()));
    const versions = await world.it.exec('SELECT version FROM tercet_barrier_version');
    expect(versions.map((row) => Number(row['version']))).toEqual([1]);
  });

  test('a missing table, and one of another version, are named with the way out', async () => {
    await world.it.exec('UPDATE tercet_barrier_version SET version = 9');
    await expect(world.it.barrierWith({}).check()).rejects.toThrow('update @tercet/sdk');
    await world.it.exec('UPDATE tercet_barrier_version SET version = 0');
    await expect(world.it.barrierWith({}).check()).rejects.toThrow('tercet barrier migrate');
    await world.it.barrierWith({}).migrate();
    await world.it.barrierWith({}).check();
    await world.it.exec('DROP TABLE tercet_barrier');
    const fresh = world.it.barrierWith({});
    await expect(fresh.check()).rejects.toThrow('tercet barrier migrate');
    await expect(fresh.carryOut(aCall(), world.take())).rejects.toThrow('tercet barrier migrate');
    await world.it.exec('DROP TABLE tercet_barrier_version');
    await expect(world.it.barrierWith({}).check()).rejects.toThrow(BarrierError);
    await world.barrier.migrate();
    await world.barrier.check();
    expect(await world.stock()).toBe('100 100');
  });
}
