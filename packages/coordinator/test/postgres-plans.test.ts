/** The PostgreSQL store finds rows by their key, whatever the planner believes of its tables. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { systemScheduler } from '@tercet/runtime';
import type { Client } from 'pg';
import { describeWith } from '../../../test/support/servers/describe-with';
import { SpecShapes } from '../src/store/rows/spec-shapes';
import { batchRowsOf } from '../src/store/sql/batch-rows';
import { connect, writerSettings } from '../src/store/sql/postgres/connect';
import { migrate } from '../src/store/sql/postgres/migrate';
import { claimText } from '../src/store/sql/postgres/postgres-server';
import { dueText } from '../src/store/sql/postgres/read';
import { waveStep } from '../src/store/sql/postgres/write-statement';
import { PostgresWorld } from './support/postgres-world';
import {
  attempted,
  confirming,
  decide,
  extend,
  fence,
  finished,
  open,
  progress,
  trying,
  withMore,
} from './support/transaction-moves';

jest.setTimeout(120_000);

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** Every way in which a plan reads `transactions`. */
function scansOf(node: PlanNode): readonly string[] {
  const below = (node.Plans ?? []).flatMap(scansOf);
  const reads = node['Relation Name'] === 'transactions' && /Scan/.test(node['Node Type']);
  return reads ? [`${node['Node Type']} ${node['Index Name']}`, ...below] : below;
}

async function scans(client: Client, text: string, values: readonly unknown[]): Promise<unknown> {
  const { rows } = await client.query<{ readonly 'QUERY PLAN': readonly { Plan: PlanNode }[] }>({
    text: `EXPLAIN (FORMAT JSON) ${text}`,
    values: [...values],
  });
  return [...new Set(rows[0]?.['QUERY PLAN'].flatMap(({ Plan }) => scansOf(Plan)))];
}

/** Every kind of operation, 60 of each. */
function wave() {
  const sixty = (make: (gid: string) => Parameters<typeof batchRowsOf>[0][number], kind: string) =>
    Array.from({ length: 60 }, (_, i) => make(`${kind}-${i}`));
  return batchRowsOf(
    [
      ...sixty((gid) => open(trying(gid, 2, { labels: { a: 'b' } })), 'open'),
      ...sixty((gid) => extend(withMore(trying(gid)), 2), 'extend'),
      ...sixty((gid) => decide(confirming(trying(gid)), Uint8Array.of(1)), 'decide'),
      ...sixty((gid) => progress(attempted(confirming(trying(gid)), '1'), 5), 'progress'),
      ...sixty((gid) => progress(finished(confirming(trying(gid)))), 'finish'),
      ...sixty((gid) => fence(trying(gid)), 'fence'),
    ],
    new SpecShapes(),
  );
}

const fill = `INSERT INTO transactions (gid, run_id, name, status, branches, owner, epoch, opened_at, deadline_at,
    decided_at, finished_at, cause, format, open_owner, next_at)
  SELECT 'gid-' || i, 'r', 'n', CASE WHEN i % 100 = 0 THEN 'trying' ELSE 'confirmed' END, 2, 'first', 1, i, i,
    CASE WHEN i % 100 > 0 THEN i END, CASE WHEN i % 100 > 0 THEN i END, CASE WHEN i % 100 > 0 THEN 'commit' END, 1,
    CASE WHEN i % 100 = 0 THEN 'first' END, CASE WHEN i % 100 = 0 THEN i END
  FROM generate_series($1::int, $2::int) i`;

describeWith('postgres', (server) => {
  let world: PostgresWorld;
  let client: Client;
  beforeEach(async () => {
    world = await PostgresWorld.on(server);
    const options = { url: world.url, unsafeStore: true, scheduler: systemScheduler };
    client = await connect(options, writerSettings);
    await migrate(client);
  });
  afterEach(async () => {
    await client.end();
    await world.end();
  });

  const check = async (): Promise<void> => {
    const step = waveStep(wave(), 'first');
    expect(await scans(client, step.text, step.values)).toEqual(['Index Scan transactions_pkey']);
    const claim = (await scans(client, claimText, ['second', '500'])) as readonly string[];
    expect(claim.filter((scan) => /Seq|undefined/.test(scan))).toEqual([]);
    const due = (await scans(client, dueText, ['first', 0, '', 5, 500])) as readonly string[];
    expect(due.join()).toMatch(/^Index (Only )?Scan transactions_open$/);
  };

  it.each([
    ['empty', 0],
    ['small', 100],
    ['large', 100_000],
  ])('on an %s table, known or not yet', async (_, rows) => {
    if (rows > 0) await client.query(fill, [1, rows]);
    await check();
    await client.query('ANALYZE transactions');
    await check();
  });

  it('on a table that was known as empty and has grown since', async () => {
    await client.query('VACUUM ANALYZE transactions');
    await check();
    await client.query(fill, [1, 100_000]);
    await check();
  });
});
