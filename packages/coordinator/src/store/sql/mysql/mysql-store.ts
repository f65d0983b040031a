import { hostname } from 'node:os';
import type { Clock, Scheduler } from '@tercet/core';
import type { Store } from '../../store';
import { SqlStore } from '../sql-store';
import { addressOf } from './address';
import { MysqlServer } from './mysql-server';

/** Options of {@link mysqlStore}. */
export interface MysqlStoreOptions {
  /** `mysql://user:password@host:port/database`; the database has to be there. */
  readonly url: string;
  /** Take a server that may lose commits that it has answered. */
  readonly unsafeStore: boolean;
  /** Wall clock. */
  readonly clock: Clock;
  /** Timers: beats, and waits for answers. */
  readonly scheduler: Scheduler;
  /** For how long a coordinator whose beat stands still is taken for alive, ms. */
  readonly nodeTtlMs: number;
}

/**
 * The store on MySQL (8.0 and later) or MariaDB (10.6 and later). Nothing is connected before `open`. Throws TercetError
 * CONFIG_INVALID where the URL is wrong.
 */
export function mysqlStore(options: MysqlStoreOptions): Store {
  const { url, ...deps } = options;
  const where = `${hostname()}, process ${process.pid}`;
  const server = new MysqlServer({ ...deps, where, address: addressOf(url) });
  return new SqlStore({ ...deps, where, server });
}
