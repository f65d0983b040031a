import type { Clock, Random, Scheduler } from '@tercet/core';
import type { Config } from './config/fields';
import { folderOf, kindOfStore } from './config/store-setting';
import { TercetError } from '@tercet/core';
import { MemoryStore } from './store/memory-store';
import { mysqlStore } from './store/sql/mysql/mysql-store';
import { postgresStore } from './store/sql/postgres/postgres-store';
import { SqliteStore } from './store/sqlite/sqlite-store';
import type { Store } from './store/store';
import type { StoreCare } from './store/store-report';
import { mysqlCare } from './store/sql/mysql/mysql-care';
import { postgresCare } from './store/sql/postgres/postgres-care';
import { sqliteCare } from './store/sqlite/sqlite-care';

/** Settings that say which store it is, and how it is used. */
export type StoreSettings = Pick<Config, 'store' | 'dataDir' | 'unsafeStore' | 'nodeTtlMs'>;

/** What a store needs of the machine. */
export interface StorePorts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
}

/** The store that the settings name. Nothing is opened, and no driver loaded, before the store is opened. */
export function storeOf(settings: StoreSettings, ports: StorePorts): Store {
  const { store, dataDir, unsafeStore, nodeTtlMs } = settings;
  const server = { url: store, unsafeStore, nodeTtlMs, ...ports };
  switch (kindOfStore(store)) {
    case 'memory':
      return new MemoryStore();
    case 'sqlite':
      return new SqliteStore({ directory: folderOf(store, dataDir) });
    case 'mysql':
      return mysqlStore(server);
    case 'postgres':
      return postgresStore(server);
  }
}

/** What operators do with the store that the settings name. Throws CONFIG_INVALID for one that is kept in memory. */
export function storeCareOf(settings: StoreSettings, ports: StorePorts): StoreCare {
  const { store, dataDir, unsafeStore, nodeTtlMs } = settings;
  const server = { url: store, unsafeStore, nodeTtlMs, ...ports };
  switch (kindOfStore(store)) {
    case 'memory':
      throw new TercetError('CONFIG_INVALID', {
        message: 'a store in memory goes with its coordinator: there is nothing to look after',
      });
    case 'sqlite':
      return sqliteCare(folderOf(store, dataDir));
    case 'mysql':
      return mysqlCare(server);
    case 'postgres':
      return postgresCare(server);
  }
}
