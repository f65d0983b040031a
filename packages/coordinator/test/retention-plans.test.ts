/** Retention finds what it looks for by the index of finished transactions, and changes it by its key, on every engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { systemScheduler } from '@tercet/runtime';
import type { RowDataPacket } from 'mysql2';
import { describeWith, freshDatabase } from '../../../test/support/servers/describe-with';
import { byKey, connect } from '../src/store/sql/postgres/connect';
import { buryText, forgetText, placeText } from '../src/store/sql/postgres/expiry';
import { entriesQuery, placeQuery, stepsOf } from '../src/store/sql/mysql/expiry';
import { openDatabase } from '../src/store/sqlite/driver';
import { expirySql } from '../src/store/sqlite/expiry';
import { migrate } from '../src/store/sqlite/migrations/migrate';
import { Hands, mysqlStoreAt } from './support/mysql-world';
import { PostgresWorld } from './support/postgres-world';

jest.setTimeout(120_000);

const ROWS = 100_000;
/** How many one statement may look at. */
const LIMIT = 100;

describe('sqlite', () => {
  const plansOf = (analyzed: boolean): Readonly<Record<string, string>> => {
    const directory = mkdtempSync(join(tmpdir(), 'plans-'));
    const db = openDatabase(join(directory, 'tercet.db'));
    try {
      migrate(db, 'tercet.db');
      if (analyzed) {
        db.exec(`INSERT INTO transactions (gid, run_id, name, status, branches, owner, epoch, opened_at, deadline_at,
            decided_at, finished_at, cause, format)
          WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 5000)
          SELECT 'gid-' || n, 'r', 'n', 'confirmed', 2, 'me', 1, n, n, n, n, 'commit', 1 FROM i; ANALYZE`);
      }
      const plan = (sql: string): string =>
        db
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all()
          .map((row) => (row as { detail: string }).detail)
          .join('; ');
      return Object.fromEntries(Object.entries(expirySql).map(([name, sql]) => [name, plan(sql)]));
    } finally {
      db.close();
      rmSync(directory, { recursive: true });
    }
  };

  it.each([
    ['an empty file', false],
    ['a full one', true],
  ])('of %s: no statement reads more than its stretch of the index', (_, analyzed) => {
    const plans = plansOf(analyzed);
    const stretch =
      /SEARCH transactions USING (COVERING )?INDEX transactions_finished \(\(finished_at,gid\)>/;
    for (const name of ['full', 'last', 'count', 'place', 'bury', 'forget'] as const) {
      expect(plans[name]).toMatch(stretch);
      expect(plans[name]).not.toMatch(/SCAN|TEMP B-TREE/);
    }
    for (const name of ['full', 'last', 'count', 'place'] as const) {
      expect(plans[name]).toContain('COVERING INDEX');
    }
    for (const name of ['removeLabels', 'removeLater', 'removeOpenings', 'results'] as const) {
      expect(plans[name]).toMatch(/^SEARCH (labels|registrations|results) USING /);
      expect(plans[name]).toMatch(stretch);
      expect(plans[name]).not.toContain('SCAN');
    }
  });
});

describeWith('mariadb', (server) => {
  const fill = `INSERT INTO transactions (gid,run_id,name,status,branches,owner,epoch,open_owner,next_at,
    opened_at,deadline_at,decided_at,cause,format) SELECT CONCAT('gid-', seq),'run','n','confirmed',1,'me',1,NULL,seq,
    1,1,1,'commit',1 FROM seq_1_to_${ROWS}`;
  const children = [
    "INSERT INTO registrations (gid,first,run_id,specs,payloads) SELECT gid,0,'run','[]','' FROM transactions LIMIT 3000",
    "INSERT INTO labels (gid,name,value) SELECT gid,'a','b' FROM transactions LIMIT 3000",
    "INSERT INTO results (gid,result) SELECT gid,'' FROM transactions LIMIT 3000",
  ];

  it('reads a stretch of the index, and changes rows by their keys, empty or full', async () => {
    const { url } = await freshDatabase(server);
    const store = mysqlStoreAt(url);
    await store.open('me');
    await store.close();
    const hands = await Hands.at(url);
    const mark = { at: ROWS / 2, gid: 'gid-7' };
    const entries = Array.from({ length: LIMIT }, (_, i) => {
      return { at: ROWS / 2 + i, gid: `gid-${ROWS / 2 + i}`, isWhole: true, isKept: false };
    });
    const work = { old: entries, oldest: entries };
    const changes = stepsOf({ expire: mark, forget: mark }, work).map(({ sql }) => sql);
    expect(changes).toHaveLength(7);
    for (const before of [[], [fill, ...children, 'ANALYZE TABLE transactions']]) {
      await hands.run(...before, 'SELECT 1');
      await expectOpenIndex(hands, entriesQuery(mark, { before: ROWS, limit: LIMIT }));
      await expectOpenIndex(hands, placeQuery(mark, LIMIT));
      const plans: RowDataPacket[] = [];
      for (const sql of changes) plans.push(...(await hands.run(`EXPLAIN ${sql}`)));
      for (const plan of plans) {
        // A table that is nearly empty may be read whole: nobody waits for what is in there.
        if (before.length > 0) expect(plan['key'] ?? plan['Extra']).toBe('PRIMARY');
        expect(Number(plan['rows'] ?? 0)).toBeLessThanOrEqual(LIMIT);
      }
    }
    await hands.run(
      `UPDATE retention SET finished_at=${mark.at},gid='${mark.gid}'`,
      'FLUSH STATUS',
    );
    const read = await hands.run(entriesQuery(mark, { before: ROWS, limit: LIMIT }));
    expect(read).toHaveLength(LIMIT);
    const handlers = await hands.run("SHOW SESSION STATUS LIKE 'Handler_read%'");
    const rows = handlers.reduce((sum, row) => sum + Number(row['Value']), 0);
    expect(rows).toBeLessThan(LIMIT + 10);
    await hands.end();
  });
});

/** The index of open work answers a query, in its own order. */
async function expectOpenIndex(hands: Hands, query: string): Promise<void> {
  const [plan] = await hands.run(`EXPLAIN ${query}`);
  expect(plan).toMatchObject({ key: 'transactions_open' });
  expect(String(plan?.['Extra'])).not.toContain('filesort');
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

describeWith('postgres', (server) => {
  const fill = `INSERT INTO transactions (gid, run_id, name, status, branches, owner, epoch, opened_at, deadline_at,
      decided_at, finished_at, cause, format)
    SELECT 'gid-' || i, 'r', 'n', 'confirmed', 2, 'first', 1, i, i, i, i, 'commit', 1 FROM generate_series(1, ${ROWS}) i`;

  it('reads a stretch of the index, and changes rows by their keys, empty or full, known or not', async () => {
    const world = await PostgresWorld.on(server);
    await world.migrate();
    const options = { url: world.url, unsafeStore: true, scheduler: systemScheduler };
    const client = await connect(options, byKey);
    const readsOf = (node: PlanNode): readonly string[] => [
      ...(node['Relation Name'] === undefined || !/Scan/.test(node['Node Type'])
        ? []
        : [`${node['Relation Name']}: ${node['Node Type']} ${node['Index Name']}`]),
      ...(node.Plans ?? []).flatMap(readsOf),
    ];
    const check = async (): Promise<void> => {
      for (const [text, values] of [
        [buryText, [ROWS, LIMIT]],
        [forgetText, [ROWS, LIMIT]],
        [placeText, [LIMIT]],
      ] as const) {
        const { rows } = await client.query<{ readonly 'QUERY PLAN': { Plan: PlanNode }[] }>({
          text: `EXPLAIN (FORMAT JSON) ${text}`,
          values: [...values],
        });
        const reads = (rows[0]?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => readsOf(Plan));
        const large = reads.filter((read) => !read.startsWith('retention:'));
        expect(large.filter((read) => !/Index (Only )?Scan/.test(read))).toEqual([]);
        expect(large.join()).toMatch(/transactions: Index (Only )?Scan transactions_finished/);
      }
    };
    try {
      await check();
      await client.query(fill);
      await check();
      await client.query('ANALYZE transactions');
      await check();
    } finally {
      await client.end();
      await world.end();
    }
  });
});
