/**
 * `npm run interleavings -- --dialect mariadb --runs 10000 --seed 1`: random programs on a real database, as many as you like.
 * Says the seed, and of a failure how to play it again. Starts the server by itself, or takes the one that the environment
 * names, as the tests do.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock, systemRandom } from '@tercet/runtime';
import { makeDatabase } from '../support/servers/database';
import { leaveRunFolder } from '../support/servers/run-folder';
import { startServer } from '../support/servers/servers';
import type { Business } from './business';
import { type Campaign, campaign, toldWrong } from './campaign';
import { onMariadb } from './on-mariadb';
import { onPostgres } from './on-postgres';
import { onRedis } from './on-redis';
import { onSqlite } from './on-sqlite';

const RUNS_DEFAULT = 10_000;
const servers = { mariadb: onMariadb, postgres: onPostgres, redis: onRedis } as const;

interface Orders extends Campaign {
  /** The same programs again, so often: a database does not overlap calls twice alike. */
  readonly times: number;
}

function ordersOf(args: readonly string[]): Orders {
  const text = { type: 'string' } as const;
  const options = { dialect: text, runs: text, seed: text, times: text };
  const { values } = parseArgs({ args: [...args], options });
  const number = (name: 'runs' | 'seed' | 'times', otherwise: number): number => {
    const given = values[name];
    if (given === undefined) return otherwise;
    if (/^\d{1,9}$/.test(given)) return Number(given);
    throw new Error(`--${name} must be a whole number, got ${given}`);
  };
  const { dialect = 'sqlite' } = values;
  if (dialect !== 'sqlite' && !(dialect in servers)) {
    throw new Error(`--dialect must be sqlite, mariadb, postgres or redis, got ${dialect}`);
  }
  return {
    dialect,
    runs: number('runs', RUNS_DEFAULT),
    seed: number('seed', Math.floor(systemRandom.unit() * 1_000_000)),
    times: number('times', 1),
  };
}

async function within(
  dialect: string,
  work: (on: Business<unknown>) => Promise<boolean>,
): Promise<boolean> {
  if (dialect === 'sqlite') {
    const folder = mkdtempSync(path.join(tmpdir(), 'tercet-interleavings-'));
    const business = await onSqlite(path.join(folder, 'stock.db'));
    try {
      return await work(business);
    } finally {
      await business.close();
      rmSync(folder, { recursive: true });
    }
  }
  const kind = dialect as keyof typeof servers;
  const server = await startServer(kind);
  if ('missing' in server) throw new Error(`no ${kind}: ${server.missing.join('; ')}`);
  try {
    const database = await makeDatabase(kind, server.url);
    const business = (await servers[kind](database.url)) as Business<unknown>;
    try {
      return await work(business);
    } finally {
      await business.close();
      await database.drop();
    }
  } finally {
    await server.stop();
    leaveRunFolder();
  }
}

async function main(orders: Orders): Promise<boolean> {
  const { dialect, seed, runs, times } = orders;
  process.stdout.write(`${runs} programs from seed ${seed} on ${dialect}\n`);
  const from = systemClock.now();
  return within(dialect, async (business) => {
    for (let i = 0; i < times; i += 1) {
      const end = await campaign(business, orders);
      if (end.wrong.length > 0) {
        process.stdout.write(`${toldWrong(orders, end.wrong)}\n`);
        return false;
      }
      const ends = Object.entries(end.seen).map(([kind, count]) => `${count} ${kind}`);
      const seconds = Math.round((systemClock.now() - from) / 1_000);
      process.stdout.write(
        `${end.runs} programs kept the laws, ${end.calls} calls (${ends.join(', ')}), ${seconds} s\n`,
      );
    }
    return true;
  });
}

main(ordersOf(process.argv.slice(2))).then(
  (kept) => {
    process.exitCode = kept ? 0 : 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
