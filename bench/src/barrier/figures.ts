/** The figures of the barrier. */
import { mysql2Barrier } from '@tercet/sdk/mysql2';
import { type Pool, type RowDataPacket, createPool } from 'mysql2/promise';
import type { Figure } from '../report/figure';
import { median } from '../statistics';
import {
  type LocalTransaction,
  type TriedBranches,
  guardedEnd,
  guardedTry,
  nextAccount,
  openAccounts,
  plain,
} from './local-transactions';
import { type Load, cost, perSecond, statementsEach } from './measure';
import { startUnaryTries } from './unary-tries';

/** What is measured where. */
export interface BarrierPlan {
  /** A MariaDB that nobody else uses. A database of the benchmark's own is made on it, and dropped. */
  readonly url: string;
  readonly rounds: number;
  /** Less of everything. */
  readonly quick: boolean;
  readonly progress: (line: string) => void;
}

/** The figures, and which server gave them. */
export interface BarrierFindings {
  readonly figures: readonly Figure[];
  readonly about: string;
}

const CONCURRENT = 16;
const COST_MOST = 2.3;
const STATEMENTS_MORE_MOST = 2;
const load: Load = { concurrency: CONCURRENT, warmUpMs: 500, measureMs: 3_000 };
const loadQuick: Load = { concurrency: CONCURRENT, warmUpMs: 50, measureMs: 300 };
/** Transactions whose statements are counted. */
const COUNTED = 200;
const DATABASE = 'tercet_bench_barrier';

/** Measures everything. Rejects where the server does not make its commits durable. */
export async function measureBarrier(plan: BarrierPlan): Promise<BarrierFindings> {
  const server = createPool({ uri: plan.url, connectionLimit: 1 });
  await server.query(`DROP DATABASE IF EXISTS ${DATABASE}`);
  await server.query(`CREATE DATABASE ${DATABASE}`);
  // As many connections as transactions at a time: nobody waits for the pool, in neither variant.
  const pool = createPool({ uri: plan.url, database: DATABASE, connectionLimit: CONCURRENT });
  try {
    const about = await durableServer(pool);
    return { about, figures: await figuresOf(plan, pool) };
  } finally {
    await pool.end();
    await server.query(`DROP DATABASE ${DATABASE}`);
    await server.end();
  }
}

async function figuresOf({ rounds, quick, progress }: BarrierPlan, pool: Pool): Promise<Figure[]> {
  await openAccounts(pool);
  const barrier = mysql2Barrier(pool);
  await barrier.migrate();
  await barrier.check();
  const account = nextAccount();
  const tried: TriedBranches = [];
  const unary = await startUnaryTries({ pool, barrier, account });
  const variants = {
    plain: plain(pool, account),
    try: guardedTry(barrier, account, tried),
    confirm: guardedEnd('confirm', { barrier, account, tried }),
    unaryPlain: unary.plain,
    unaryTry: unary.guarded,
  } as const satisfies Readonly<Record<string, LocalTransaction>>;
  try {
    const enough = async (count: number): Promise<void> =>
      repeat(variants.try, Math.max(0, count - tried.length));
    const rates = await inRounds(variants, {
      rounds,
      load: quick ? loadQuick : load,
      progress,
      prepare: (name, most) => (name === 'confirm' ? enough(most) : Promise.resolve()),
    });
    progress('counting statements');
    const statements = async (transact: LocalTransaction): Promise<number> =>
      statementsEach(pool, transact, COUNTED);
    const cancel = guardedEnd('cancel', { barrier, account, tried });
    // Confirm and Cancel each take some, and one more at their beginning.
    await enough(2 * (COUNTED + 1));
    const base = await statements(variants.plain);
    const more = {
      try: (await statements(variants.try)) - base,
      confirm: (await statements(variants.confirm)) - base,
      cancel: (await statements(cancel)) - base,
    };
    return [...costFigures(rates), ...statementFigures(base, more), ...unaryFigures(rates)];
  } finally {
    unary.close();
  }
}

type Rates<Name extends string> = Readonly<Record<Name, readonly number[]>>;

interface Rounds<Name extends string> {
  readonly rounds: number;
  readonly load: Load;
  readonly progress: (line: string) => void;
  /** Before a variant is measured, which will not carry out more than `most` transactions. */
  readonly prepare: (name: Name, most: number) => Promise<void>;
}

/** Runs so many, as many at a time as are measured. */
async function repeat(transact: LocalTransaction, times: number): Promise<void> {
  let left = times;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await transact();
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
}

/** Each round measures every variant, so that a slow minute of the machine meets them all. */
async function inRounds<Name extends string>(
  variants: Readonly<Record<Name, LocalTransaction>>,
  { rounds, load: each, progress, prepare }: Rounds<Name>,
): Promise<Rates<Name>> {
  const names = Object.keys(variants) as Name[];
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<
    Name,
    number[]
  >;
  const seconds = (each.warmUpMs + each.measureMs) / 1_000;
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) {
      // The first variant is the fastest: the others cannot do more, but for a minute that was slow for it alone.
      const fastest = Math.max(0, ...rates[names[0] as Name]);
      await prepare(name, Math.ceil(fastest * seconds * 1.5));
      const rate = await perSecond(variants[name], each);
      rates[name].push(rate);
      progress(`round ${round} of ${rounds}: ${name}: ${Math.round(rate)} per second`);
    }
  }
  return rates;
}

function costFigures(rates: Rates<'plain' | 'try' | 'confirm'>): Figure[] {
  const target = { atMost: COST_MOST };
  const title = `local transaction, 1 UPDATE, ${CONCURRENT} concurrent`;
  return [
    { check: `${title}: without a barrier`, value: median(rates.plain), unit: 'per second' },
    { check: `${title}: Try with it`, value: median(rates.try), unit: 'per second' },
    { check: `${title}: Confirm with it`, value: median(rates.confirm), unit: 'per second' },
    { check: `${title}: cost of a Try`, value: cost(rates.plain, rates.try), unit: '×', target },
    {
      check: `${title}: cost of a Confirm`,
      value: cost(rates.plain, rates.confirm),
      unit: '×',
      target,
    },
  ];
}

function statementFigures(
  base: number,
  more: Readonly<Record<'try' | 'confirm' | 'cancel', number>>,
): Figure[] {
  const target = { atMost: STATEMENTS_MORE_MOST };
  return [
    {
      check: 'statements of a local transaction without a barrier',
      value: base,
      unit: 'statements',
    },
    { check: 'more statements of a Try', value: more.try, unit: 'statements', target },
    { check: 'more statements of a Confirm', value: more.confirm, unit: 'statements', target },
    { check: 'more statements of a Cancel', value: more.cancel, unit: 'statements', target },
  ];
}

function unaryFigures(rates: Rates<'unaryPlain' | 'unaryTry'>): Figure[] {
  const title = `whole unary Try, ${CONCURRENT} concurrent`;
  return [
    { check: `${title}: without a barrier`, value: median(rates.unaryPlain), unit: 'per second' },
    { check: `${title}: with it`, value: median(rates.unaryTry), unit: 'per second' },
    { check: `${title}: cost`, value: cost(rates.unaryPlain, rates.unaryTry), unit: '×' },
  ];
}

/** A server that answers COMMIT before the disk has it would make the barrier look dear. */
async function durableServer(pool: Pool): Promise<string> {
  const [rows] = await pool.query<RowDataPacket[]>(
    'SELECT VERSION() AS version, @@innodb_flush_log_at_trx_commit AS flush',
  );
  const { version, flush } = rows[0] as { readonly version: string; readonly flush: number };
  if (Number(flush) !== 1) {
    throw new Error(
      `the server answers COMMIT before it is on disk: innodb_flush_log_at_trx_commit is ${flush}, not 1`,
    );
  }
  return `MariaDB ${version}`;
}
