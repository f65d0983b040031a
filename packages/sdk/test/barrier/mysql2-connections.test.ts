/** `mysql2Barrier` and its pool: what a connection costs, what becomes of it, and what happens when it is lost. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { systemClock, systemScheduler } from '@tercet/runtime';
import { createPool as createCallbackPool } from 'mysql2';
import { createPool, type Pool } from 'mysql2/promise';
import { describeWith } from '../../../../test/support/servers/describe-with';
import type { SqlValue, TransactionBounds } from '../../src/barrier/local-database';
import { Mysql2Database } from '../../src/barrier/mysql2-database';
import { mysql2Barrier, type Mysql2Transaction } from '../../src/barrier/mysql2';
import { BarrierError, ConfigError } from '../../src/errors';
import { aCall, answer, workOf } from './barrier-calls';
import { CommitCutter } from './mysql2-cutter';
import { type Mysql2World, mysql2World, rowsOf } from './mysql2-world';

const take = "UPDATE stock SET left_over = left_over - 1 WHERE sku = 'a'";
const takes = workOf<Mysql2Transaction>((db) => db.query(take));

describeWith('mariadb', (server) => {
  let world: Mysql2World;
  const cutter = new CommitCutter();
  const pools: Pool[] = [];

  beforeAll(async () => {
    world = await mysql2World(server, {
      options: { connectionLimit: 2 },
      onConnection: (connection) => cutter.watch(connection),
    });
    await world.barrier.migrate();
    await world.exec('CREATE TABLE stock (sku VARCHAR(8) PRIMARY KEY, left_over INT NOT NULL)');
    await world.exec("INSERT INTO stock VALUES ('a', 1000)");
  });
  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.end();
  });
  afterAll(() => world.close());

  const aPool = (more: object = {}): Pool => {
    const pool = createPool({ uri: world.url, connectionLimit: 1, ...more });
    pools.push(pool);
    return pool;
  };
  const stock = async (): Promise<number> => {
    const [row] = await world.exec('SELECT left_over FROM stock');
    return Number(row?.['left_over']);
  };

  test('a callback pool serves as well as one of promises', async () => {
    const pool = createCallbackPool({ uri: world.url, connectionLimit: 1 });
    const before = await stock();
    expect((await mysql2Barrier(pool).carryOut(aCall(), takes)).kind).toBe('done');
    expect(await stock()).toBe(before - 1);
    await pool.promise().end();
  });

  test('what is not a pool is refused at once', () => {
    const wrong = [undefined, {}, world.admin];
    for (const one of wrong) {
      expect(() => mysql2Barrier(one as Pool)).toThrow(ConfigError);
      expect(() => mysql2Barrier(one as Pool)).toThrow('must be a pool of mysql2');
    }
  });

  test('a closed pool is named', async () => {
    const pool = createPool(world.url);
    const barrier = mysql2Barrier(pool);
    await pool.end();
    const carried = barrier.carryOut(aCall(), takes);
    await expect(carried).rejects.toThrow(BarrierError);
    const { hostname, port, pathname } = new URL(world.url);
    await expect(barrier.carryOut(aCall(), takes)).rejects.toThrow(
      `the mysql2 pool of database ${pathname.slice(1)} at ${hostname}:${port} gave no connection: Pool is closed.`,
    );
  });

  test('an exhausted pool is named within the call’s deadline, and the connection that comes later goes back', async () => {
    const pool = aPool();
    const barrier = mysql2Barrier(pool);
    const taken = await pool.getConnection();
    const deadline = systemClock.now() + 300;
    const carried = barrier.carryOut(aCall({ deadline }), takes);
    await expect(carried).rejects.toThrow('had no free connection within');
    await expect(carried).rejects.toThrow('connectionLimit');
    taken.release();
    expect((await barrier.carryOut(aCall(), takes)).kind).toBe('done');
  });

  test('a server that cannot be reached is a BarrierError', async () => {
    const barrier = mysql2Barrier(aPool({ uri: 'mysql://root@127.0.0.1:1/x' }));
    await expect(barrier.carryOut(aCall(), takes)).rejects.toThrow('gave no connection');
    await expect(barrier.check()).rejects.toThrow(BarrierError);
  });

  test('a connection that comes with an open transaction is not used', async () => {
    const pool = aPool();
    const barrier = mysql2Barrier(pool);
    const before = await stock();
    const leaked = await pool.getConnection();
    await leaked.query('BEGIN');
    await leaked.query(take);
    leaked.release();
    await expect(barrier.carryOut(aCall(), takes)).rejects.toThrow(
      'handed out a connection with an open transaction',
    );
    expect((await barrier.carryOut(aCall(), takes)).kind).toBe('done');
    expect(await stock()).toBe(before - 1);
  });

  test('a pool whose connections are not in autocommit is refused', async () => {
    const pool = aPool();
    pool.pool.on('connection', (connection) => void connection.query('SET autocommit = 0'));
    await expect(mysql2Barrier(pool).check()).rejects.toThrow('are not in autocommit mode');
  });

  test('an idle transaction lasts as long as the deadline and five seconds, and not a call longer', async () => {
    const seen: unknown[] = [];
    const call = aCall({ deadline: systemClock.now() + 100_000 });
    await world.barrier.carryOut(
      call,
      workOf(async (db) => {
        seen.push(...rowsOf(await db.query('SELECT @@idle_transaction_timeout AS s')));
      }),
    );
    expect([{ s: 104 }, { s: 105 }]).toContainEqual(seen[0]);
    await world.expectClean();
  });

  test('a participant that is lost behind a dead link holds its rows no longer than that', async () => {
    const call = aCall();
    const pool = aPool();
    const { dialect, ...transaction } = await begun(pool, { idleMs: 1_000, connectMs: 10_000 });
    const { sql, params } = dialect.insert({
      ...call,
      slot: 'try',
      op: 'try',
      time: 1,
    });
    await transaction.insert(sql, params);
    // Waits until the server lets go of the row.
    const again = world.barrier
      .carryOut(call, takes)
      .catch(() => world.barrier.carryOut(call, takes));
    expect((await again).kind).toBe('done');
    await transaction.rollback();
  });

  test('a server that says nothing any more is not waited for; the connection is not used again', async () => {
    const before = await stock();
    const time = new ManualTime();
    const barrier = world.barrierWith({ scheduler: time });
    await barrier.check();
    cutter.silenceNext('SET @tercet_idle');
    const carried = settled(
      barrier.carryOut(aCall({ deadline: systemClock.now() + 10_000 }), takes),
    );
    // The caller's deadline, and five seconds.
    for (let waited = 0; waited < 16_000 && !carried.isSettled; waited += 1_000) {
      await world.admin.query('DO 0');
      await time.advance(1_000);
    }
    expect(String(await carried.outcome)).toContain('the server did not answer within');
    expect(await stock()).toBe(before);
    await world.expectClean();
  });

  test('a connection that is lost while the handler runs: nothing is applied, and the next call works', async () => {
    const before = await stock();
    const call = aCall();
    const work = workOf<Mysql2Transaction>(async (db) => {
      await db.query(take);
      await world.admin.query(`KILL ${db.threadId}`);
      await db.query(take).catch(() => undefined);
      await expect(db.query(take)).rejects.toThrow('the statement was not sent');
    });
    await expect(world.barrier.carryOut(call, work)).rejects.toThrow(BarrierError);
    expect(await stock()).toBe(before);
    expect((await world.barrier.carryOut({ ...call, attempt: 2 }, takes)).kind).toBe('done');
    expect(await stock()).toBe(before - 1);
    await world.expectClean();
  });

  test('a statement that is killed is an error like any other: the transaction goes on', async () => {
    const before = await stock();
    const end = await world.barrier.carryOut(
      aCall(),
      workOf(async (db) => {
        await db.query(take);
        const slow = db.query('SELECT SLEEP(10), RAND() FROM stock FOR UPDATE');
        await world.admin.query('DO SLEEP(0.05)');
        await world.admin.query(`KILL QUERY ${db.threadId}`);
        await slow.catch(() => undefined);
      }),
    );
    expect(end.kind).toBe('done');
    expect(await stock()).toBe(before - 1);
  });

  describe.each([
    ['was carried out', 'after'],
    ['never arrived', 'before'],
  ] as const)('a COMMIT without an answer that %s', (_title, cut) => {
    test('is unknown; the call comes again and finds out', async () => {
      const before = await stock();
      const call = aCall();
      cutter.cutNext(cut);
      const unknown = world.barrier.carryOut(call, takes);
      await expect(unknown).rejects.toThrow(BarrierError);
      await expect(unknown).rejects.toThrow('nobody knows');
      const again = await world.barrier.carryOut({ ...call, attempt: 2 }, takes);
      expect(again.kind).toBe(cut === 'after' ? 'duplicate' : 'done');
      expect(await stock()).toBe(before - 1);
      await world.expectClean();
    });
  });

  test('a ROLLBACK that fails does away with the connection, and commits nothing', async () => {
    const before = await stock();
    cutter.failNext('ROLLBACK');
    const work = workOf<Mysql2Transaction>(async (db) => {
      await db.query(take);
      throw new Error('no');
    });
    await expect(world.barrier.carryOut(aCall(), work)).rejects.toThrow('no');
    await world.expectClean();
    expect((await world.barrier.carryOut(aCall(), takes)).kind).toBe('done');
    expect(await stock()).toBe(before - 1);
  });

  test('a participant that is killed in the middle leaves nothing; its Try runs when it comes again', async () => {
    const before = await stock();
    const call = aCall();
    const child = spawn(
      process.execPath,
      [
        '--require',
        'tsx/cjs',
        '--conditions=@tercet/source',
        require.resolve('./killed-participant.ts'),
      ],
      {
        env: {
          PATH: process.env['PATH'],
          POOL_URL: world.url,
          CALL: JSON.stringify(call),
          STATEMENT: take,
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    const end = await world.barrier.carryOut({ ...call, attempt: 2 }, async ({ db }) => {
      await db.query(take);
      return answer('second');
    });
    expect(end).toMatchObject({ kind: 'done', reply: Buffer.from('second') });
    expect(await stock()).toBe(before - 1);
  });
});

/** What a promise came to, and whether it has. */
function settled(promise: Promise<unknown>): { isSettled: boolean; outcome: Promise<unknown> } {
  const found = {
    isSettled: false,
    outcome: promise.then(
      (value) => value,
      (error: unknown) => error,
    ),
  };
  void found.outcome.then(() => {
    found.isSettled = true;
  });
  return found;
}

/** A local transaction without an engine around it. */
async function begun(pool: Pool, bounds: TransactionBounds) {
  const database = new Mysql2Database(pool, systemScheduler);
  const transaction = await database.begin(bounds);
  return {
    dialect: database.dialect,
    insert: (sql: string, params: readonly SqlValue[]) => transaction.statement(sql, params),
    rollback: () => transaction.rollback(),
  };
}
