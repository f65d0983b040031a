/** A PostgreSQL store as operators look after it. */
import { hostname } from 'node:os';
import type { Clock, Scheduler } from '@tercet/core';
import type { Client } from 'pg';
import type { NodeRow } from '../sql-server';
import type { Prerequisite, SchemaFacts, StoreCare } from '../../store-report';
import { watchNodes } from '../watch-nodes';
import { connect } from './connect';
import { failureOf } from './failures';
import { nodesText } from './nodes';
import { PostgresServer } from './postgres-server';
import { schemaSteps } from './schema';
import { endClient } from './session';

/** Where the store is, and how it is looked at. */
export interface PostgresCareOptions {
  /** Never shown. */
  readonly url: string;
  /** Migrate a server that may lose what it has confirmed. */
  readonly unsafeStore: boolean;
  /** The machine's clock. */
  readonly clock: Clock;
  /** The machine's timers. */
  readonly scheduler: Scheduler;
  /** For how long whoever has the store is watched, ms. */
  readonly nodeTtlMs: number;
}

const durability = ['fsync', 'synchronous_commit', 'full_page_writes'] as const;

/** Of the store at a URL. */
export function postgresCare(options: PostgresCareOptions): StoreCare {
  return {
    async check() {
      const client = await connectAnyhow(options);
      try {
        const schema = await schemaOf(client);
        const nodes = () => nodesOf(client);
        return {
          server: `PostgreSQL ${await settingOf(client, 'server_version')}`,
          schema,
          current: schemaSteps.at(-1)?.version ?? 0,
          prerequisites: await prerequisitesOf(client),
          nodes: schema === undefined ? [] : await watchNodes({ ...options, nodes }),
        };
      } catch (error) {
        throw failureOf(error, 'refused');
      } finally {
        await endClient(client, options.scheduler);
      }
    },
    async migrate() {
      const where = `${hostname()}, process ${process.pid}`;
      const server = new PostgresServer({ ...options, where });
      try {
        await server.connect();
      } finally {
        await server.close();
      }
    },
  };
}

/** What is missing is what the check tells: it is no reason to refuse the server here. */
async function connectAnyhow(options: PostgresCareOptions): Promise<Client> {
  try {
    return await connect({ ...options, unsafeStore: true });
  } catch (error) {
    throw failureOf(error, 'before');
  }
}

async function schemaOf(client: Client): Promise<SchemaFacts | undefined> {
  const known = await client.query<{ readonly known: boolean }>(
    "SELECT to_regclass('schema_version') IS NOT NULL AS known",
  );
  if (known.rows[0]?.known !== true) return undefined;
  const { rows } = await client.query<SchemaFacts>(
    // 0 = somebody is about to make it.
    'SELECT version, min_reader AS "minReader" FROM schema_version WHERE id = 1 AND version > 0',
  );
  return rows[0];
}

async function nodesOf(client: Client): Promise<readonly NodeRow[]> {
  return (await client.query<NodeRow>(nodesText)).rows;
}

async function prerequisitesOf(client: Client): Promise<readonly Prerequisite[]> {
  const found: Prerequisite[] = [];
  for (const name of durability) {
    const value = await settingOf(client, name);
    found.push({ name, value, wanted: 'on', met: value !== 'off' });
  }
  return found;
}

async function settingOf(client: Client, name: string): Promise<string> {
  const { rows } = await client.query<{ readonly value: string }>(
    'SELECT current_setting($1) AS value',
    [name],
  );
  return rows[0]?.value ?? '';
}
