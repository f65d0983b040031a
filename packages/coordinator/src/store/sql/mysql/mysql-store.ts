import { hostname } from 'node:os';
import type { Clock, Random, Scheduler } from '@tercet/core';
import type { Store } from '../../store';
import { SqlStore } from '../sql-store';
import { addressOf } from './address';
import { MysqlServer } from './mysql-server';

/** Options of {@link mysqlStore}. */
export interface MysqlStoreOptions {
  /**
   * `mysql://user:password@host:port/database`, or `mariadb://…`; with `?ssl=true` over TLS. The database has to be there, its
   * tables are made. No default. It is shown nowhere as a whole: only host, port and database are.
   */
  readonly url: string;
  /**
   * Take a server that may lose commits that it has answered, or that stands behind a proxy which shares connections. With
   * `false` opening rejects with CONFIG_INVALID there.
   */
  readonly unsafeStore: boolean;
  /** Wall clock; it makes the names of those who migrate different. No clocks of several machines are compared. */
  readonly clock: Clock;
  /** Timers: beats, and waits for answers. */
  readonly scheduler: Scheduler;
  /** How long the beat of a coordinator has to stand still, ms, until others take it for dead. */
  readonly nodeTtlMs: number;
  /** Spreads the claims of several coordinators. */
  readonly random: Random;
  /** Send transactions as on a Galera cluster, wherever the server is. Default: only where it is one. For tests. */
  readonly blocks?: boolean;
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
