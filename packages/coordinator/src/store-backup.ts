/** `tercet store backup`: a copy of the embedded store, beside a running coordinator or without one. */
import { TercetError } from '@tercet/core';
import { folderOf, kindOfStore } from './config/store-setting';
import { backupFile } from './store/sqlite/backup';
import {
  type StoreCommandOptions,
  machinePorts,
  nameOf,
  storeSettings,
  tellingStore,
} from './store-settings';

/** What to copy, and where to. */
export interface BackupOptions extends StoreCommandOptions {
  /** The file to make. */
  readonly to: string;
  /** Told every two seconds while it takes long. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly ofBytes: number }) => void;
}

/** A backup that was made; it is durable. */
export interface BackedUp {
  /** For people. */
  readonly store: string;
  readonly file: string;
  readonly bytes: number;
  readonly transactions: number;
  /** Of them without an end: they come back parked. */
  readonly unfinished: number;
}

/**
 * Makes it. Rejects with CONFIG_INVALID where the store is none that can be copied, or the file exists, with STORE_UNAVAILABLE
 * where it cannot be written.
 */
export async function backupStore(options: BackupOptions): Promise<BackedUp> {
  const config = await storeSettings(options);
  const store = nameOf(config);
  if (kindOfStore(config.store) !== 'sqlite') {
    throw new TercetError('CONFIG_INVALID', { message: notHere(store, config.store === 'memory') });
  }
  const { scheduler } = options.ports ?? machinePorts;
  const directory = folderOf(config.store, config.dataDir);
  const file = options.to;
  const onProgress = options.onProgress ?? ((): void => undefined);
  const made = await tellingStore(store, () => {
    return backupFile({ directory, file, scheduler, onProgress });
  });
  return { store, file, ...made };
}

function notHere(store: string, memory: boolean): string {
  if (memory) return 'a store in memory goes with its coordinator: there is nothing to back up';
  return (
    `${store} is kept by a server: back it up with the server's own tools (mariadb-dump or mysqldump with ` +
    '--single-transaction, pg_dump); after restoring it, and before a coordinator starts, run `tercet store quarantine`'
  );
}
