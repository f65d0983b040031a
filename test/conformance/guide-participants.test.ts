/** docs/guide/participants.md, taken literally: its samples compile, its participant runs, its statements work. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { TransactionCancelledError } from '@tercet/sdk';
import ts from 'typescript';
// eslint-disable-next-line import-x/no-relative-packages -- the contract that the page names
import type { shelf } from '../../examples/recipes/src/definitions';
import { aFolder, afterTest } from '../support/clean-up';
import { problemsOf, samplesOf } from '../support/guide/sample-program';
import { aCoordinator, anInitiator } from '../support/shop';

const page = 'docs/guide/participants.md';

/** What the samples take for granted: the names of a participant's own code. */
const prelude = `
import type { Server as GrpcServer } from '@grpc/grpc-js';
import type * as sdk from '@tercet/sdk';
import type { Pool } from 'mysql2/promise';
import type * as recipes from './index';

type Branch = { readonly runId: string; readonly branchId: string };

declare global {
  const server: GrpcServer;
  const pool: Pool;
  const addTcc: typeof sdk.addTcc;
  const defineTcc: typeof sdk.defineTcc;
  type TccHandlers<D extends sdk.Definitions, Db> = sdk.TccHandlers<D, Db>;
  type Database = recipes.Database;

  const stock: typeof recipes.shelf;
  const train: typeof recipes.train;
  const card: typeof recipes.card;
  const handlers: sdk.TccHandlers<typeof recipes.shelf, import('@tercet/sdk/mysql2').Mysql2Transaction>;
  const StockTccService: typeof import('./gen/recipes/v1/recipes').ShelfTccService;
  const actions: {
    readonly reserve: { readonly try: 'reserveTry'; readonly confirm: 'reserveConfirm'; readonly cancel: 'reserveCancel' };
  };

  const provider: recipes.PaymentProvider;
  const idempotencyKey: typeof recipes.idempotencyKey;
  function workOf(branch: Branch): string;
  function note(db: Database, branch: Branch, holdId: string): void;
  function anyFreeSeat(db: Database, train: string, traveller: string): string;
  function takeVoucher(db: Database, traveller: string): string | undefined;
  function giveBackVoucher(db: Database, traveller: string, voucher: string): void;
  function sell(db: Database, train: string, seat: string): void;
  function release(db: Database, train: string, seat: string): void;
}
`;

test('every sample compiles', () => {
  expect(samplesOf(page).length).toBeGreaterThanOrEqual(5);
  expect(problemsOf(page, prelude)).toEqual([]);
}, 120_000);

test('a sample that is wrong is found, with its line', () => {
  const [first] = samplesOf(page);
  const found = problemsOf(page, prelude.replace('const pool: Pool', 'const pool: string'));
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^${page}:${(first?.line ?? 0) + 2}: .*string`));
}, 120_000);

/** The whole participant of the page, started with a file and a port of the test's own. */
async function runParticipant(file: string): Promise<{ target: string; definition: typeof shelf }> {
  const code = samplesOf(page).find((sample) => sample.code.includes('async function main'))?.code;
  if (code === undefined) throw new Error('the page has no whole participant');
  const text = code
    .replace("'shelf.db'", JSON.stringify(file))
    .replace('0.0.0.0:50051', '127.0.0.1:0');
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const exported: { shelf?: typeof shelf } = {};
  const own = path.resolve(__dirname, '../../examples/recipes/src');
  const load = (name: string): unknown =>
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- what the page imports
    require(name.startsWith('.') ? path.join(own, name) : name) as unknown;
  const line = await new Promise<string>((resolve) => {
    const fakeProcess = { once: (_signal: string, stop: () => void) => afterTest(stop) };
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the page's own text is what is tested
    const run = new Function('require', 'exports', 'process', 'console', outputText) as (
      ...parts: unknown[]
    ) => void;
    run(load, exported, fakeProcess, { log: resolve });
  });
  expect(line).toMatch(/^shelf on port \d+$/);
  if (exported.shelf === undefined) throw new Error('the page exports no definition');
  return { target: `127.0.0.1:${line.split(' ').at(-1)}`, definition: exported.shelf };
}

test('the whole participant runs as it stands there', async () => {
  const file = path.join(aFolder(), 'shelf.db');
  const { target, definition } = await runParticipant(file);
  const { port } = await aCoordinator(aFolder());
  const tercet = anInitiator(port);
  const reserve = (quantity: number) =>
    tercet.run({ name: 'guide' }, (tx) =>
      tx.use(definition, { target }).reserve({ sku: 'cup', quantity, seenVersion: 0 }),
    );
  const { status, value, runId } = await reserve(4);
  expect({ status, value }).toEqual({ status: 'confirmed', value: { left: 6 } });
  const refused = await reserve(7).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TransactionCancelledError);
  expect(String(refused)).toContain('too few on the shelf');

  const db = new DatabaseSync(file);
  const rowOf = (sql: string): unknown => ({ ...(db.prepare(sql).get() as object) });
  expect(rowOf('SELECT available, reserved FROM article')).toEqual({ available: 6, reserved: 0 });
  // The statement with which an operator looks at a conflict.
  const [, statement = ''] = /```sql\n([\s\S]*?)```/.exec(readFileSync(page, 'utf8')) ?? [];
  const rows = db.prepare(statement.replace("'…'", `'${runId}'`)).all();
  expect(rows.map((row) => ({ ...(row as object) }))).toMatchObject([
    { slot: 'end', op: 'confirm' },
    { slot: 'try', op: 'try' },
  ]);
  db.close();
});
