/** What MySQL and MariaDB, and handlers on them, can do wrong: each of these has made an effect happen twice, or half. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '@tercet/runtime';
import { type Connection, createConnection } from 'mysql2/promise';
import { describeWith } from '../../../../test/support/servers/describe-with';
import type { Barrier } from '../../src/barrier/barrier';
import type { Mysql2Transaction } from '../../src/barrier/mysql2';
import { BarrierError } from '../../src/errors';
import { TccReject, TccRetry } from '../../src/participant/verdicts';
import { aCall, answer, workOf } from './barrier-calls';
import { levels, type Mysql2World, mysql2World, rowsOf } from './mysql2-world';

const take = (sku: string) => `UPDATE stock SET left_over = left_over - 1 WHERE sku = '${sku}'`;

describeWith('mariadb', (server) => {
  describe.each(levels)('at %s', (level) => {
    let world: Mysql2World;
    let barrier: Barrier<Mysql2Transaction>;
    let admin: Connection;

    beforeAll(async () => {
      world = await mysql2World(server, { level, options: { multipleStatements: true } });
      ({ barrier, admin } = world);
      await barrier.migrate();
      await admin.query('CREATE TABLE stock (sku VARCHAR(8) PRIMARY KEY, left_over INT NOT NULL)');
      for (const [name, body] of Object.entries(procedures)) {
        await admin.query(`CREATE PROCEDURE ${name}() BEGIN ${body} END`);
      }
    });
    beforeEach(async () => {
      await admin.query('DELETE FROM stock');
      await admin.query('DELETE FROM tercet_barrier');
      await admin.query("INSERT INTO stock VALUES ('a', 100), ('b', 100), ('c', 100)");
    });
    afterAll(() => world.close());

    const stock = async (): Promise<string> => {
      const rows = await world.exec('SELECT left_over FROM stock ORDER BY sku');
      return rows.map((row) => String(row['left_over'])).join(' ');
    };

    /** Makes the handler's next statement on article `b` the victim of a deadlock. `a` must be locked by the handler already. */
    const withRival = async (handler: (provoke: () => Promise<void>) => Promise<unknown>) => {
      const rival = await createConnection(world.url);
      try {
        // The server undoes whoever has changed fewer rows.
        await rival.query('BEGIN');
        await rival.query("UPDATE stock SET left_over = left_over WHERE sku IN ('b')");
        await rival.query('CREATE TEMPORARY TABLE heavy (n INT) ENGINE = InnoDB');
        await rival.query('INSERT INTO heavy SELECT seq FROM seq_1_to_500');
        let waits: Promise<unknown> = Promise.resolve();
        const provoke = async (): Promise<void> => {
          waits = rival
            .query("UPDATE stock SET left_over = left_over WHERE sku = 'a'")
            .then(() => rival.query('ROLLBACK'));
          await waitingFor(admin, rival.threadId);
        };
        const result = await handler(provoke);
        await waits;
        return result;
      } finally {
        rival.destroy();
      }
    };

    test('three statements at once, a deadlock in the first is swallowed: none of them takes effect', async () => {
      const call = aCall();
      const outcome = await withRival((provoke) =>
        settled(
          barrier.carryOut(
            call,
            workOf(async (db) => {
              await db.query(take('a'));
              await provoke();
              await Promise.all([
                db.query(take('b')).catch(() => undefined),
                db.query(take('c')).catch(() => undefined),
                db.query("INSERT INTO stock VALUES ('d', 1)").catch(() => undefined),
              ]);
            }),
          ),
        ),
      );
      expect(outcome).toBeInstanceOf(BarrierError);
      expect(await stock()).toBe('100 100 100');
      await world.expectClean();
      expect(
        (
          await barrier.carryOut(
            call,
            workOf((db) => db.query(take('a'))),
          )
        ).kind,
      ).toBe('done');
      expect(await stock()).toBe('99 100 100');
    });

    test('a deadlock that the handler throws on begins again, whatever it is wrapped in', async () => {
      let runs = 0;
      const outcome = await withRival((provoke) =>
        settled(
          barrier.carryOut(
            aCall(),
            workOf(async (db) => {
              runs += 1;
              await db.query(take('a'));
              if (runs > 1) return;
              await provoke();
              await db.query(take('b')).catch((cause: unknown) => {
                throw new Error('the repository failed', { cause });
              });
            }),
          ),
        ),
      );
      expect(outcome).toMatchObject({ kind: 'done' });
      expect(runs).toBe(2);
      expect(await stock()).toBe('99 100 100');
      await world.expectClean();
    });

    test('a procedure that swallows the deadlock of its own statement is caught', async () => {
      const outcome = await withRival((provoke) =>
        settled(
          barrier.carryOut(
            aCall(),
            workOf(async (db) => {
              await db.query(take('a'));
              await provoke();
              await db.query('CALL swallows()');
            }),
          ),
        ),
      );
      expect(outcome).toBeInstanceOf(BarrierError);
      expect(await stock()).toBe('100 100 100');
      await world.expectClean();
    });

    test.each([
      ['a procedure that commits', 'CALL commits()'],
      ['a procedure that commits and begins anew', 'CALL begins_anew()'],
      ['a procedure that rolls back and goes on', 'CALL rolls_back()'],
      ['a prepared COMMIT', "PREPARE p FROM 'COMMIT'; EXECUTE p"],
      ['EXECUTE IMMEDIATE', "EXECUTE IMMEDIATE 'COMMIT AND CHAIN'"],
      ['a compound statement', `BEGIN NOT ATOMIC COMMIT; ${take('b')}; END`],
      ['SET STATEMENT', 'SET STATEMENT max_statement_time = 1 FOR COMMIT'],
      ['SET among others', 'SET @x = 1, autocommit = 1'],
      ['two statements', `${take('b')}; COMMIT; START TRANSACTION; ${take('c')}`],
      ['an executable comment', '/*!50003 COMMIT */'],
      ['a comment before it', '/* harmless */ COMMIT AND CHAIN'],
      ['DDL', 'CREATE TABLE IF NOT EXISTS other (n INT)'],
      ['TRUNCATE', 'TRUNCATE TABLE stock'],
    ])('%s is never answered OK, and nothing follows it', async (_title, sql) => {
      const call = aCall();
      const work = workOf<Mysql2Transaction>(async (db) => {
        await db.query(take('a'));
        await db.query(sql).catch(() => undefined);
        await db.query(take('b')).catch(() => undefined);
        await db.query(take('c')).catch(() => undefined);
      });
      expect(await settled(barrier.carryOut(call, work))).toBeInstanceOf(BarrierError);
      const after = await stock();
      expect(after.endsWith(' 100')).toBe(true);
      await world.expectClean();
      // What it has committed itself is not built on, and not done a second time.
      const again = await settled(barrier.carryOut({ ...call, attempt: 2 }, work));
      expect(again).not.toMatchObject({ kind: 'done' });
      expect(again).not.toMatchObject({ kind: 'duplicate' });
      expect(await stock()).toBe(after);
    });

    test('a handler that reads what somebody else has changed since is begun again', async () => {
      let runs = 0;
      const end = await barrier.carryOut(
        aCall(),
        workOf(async (db) => {
          runs += 1;
          await db.query('SET innodb_snapshot_isolation = ON');
          await db.query("SELECT left_over FROM stock WHERE sku = 'b'");
          if (runs === 1 && level !== 'SERIALIZABLE') await admin.query(take('a'));
          await db.query(take('a'));
          await db.query('SET innodb_snapshot_isolation = OFF');
        }),
      );
      expect(end.kind).toBe('done');
      expect(runs).toBe(level === 'REPEATABLE READ' ? 2 : 1);
    });
  });

  describe('on one connection', () => {
    let world: Mysql2World;
    let barrier: Barrier<Mysql2Transaction>;

    beforeAll(async () => {
      world = await mysql2World(server);
      ({ barrier } = world);
      await barrier.migrate();
      await world.exec('CREATE TABLE stock (sku VARCHAR(8) PRIMARY KEY, left_over INT NOT NULL)');
      await world.exec("INSERT INTO stock VALUES ('a', 100)");
    });
    afterAll(() => world.close());

    test.each([
      ['beginTransaction'],
      ['commit'],
      ['rollback'],
      ['release'],
      ['end'],
      ['destroy'],
      ['changeUser'],
      ['reset'],
      ['pause'],
    ] as const)('ctx.db.%s() is refused, also where the handler swallows it', async (name) => {
      const call = aCall();
      const meddle = (db: Mysql2Transaction): unknown =>
        (db as unknown as Record<string, () => unknown>)[name]?.();
      await expect(barrier.carryOut(call, workOf(meddle))).rejects.toThrow(`${name}() is refused`);
      const swallow = workOf<Mysql2Transaction>((db) => {
        try {
          meddle(db);
        } catch {
          // As a careless handler does.
        }
      });
      await expect(barrier.carryOut(call, swallow)).rejects.toThrow(BarrierError);
      await world.expectClean();
    });

    test('the connection beneath ctx.db is withheld', async () => {
      const work = workOf<Mysql2Transaction>(
        (db) => (db as unknown as { readonly connection: unknown }).connection,
      );
      await expect(barrier.carryOut(aCall(), work)).rejects.toThrow('ctx.db.connection is refused');
    });

    test('ctx.db queries, executes, prepares and escapes as the driver does', async () => {
      const seen: unknown[] = [];
      const text = `it's a "quote" \\ and ?`;
      const end = await barrier.carryOut(
        aCall(),
        workOf(async (db) => {
          seen.push(rowsOf(await db.query('SELECT ? AS text', [text])));
          seen.push(rowsOf(await db.execute({ sql: 'SELECT ? AS text', values: [text] })));
          const statement = await db.prepare('SELECT ? AS text');
          seen.push(rowsOf(await statement.execute([text])));
          await statement.close();
          db.unprepare('SELECT ? AS text');
          seen.push(rowsOf(await db.query(`SELECT ${db.escape(text)} AS text`)));
          seen.push(await db.ping());
          expect(db.threadId).toBeGreaterThan(0);
        }),
      );
      expect(end.kind).toBe('done');
      expect(seen).toEqual([...Array.from({ length: 4 }, () => [{ text }]), true]);
    });

    test('a prepared statement of the handler is refused when it is over, and when it commits', async () => {
      let kept: (() => Promise<unknown>) | undefined;
      await barrier.carryOut(
        aCall(),
        workOf(async (db) => {
          const statement = await db.prepare(take('a'));
          kept = () => statement.execute([]);
        }),
      );
      await expect(kept?.()).rejects.toThrow('after its handler had returned');
      const commits = workOf<Mysql2Transaction>(async (db) => void (await db.prepare('COMMIT')));
      await expect(barrier.carryOut(aCall(), commits)).rejects.toThrow('COMMIT is refused');
    });

    test('texts are safe where the server knows no backslash escapes', async () => {
      const strict = await mysql2World(server, {
        onConnection: (connection) =>
          void connection.query("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"),
      });
      await strict.barrier.migrate();
      const call = aCall({ gid: `\\'; DROP TABLE stock; --` });
      const note = Buffer.from("\\'\\");
      await strict.barrier.carryOut(call, async () => ({ reply: note, note }));
      expect(
        await strict.barrier.carryOut(
          call,
          workOf(() => undefined),
        ),
      ).toEqual({ kind: 'duplicate', reply: note, note });
      await strict.close();
    });

    test('a refusal of the handler stays one: nothing was applied', async () => {
      const reject = new TccReject('sold out');
      const work = workOf<Mysql2Transaction>(async (db) => {
        await db.query("INSERT INTO stock VALUES ('a', 1)").catch(() => undefined);
        throw reject;
      });
      await expect(barrier.carryOut(aCall(), work)).rejects.toBe(reject);
      await world.expectClean();
    });

    test('a row that somebody holds is waited for a second; the handler’s own rows as long as ever', async () => {
      const call = aCall();
      await barrier.carryOut(call, async () => answer(''));
      const waits: unknown[] = [];
      await barrier.carryOut(
        { ...call, branchId: '2' },
        workOf(async (db) => {
          waits.push(...rowsOf(await db.query('SELECT @@innodb_lock_wait_timeout AS s')));
        }),
      );
      expect(waits).toEqual([{ s: 50 }]);
      const holder = await createConnection(world.url);
      await holder.query('BEGIN');
      await holder.query('SELECT * FROM tercet_barrier WHERE run_id = ? FOR UPDATE', [call.runId]);
      for (const phase of ['try', 'confirm', 'cancel'] as const) {
        const blocked = await settled(
          barrier.carryOut(
            { ...call, phase },
            workOf(() => undefined),
          ),
        );
        expect(blocked).toBeInstanceOf(TccRetry);
        expect(String(blocked)).toContain('barrier: row locked');
      }
      holder.destroy();
      await world.expectClean();
    });
  });
});

/** What it came to: an end, or what it rejected with. */
async function settled(carried: Promise<unknown>): Promise<unknown> {
  return carried.catch((error: unknown) => error);
}

/** Resolves when the connection waits for a lock. */
async function waitingFor(admin: Connection, threadId: number): Promise<void> {
  for (const last = systemClock.now() + 10_000; systemClock.now() < last; ) {
    // The server renews this table only when nobody has read it for a tenth of a second.
    await admin.query('DO SLEEP(0.11)');
    const rows = rowsOf(
      await admin.query(
        "SELECT 1 FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = ? AND trx_state = 'LOCK WAIT'",
        [threadId],
      ),
    );
    if (rows.length > 0) return;
  }
  throw new Error('the rival waits for no lock');
}

const procedures = {
  commits: `${take('b')}; COMMIT;`,
  begins_anew: `COMMIT; START TRANSACTION; ${take('b')};`,
  rolls_back: `ROLLBACK; ${take('b')};`,
  swallows: `DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; ${take('b')}; ${take('c')};`,
};
