/** A database of its own for each test file. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import type { ServerKind } from './server-kind';

/** An empty database. */
export interface Database {
  readonly url: string;
  /** Its name; of Redis its number; of a Redis Cluster a prefix for keys, since there is only one database. */
  readonly name: string;
  /** Removes it with everything in it. Fails where a transaction is still open in it: somebody leaked a connection. */
  drop(): Promise<void>;
}

/** Makes one on the server at `url`. */
export async function makeDatabase(kind: ServerKind, url: string): Promise<Database> {
  switch (kind) {
    case 'mariadb':
      return onMysql(url);
    case 'postgres':
      return onPostgres(url);
    case 'redis':
      return onRedis(url);
    case 'redis-cluster':
      return { url, name: freshName(), drop: async () => undefined };
  }
}

function freshName(): string {
  return `tercet_${randomBytes(8).toString('hex')}`;
}

function urlWith(url: string, path: string): string {
  const made = new URL(url);
  made.pathname = `/${path}`;
  return made.toString();
}

async function onMysql(url: string): Promise<Database> {
  const name = freshName();
  const run = async (...statements: string[]): Promise<void> => {
    const connection = await createConnection(url);
    try {
      for (const statement of statements) await connection.query(statement);
    } finally {
      await connection.end();
    }
  };
  await run(`CREATE DATABASE ${name}`);
  return {
    url: urlWith(url, name),
    name,
    drop: () => run('SET SESSION lock_wait_timeout = 5', `DROP DATABASE ${name}`),
  };
}

async function onPostgres(url: string): Promise<Database> {
  const name = freshName();
  const run = async (statement: string): Promise<void> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await run(`CREATE DATABASE ${name}`);
  return {
    url: urlWith(url, name),
    name,
    // It waits five seconds for others to leave, and then says who is still there.
    drop: () => run(`DROP DATABASE ${name}`),
  };
}

async function onRedis(url: string): Promise<Database> {
  const client = new Redis(url);
  try {
    const [, most] = (await client.config('GET', 'databases')) as [string, string];
    // Number 0 counts, and belongs to nobody.
    for (let taken = 0; taken < Number(most); taken += 1) {
      const count = await client.incr('tercet:test:databases');
      const number = 1 + ((count - 1) % (Number(most) - 1));
      await client.select(number);
      const isEmpty = (await client.dbsize()) === 0;
      await client.select(0);
      if (isEmpty) return redisDatabase(url, number);
    }
    throw new Error(`all ${most} databases of the Redis at ${url} hold keys: use an empty one`);
  } finally {
    client.disconnect();
  }
}

function redisDatabase(url: string, number: number): Database {
  const own = urlWith(url, `${number}`);
  const drop = async (): Promise<void> => {
    const client = new Redis(own);
    try {
      await client.flushdb();
    } finally {
      client.disconnect();
    }
  };
  return { url: own, name: `${number}`, drop };
}
