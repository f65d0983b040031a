/** Random interleavings of calls, duplicates and deaths on real databases keep the laws of the barrier. */
import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemRandom } from '@tercet/runtime';
import { describeWith } from '../support/servers/describe-with';
import type { Business } from './business';
import { campaign, toldWrong } from './campaign';
import { onMariadb } from './on-mariadb';
import { onPostgres } from './on-postgres';
import { onRedis } from './on-redis';
import { onSqlite } from './on-sqlite';

const RUNS = 300;
const BUSY_MS = 180_000;
const seed = Math.floor(systemRandom.unit() * 1_000_000_000);

async function keepsTheLaws<Db>(dialect: string, opening: Promise<Business<Db>>): Promise<void> {
  const business = await opening;
  try {
    const { runs, wrong, seen } = await campaign(business, { dialect, seed, runs: RUNS });
    expect(toldWrong({ dialect }, wrong)).toBe('');
    expect(runs).toBe(RUNS);
    // Programs that never come to one of these ends prove nothing about it.
    const ends = ['done', 'duplicate', 'empty', 'late', 'conflict', 'none'];
    expect(ends.filter((end) => seen[end] === undefined)).toEqual([]);
  } finally {
    await business.close();
  }
}

test(
  `on SQLite: ${RUNS} programs keep the laws`,
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tercet-interleavings-'));
    try {
      await keepsTheLaws('sqlite', onSqlite(path.join(folder, 'stock.db')));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  BUSY_MS,
);

describeWith('mariadb', (server) => {
  test(
    `on MariaDB: ${RUNS} programs at four isolation levels keep the laws`,
    async () => keepsTheLaws('mariadb', onMariadb((await server.freshDatabase()).url)),
    BUSY_MS,
  );
});

describeWith('postgres', (server) => {
  test(
    `on PostgreSQL: ${RUNS} programs at three isolation levels keep the laws`,
    async () => keepsTheLaws('postgres', onPostgres((await server.freshDatabase()).url)),
    BUSY_MS,
  );
});

describeWith('redis', (server) => {
  test(
    `on Redis: ${RUNS} programs keep the laws`,
    async () => keepsTheLaws('redis', onRedis((await server.freshDatabase()).url)),
    BUSY_MS,
  );
});
