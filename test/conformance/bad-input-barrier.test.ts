/**
 * What people do wrong with a barrier, on a real server and over real gRPC: each time nothing of the call takes effect, and
 * caller and `onError` are told whose fault it is and what to do. The texts are those of docs/guide/participants.md.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Server } from '@grpc/grpc-js';
import { BarrierConflictError, BarrierError, ConfigError, addTcc, defineTcc } from '@tercet/sdk';
import { mysql2Barrier } from '@tercet/sdk/mysql2';
import { type Pool, type RowDataPacket, createPool } from 'mysql2/promise';
import { describeWith, freshDatabase } from '../support/servers/describe-with';
import { shop } from '../support/shop';
import { type BadParticipant, type Work, aRunId, badParticipant } from '../support/bad-participant';

const update = 'UPDATE article SET pieces = pieces - 1';
const started: BadParticipant[] = [];

async function participantOf(pool: Pool): Promise<BadParticipant> {
  const participant = await badParticipant(pool);
  started.push(participant);
  return participant;
}

async function piecesIn(pool: Pool): Promise<number> {
  const [rows] = await pool.query<RowDataPacket[]>('SELECT pieces FROM article');
  return Number(rows[0]?.['pieces']);
}

afterEach(() => {
  for (const each of started.splice(0)) each.stop();
});

describeWith('mariadb', (server) => {
  let pool: Pool;
  let participant: BadParticipant;

  async function aPool(more: object = {}): Promise<Pool> {
    const { url } = await freshDatabase(server);
    return createPool({ uri: url, ...more });
  }

  beforeAll(async () => {
    pool = await aPool();
    await pool.query('CREATE TABLE article (pieces INT NOT NULL)');
    await pool.query('INSERT INTO article VALUES (10)');
    await mysql2Barrier(pool).migrate();
  });

  afterAll(() => pool.end());

  describe('a table that is not as it should be', () => {
    let empty: Pool;

    beforeAll(async () => {
      empty = await aPool();
    });

    afterAll(() => empty.end());

    test.each([
      ['missing', [], /^the table tercet_barrier is missing .*: run `tercet barrier migrate`/],
      [
        'of an older version',
        ['UPDATE tercet_barrier_version SET version = 0'],
        /^the table tercet_barrier is of version 0, this SDK works with 1: run `tercet barrier migrate`/,
      ],
      [
        'of a newer version',
        ['UPDATE tercet_barrier_version SET version = 2'],
        /^the table tercet_barrier is of version 2, newer than .*: update @tercet\/sdk/,
      ],
    ])('%s: no call is carried out, and all are told why', async (_what, statements, text) => {
      if (statements.length > 0) await mysql2Barrier(empty).migrate();
      for (const statement of statements) await empty.query(statement);
      participant = await participantOf(empty);
      let ran = false;
      participant.work = async () => {
        ran = true;
      };
      const told = await participant.call('try');
      expect(told).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringMatching(text) });
      await expect(participant.service.ready()).rejects.toThrow(text);
      expect(participant.errors).toEqual([expect.any(BarrierError)]);
      expect(ran).toBe(false);
      await empty.query('DROP TABLE IF EXISTS tercet_barrier, tercet_barrier_version');
    });

    test('once it is there, calls go through without a restart', async () => {
      participant = await participantOf(empty);
      expect(await participant.call('try')).toMatchObject({ code: 'UNAVAILABLE' });
      await mysql2Barrier(empty).migrate();
      await participant.service.ready();
      expect(await participant.call('try')).toMatchObject({ code: 'OK' });
    });

    test('another database than the Try’s: Confirm is a conflict that says so', async () => {
      const right = await participantOf(pool);
      const wrong = await participantOf(empty);
      const runId = aRunId();
      expect(await right.call('try', runId)).toMatchObject({ code: 'OK' });
      expect(await wrong.call('confirm', runId)).toMatchObject({
        code: 'FAILED_PRECONDITION',
        verdict: 'conflict',
        message: expect.stringMatching(
          /^Confirm of branch 1 of transaction order-1 \(shop\.ShopTcc, action reserve\) found no row of its Try: .* another database than the Try’s/,
        ),
      });
      expect(wrong.errors).toEqual([expect.any(BarrierConflictError)]);
      expect(await right.call('confirm', runId)).toMatchObject({ code: 'OK' });
    });
  });

  describe('a handler that breaks its local transaction', () => {
    const wayOut =
      /the Try handler of reserve \(shop\.ShopTcc\).*leave COMMIT and ROLLBACK to the barrier; move DDL to a migration/;
    const swallowed =
      (statement: string): Work =>
      async ({ db }) => {
        await db.query(update);
        await db.query(statement).catch(() => {});
      };

    test.each<readonly [what: string, work: Work]>([
      [
        'commits, and swallows the refusal',
        async ({ db }) => {
          await db.query(update);
          try {
            await db.commit();
          } catch {}
        },
      ],
      ['says COMMIT', swallowed('COMMIT')],
      ['says ROLLBACK', swallowed('ROLLBACK')],
      ['begins another transaction', swallowed('START TRANSACTION')],
      ['runs DDL', swallowed('CREATE TABLE made_by_a_handler (a INT)')],
    ])('%s: unknown, named, and nothing is applied', async (_what, work) => {
      participant = await participantOf(pool);
      participant.work = work;
      const runId = aRunId();
      const before = await piecesIn(pool);
      const told = await participant.call('try', runId);
      expect(told).toMatchObject({ code: 'UNKNOWN', verdict: undefined });
      expect(told.message).toMatch(wayOut);
      expect(participant.errors).toEqual([expect.any(BarrierError)]);
      expect(await piecesIn(pool)).toBe(before);
      // Nothing is left, so the branch can still be cancelled, and tried by nobody else.
      expect(await participant.call('cancel', runId)).toMatchObject({ code: 'OK' });
      expect(await participant.call('try', runId)).toMatchObject({ code: 'ABORTED' });
    });

    test('commits, and lets the refusal pass: that is its error, with what to do instead', async () => {
      participant = await participantOf(pool);
      participant.work = async ({ db }) => {
        await db.query(update);
        await db.commit();
      };
      const before = await piecesIn(pool);
      const told = await participant.call('try');
      expect(told).toMatchObject({ code: 'UNKNOWN', verdict: undefined });
      expect(told.message).toMatch(/commit\(\) is refused: .*\. Return or throw instead/);
      expect(participant.errors).toHaveLength(1);
      expect(await piecesIn(pool)).toBe(before);
    });

    test('goes on with ctx.db after it has returned: told so, and nothing more is applied', async () => {
      participant = await participantOf(pool);
      const before = await piecesIn(pool);
      let late: Promise<unknown> = Promise.resolve();
      let goOn = (): void => {};
      participant.work = async ({ db }) => {
        await db.query(update);
        late = new Promise<void>((resolve) => {
          goOn = resolve;
        })
          .then(() => db.query(update))
          .catch((error: unknown) => error);
      };
      expect(await participant.call('try')).toMatchObject({ code: 'OK' });
      goOn();
      expect(String(await late)).toMatch(
        /ctx\.db was used after its handler had returned: .* Await every statement before returning/,
      );
      expect(await piecesIn(pool)).toBe(before - 1);
    });
  });

  describe('a pool', () => {
    test('that is closed is named, without its password', async () => {
      const closed = await aPool();
      await mysql2Barrier(closed).migrate();
      participant = await participantOf(closed);
      await participant.service.ready();
      await closed.end();
      const told = await participant.call('try');
      expect(told.code).toBe('UNKNOWN');
      expect(told.message).toMatch(
        /the mysql2 pool of database tercet_\w+ at .* gave no connection: Pool is closed/,
      );
      expect(participant.errors).toEqual([expect.any(BarrierError)]);
    });

    test('whose connections are all taken is named, with what to raise, before the caller has gone', async () => {
      const small = await aPool({ connectionLimit: 1 });
      await mysql2Barrier(small).migrate();
      participant = await participantOf(small);
      await participant.service.ready();
      const taken = await small.getConnection();
      const told = await participant.call('try');
      expect(told.code).toBe('UNKNOWN');
      expect(told.message).toMatch(
        /had no free connection within \d+ ms: raise its `connectionLimit`/,
      );
      taken.release();
      expect(await participant.call('try')).toMatchObject({ code: 'OK' });
      await small.end();
    });
  });

  describe('ctx.save', () => {
    test.each<readonly [what: string, value: unknown, text: RegExp]>([
      [
        'over the limit',
        'x'.repeat(65_536),
        /takes \d+ bytes .*, at most 65536 are kept; write it to a table of your own through ctx\.db/,
      ],
      [
        'with a function in it',
        { undo: () => {} },
        /cannot be encoded: .*; keep plain data, such as an id/,
      ],
      ['of a class', new Map([['a', 1]]), /cannot be encoded: .*; keep plain data, such as an id/],
    ])(
      'of a value %s: the handler is named, and nothing is applied',
      async (_what, value, text) => {
        participant = await participantOf(pool);
        const before = await piecesIn(pool);
        participant.work = async (ctx) => {
          await ctx.db.query(update);
          ctx.save(value);
        };
        const told = await participant.call('try');
        expect(told.code).toBe('UNKNOWN');
        expect(told.message).toMatch(text);
        expect(told.message).toContain('the handler for try of reserve (shop.ShopTcc)');
        expect(participant.errors).toEqual([expect.any(ConfigError)]);
        expect(await piecesIn(pool)).toBe(before);
      },
    );
  });
});

describe('two definitions with one action name on one server', () => {
  const handler = { try: () => ({ reservationId: '' }), confirm: () => {}, cancel: () => {} };
  const charge = { ...handler, try: () => ({ chargeId: '', balance: 0 }) };
  const count = (_: unknown, callback: (error: null, value: { count: number }) => void): void =>
    callback(null, { count: 0 });

  test('of one service: the action is named', () => {
    const handlers = { reserve: handler, charge, count };
    expect(() => addTcc(new Server(), [shop, shop] as const, handlers as never)).toThrow(
      /action reserve of shop\.ShopTcc is defined twice; give one of the two another name/,
    );
  });

  test('of two services that share a barrier: both are named, with a name that would do', () => {
    const barrier = mysql2Barrier(createPool({ host: '127.0.0.1', port: 1 }));
    const server = new Server();
    addTcc(server, shop, { reserve: handler, charge, count }, { barrier });
    const { service } = shop;
    const moved = Object.fromEntries(
      Object.entries(service).map(([name, method]) => [
        name,
        { ...method, path: method.path.replace('/shop.ShopTcc/', '/shop.OtherTcc/') },
      ]),
    ) as unknown as typeof service;
    const other = defineTcc(moved, {
      reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' },
      charge: { try: 'chargeTry', confirm: 'chargeConfirm', cancel: 'chargeCancel' },
    });
    expect(() => addTcc(server, other, { reserve: handler, charge, count }, { barrier })).toThrow(
      /shop\.OtherTcc and shop\.ShopTcc both have an action reserve, and share the barrier mysql2 on one server; give one of them another name in defineTcc/,
    );
  });
});
