/**
 * The part of knex that the barrier uses beside its public API, all of it in `knex.client`: which driver it has, and its
 * connections. `packages/sdk/test/barrier/knex-internals.test.ts` holds knex against it.
 *
 * - `client.dialect`, `client.driverName`: `postgresql`/`pg`, `mysql`/`mysql2`, `sqlite3`/`better-sqlite3`.
 * - `client.acquireConnection()`, `client.releaseConnection(connection)`; a connection with `__knex__disposed` is thrown away by the pool.
 * - `client.connectionSettings`: where the database is.
 * - `knex.transaction({ connection })` sends `BEGIN;` on that connection, and everything else that it is given; its `client` makes
 *   the transactions nested in it (`transaction`) and its streams (`stream`).
 */
import type { Knex } from 'knex';
import { ConfigError } from '../errors';

/** A connection that a client of knex hands out. */
export interface KnexConnection {
  /** Why it must not be used again. */
  __knex__disposed?: unknown;
  /** Knex's name for it, for its events. */
  readonly __knexUid?: string;
}

/** `knex.client`. */
export interface KnexClient {
  readonly dialect?: string;
  readonly driverName?: string;
  readonly connectionSettings?: {
    readonly database?: string;
    readonly host?: string;
    readonly port?: number | string;
    readonly filename?: string;
    readonly connectionString?: string;
  };
  acquireConnection(): Promise<KnexConnection>;
  releaseConnection(connection: KnexConnection): Promise<void>;
}

/** The drivers that knex can have under a barrier. */
export type KnexDriverName = 'pg' | 'mysql2' | 'sqlite';

/** Knex's own names for dialect and driver, and ours. */
const drivers: Readonly<Record<string, KnexDriverName>> = {
  'postgresql pg': 'pg',
  'mysql mysql2': 'mysql2',
};

/** Why others are not taken, and what is. */
const hints: Readonly<Record<string, string>> = {
  mysql: 'use `client: "mysql2"`, which tells whether the transaction is still open',
  mariadb: 'use `client: "mysql2"`, which speaks to MariaDB as well',
  pgnative: 'use `client: "pg"`: pg-native does not tell whether the transaction is still open',
  sqlite3: 'use `client: "better-sqlite3"`, or a client class on node:sqlite',
};

/** The client of `knex`. Throws ConfigError where `knex` is no instance of Knex, or a transaction. */
export function clientOf(knex: Knex): KnexClient {
  const client = (knex as Partial<Knex> | null | undefined)?.client as
    | Partial<KnexClient>
    | undefined;
  if (typeof knex !== 'function' || typeof client?.acquireConnection !== 'function') {
    throw refused(
      'its first argument must be an instance of knex (`knex({ client, connection })`)',
    );
  }
  if (knex.isTransaction === true) {
    throw refused(
      'it was given a transaction: give it the instance of knex that makes transactions',
    );
  }
  return client as KnexClient;
}

/** Which driver it has. Throws ConfigError for one that cannot be guarded. */
export function driverNameOf({ dialect = '', driverName = '' }: KnexClient): KnexDriverName {
  const known = drivers[`${dialect} ${driverName}`];
  if (known !== undefined) return known;
  // Clients of one's own have names of their own; what their connections can do is looked at when one is there.
  if (dialect === 'sqlite3' && driverName !== 'sqlite3') return 'sqlite';
  const hint = hints[driverName] ?? 'use one of pg, mysql2 and better-sqlite3';
  throw refused(
    `a knex client of dialect ${dialect} and driver ${driverName} cannot be guarded: ${hint}`,
  );
}

/** `the knex pool of database shop at db:5432`. Never a password. */
export function knexPoolName({ connectionSettings = {} }: KnexClient): string {
  const { database, host, port, filename } = connectionSettings;
  const name = database ?? filename;
  const at = host === undefined ? '' : ` at ${host}${port === undefined ? '' : `:${port}`}`;
  return `the knex pool${name === undefined ? '' : ` of database ${name}`}${at}`;
}

function refused(text: string): ConfigError {
  return new ConfigError(`knexBarrier: ${text}`, { option: 'knex' });
}
