/** The PostgreSQL store finds rows by their key, whatever the planner believes of its tables. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { GlobalTransaction } from '@tercet/core';
import { systemScheduler } from '@tercet/runtime';
import type { Client } from 'pg';
import { describeWith } from '../../../test/support/servers/describe-with';
import { SpecShapes } from '../src/store/rows/spec-shapes';
import { batchRowsOf } from '../src/store/sql/batch-rows';
import { claimStep, ownersText } from '../src/store/sql/postgres/claims';
import { byKey, connect } from '../src/store/sql/postgres/connect';
import { dueText } from '../src/store/sql/postgres/read';
import { waveStep } from '../src/store/sql/postgres/write-statement';
import type { StoreOperation } from '../src/store/store';
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
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Every node of a plan that reads `transactions`. */
function readsOf(node: PlanNode): readonly PlanNode[] {
  const below = (node.Plans ?? []).flatMap(readsOf);
  const reads = node['Relation Name'] === 'transactions' && /Scan/.test(node['Node Type']);
  return reads ? [node, ...below] : below;
}

interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
}

async function readsFor(
  client: Client,
  { text, values = [] }: Statement,
  options = 'FORMAT JSON',
): Promise<readonly PlanNode[]> {
  const { rows } = await client.query<{ readonly 'QUERY PLAN': readonly { Plan: PlanNode }[] }>({
    text: `EXPLAIN (${options}) ${text}`,
    values: [...values],
  });
  return (rows[0]?.['QUERY PLAN'] ?? []).flatMap(({ Plan }) => readsOf(Plan));
}

/** In which ways a statement reads `transactions`. */
async function scans(client: Client, statement: Statement): Promise<readonly string[]> {
  const reads = await readsFor(client, statement);
  return [...new Set(reads.map((node) => `${node['Node Type']} ${node['Index Name']}`))].sort();
}

function take({ gid, runId, epoch }: GlobalTransaction): StoreOperation {
  return { kind: 'take', gid, runId, owner: 'second', epoch };
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
      ...sixty((gid) => take(trying(gid)), 'take'),
    ],
    new SpecShapes(),
  );
}

/** Of a hundred rows one is open, of one of the owners `owner-0` to `owner-4`. */
const fill = `INSERT INTO transactions (gid, run_id, name, status, branches, owner, epoch, opened_at, deadline_at,
    decided_at, finished_at, cause, format, open_owner, next_at)
  SELECT 'gid-' || i, 'r', 'n', CASE WHEN i % 100 = 0 THEN 'trying' ELSE 'confirmed' END, 2, 'first', 1, i, i,
    CASE WHEN i % 100 > 0 THEN i END, CASE WHEN i % 100 > 0 THEN i END, CASE WHEN i % 100 > 0 THEN 'commit' END, 1,
    CASE WHEN i % 100 = 0 THEN 'owner-' || (i / 100) % 5 END, CASE WHEN i % 100 = 0 THEN i END
  FROM generate_series($1::int, $2::int) i`;

const primary = 'Index Scan transactions_pkey';
const byOpenWork = /^Index (Only )?Scan transactions_open$/;

describeWith('postgres', (server) => {
  let world: PostgresWorld;
  let client: Client;
  beforeEach(async () => {
    world = await PostgresWorld.on(server);
    await world.migrate();
    const options = { url: world.url, unsafeStore: true, scheduler: systemScheduler };
    client = await connect(options, byKey);
  });
  afterEach(async () => {
    await client.end();
    await world.end();
  });

  const claim = claimStep({ owner: 'owner-3', limit: 500, skip: 7 }, 'second');
  const due = { text: dueText, values: ['owner-3', 0, '', 5, 500] };

  const check = async (): Promise<void> => {
    expect(await scans(client, waveStep(wave(), 'first'))).toEqual([primary]);
    const [open, ...others] = await scans(client, claim);
    expect(open).toMatch(byOpenWork);
    expect(others).toEqual([primary]);
    expect((await scans(client, due)).join()).toMatch(byOpenWork);
    for (const scan of await scans(client, { text: ownersText })) {
      expect(scan).toMatch(byOpenWork);
    }
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

  it('owners are found by jumps, however much work each of them has (C1)', async () => {
    await client.query(fill, [1, 100_000]);
    await client.query('VACUUM ANALYZE transactions');
    const { rows } = await client.query<{ readonly owner: string }>(ownersText);
    expect(rows.map(({ owner }) => owner)).toEqual([4, 3, 2, 1, 0].map((n) => `owner-${n}`));
    const reads = await readsFor(client, { text: ownersText }, 'ANALYZE, FORMAT JSON');
    const touched = reads.map((node) => (node['Actual Rows'] ?? 0) * (node['Actual Loops'] ?? 0));
    expect(touched.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(6);
    expect(reads.some((node) => (node['Rows Removed by Filter'] ?? 0) > 0)).toBe(false);
  });
});
