/**
 * A connection as the store wants it: settings of its session, and the server's prerequisites, looked at every time, for behind
 * the address there may be another server than before.
 */
import { type Scheduler, TercetError } from '@tercet/core';
import type { Client, ClientConfig } from 'pg';
import { loadDriver } from '../load-driver';
import { describe, sqlStateOf } from './failures';
import { assertOwnSession } from './own-session';
import { endClient } from './session';

/** How to connect. */
export interface ConnectOptions {
  /** `postgres://user:password@host:port/database?sslmode=…`. Never shown. */
  readonly url: string;
  /** Take a server that may lose what it has confirmed. */
  readonly unsafeStore: boolean;
  /** Ends waiting for a server that does not say goodbye. */
  readonly scheduler: Scheduler;
}

/** For what is asked while transactions run: every row is found by an index, whatever the planner believes. */
export const byKey: readonly string[] = [
  'enable_seqscan = off',
  'enable_bitmapscan = off',
  'enable_hashjoin = off',
  'enable_mergejoin = off',
];

/** PostgreSQL 14: the oldest one that is tested against and still maintained. */
const OLDEST = 14;
const CONNECT_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;

const sessionSettings = [
  "statement_timeout = '10s'",
  // Not more: who waits for a row that a dead node has locked hears nothing meanwhile.
  "lock_timeout = '2s'",
  "idle_in_transaction_session_timeout = '10s'",
  'idle_session_timeout = 0',
  // A server that does not notice that its client is gone keeps the locks of what it left.
  'tcp_keepalives_idle = 10',
  'tcp_keepalives_interval = 5',
  'tcp_keepalives_count = 3',
  "default_transaction_isolation = 'read committed'",
  'default_transaction_deferrable = off',
  "timezone = 'UTC'",
  'standard_conforming_strings = on',
  "bytea_output = 'hex'",
  "client_min_messages = 'error'",
  // A plan that was made while tables were empty is not kept for when they are full.
  "plan_cache_mode = 'force_custom_plan'",
  'jit = off',
];

/** Node's names for what is wrong with a certificate. */
const untrusted = /CERT|UNABLE_TO_VERIFY|ERR_TLS/;

interface ServerFacts {
  readonly version: number;
  readonly fsync: string;
  readonly synchronous_commit: string;
  readonly full_page_writes: string;
  readonly encoding: string;
  readonly pid: number;
}

const askFacts = `SELECT current_setting('server_version_num')::int4 AS version, current_setting('fsync') AS fsync,
  current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('full_page_writes') AS full_page_writes, current_setting('server_encoding') AS encoding,
  pg_backend_pid() AS pid`;

/** Number of int8 in the server's catalogue. */
const INT8 = 20;

/**
 * Connects. Rejects with TercetError CONFIG_INVALID or STORE_INCOMPATIBLE where only the operator can mend it, else with the
 * driver's error.
 */
export async function connect(
  options: ConnectOptions,
  settings: readonly string[] = [],
): Promise<Client> {
  // Loaded here: who keeps transactions elsewhere never loads the driver.
  const pg = await loadDriver('pg', () => import('pg'));
  const config: ClientConfig = {
    connectionString: options.url,
    application_name: 'tercet',
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    connectionTimeoutMillis: CONNECT_MS,
    types: {
      getTypeParser: ((oid: number, format: 'text' | 'binary') =>
        oid === INT8 ? Number : (pg.types.getTypeParser(oid, format) as unknown)) as never,
    },
  };
  const dial = async (client: Client): Promise<Client> => {
    // Until somebody listens an error of an idle connection would end the process.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const { scheduler } = options;
  const client = makeClient(() => new pg.Client(config));
  try {
    await dial(client);
    const { rows } = await client.query<ServerFacts>(askFacts);
    const facts = check(rows[0], options.unsafeStore);
    await client.query([...sessionSettings, ...settings].map((set) => `SET ${set}`).join('; '));
    const another = () => dial(new pg.Client(config));
    await assertOwnSession({ client, pid: facts.pid, another, scheduler });
    return client;
  } catch (error) {
    await endClient(client, scheduler);
    throw refusalOf(error) ?? error;
  }
}

/** The driver's own error shows the address, password and all. */
function makeClient(make: () => Client): Client {
  try {
    return make();
  } catch (error) {
    // One of the file system names the file and nothing else of the address.
    if (partOf(error, 'syscall') !== '') {
      throw invalid(`sslrootcert cannot be read: ${partOf(error, 'message')}`);
    }
    throw invalid(
      'the address of the store is not one of PostgreSQL: postgres://user@host:5432/database',
    );
  }
}

function check(facts: ServerFacts | undefined, unsafeStore: boolean): ServerFacts {
  if (facts === undefined) throw invalid('the server did not say what it is');
  const major = Math.floor(facts.version / 10_000);
  if (major < OLDEST) {
    throw new TercetError('STORE_INCOMPATIBLE', {
      message: `the server is PostgreSQL ${major}; at least ${OLDEST} is needed`,
    });
  }
  if (facts.encoding !== 'UTF8') {
    throw invalid(`the database has the encoding ${facts.encoding}: make it with ENCODING 'UTF8'`);
  }
  if (unsafeStore) return facts;
  const lax = (['fsync', 'synchronous_commit', 'full_page_writes'] as const).filter(
    (name) => facts[name] === 'off',
  );
  if (lax.length === 0) return facts;
  throw invalid(
    `the server may lose what it has confirmed: ${lax.map((name) => `${name} = off`).join(', ')}. ` +
      'Switch it on, or start with --unsafe-store where losing transactions is fine',
  );
}

/** What no later attempt mends by itself: user, password, database, how the connection is encrypted. */
function refusalOf(error: unknown): TercetError | undefined {
  if (/^(28...|3D000)$/.test(sqlStateOf(error) ?? '')) {
    return invalid(`the store cannot be used: ${describe(error)}`);
  }
  const text = partOf(error, 'message');
  if (/server does not support SSL/i.test(text)) {
    return invalid(`${text}: let it, or say sslmode=disable where the way to it is safe`);
  }
  if (!untrusted.test(partOf(error, 'code'))) return undefined;
  return invalid(
    `the server's certificate is not trusted: ${text}. Name the file of its authority with sslrootcert=FILE, ` +
      'and the server by the name in its certificate',
  );
}

/** Part of an error, a text; empty where it has none. */
function partOf(error: unknown, name: 'code' | 'message' | 'syscall'): string {
  const part: unknown = (error as Readonly<Record<string, unknown>> | undefined)?.[name];
  return typeof part === 'string' ? part : '';
}

function invalid(message: string): TercetError {
  return new TercetError('CONFIG_INVALID', { message });
}
