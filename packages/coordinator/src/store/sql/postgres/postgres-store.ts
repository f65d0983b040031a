import { hostname } from 'node:os';
import type { Clock, Random, Scheduler } from '@tercet/core';
import type { Store } from '../../store';
import { SqlStore } from '../sql-store';
import { PostgresServer } from './postgres-server';

/** Where the store is, and how it is used. */
export interface PostgresStoreOptions {
  /**
   * `postgres://user:password@host:port/database`, with `?sslmode=verify-full` for TLS. A missing password is looked for in
   * PGPASSWORD. Never logged.
   */
  readonly url: string;
  /** Take a server that may lose what it has confirmed (fsync, synchronous_commit or full_page_writes off). Default: false. */
  readonly unsafeStore?: boolean | undefined;
  /** The wall clock. */
  readonly clock: Clock;
  /** Plans beats, and ends waiting for a server that does not answer. */
  readonly scheduler: Scheduler;
  /** Where claims begin. */
  readonly random: Random;
  /** For how long a coordinator whose beat stands still is taken for alive, ms. Default: 10,000. */
  readonly nodeTtlMs?: number | undefined;
}

/** For how long a coordinator whose beat stands still is taken for alive, ms. */
const NODE_TTL_MS = 10_000;

/**
 * The store on a PostgreSQL server, version 14 or later, which any number of coordinators share. Connects at `open`, which makes or
 * mends the tables; until then nothing happens, and the driver is not loaded. `open` rejects with CONFIG_INVALID where address,
 * user, database or the server's prerequisites of durability have to be mended, STORE_INCOMPATIBLE where server or schema do not
 * suit this version, else with StoreFailure.
 */
export function postgresStore(options: PostgresStoreOptions): Store {
  const { url, unsafeStore = false, nodeTtlMs = NODE_TTL_MS } = options;
  const { clock, scheduler, random } = options;
  const where = `${hostname()}, process ${process.pid}`;
  const server = new PostgresServer({ url, unsafeStore, clock, scheduler, nodeTtlMs, where });
  return new SqlStore({ server, clock, scheduler, random, nodeTtlMs, where });
}
