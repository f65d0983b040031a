/** `tercet store restore`: a backup of the embedded store → an empty store of any kind, everything unfinished parked. */
import { copyFileSync, constants, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TercetError, restored } from '@tercet/core';
import type { Config } from './config/fields';
import { fileFactsOf } from './store/sqlite/file-facts';
import { SqliteStore } from './store/sqlite/sqlite-store';
import type { Store } from './store/store';
import { incarnationFor, whileAlone } from './store-guest';
import { isEmpty } from './store/moves/reading';
import {
  type StoreCommandOptions,
  machinePorts,
  nameOf,
  storeSettings,
  tellingStore,
} from './store-settings';
import { type Counts, type TransferProgress, transfer } from './store/moves/transfer';

/** What to put back; the settings say where to. */
export interface RestoreOptions extends StoreCommandOptions {
  /** The backup. */
  readonly from: string;
  /** Told after each page. */
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** What was put back; it is durable, and was read back. */
export interface Restored extends Counts {
  /** For people. */
  readonly store: string;
  readonly file: string;
}

/**
 * Puts it back. Nothing is called and nothing times out there before an operator resumes or resolves. Rejects with STORE_NOT_EMPTY
 * where the target keeps anything, STORE_CORRUPT where the file is no backup, STORE_IN_USE, or CONFIG_INVALID.
 */
export async function restoreStore(options: RestoreOptions): Promise<Restored> {
  const config = await storeSettings(options);
  const store = nameOf(config);
  if (config.store === 'memory') {
    const message = 'a store in memory goes with its process: name a folder or a server';
    throw new TercetError('CONFIG_INVALID', { message });
  }
  const file = options.from;
  checkBackup(file);
  const counts = await tellingStore(store, () => restoreInto(config, options));
  return { store, file, ...counts };
}

function checkBackup(file: string): void {
  const log = `${file}-wal`;
  if (existsSync(log) && statSync(log).size > 0) {
    const message = `${file} is a store's own file: ${log} holds what is missing in it; take a copy with \`tercet store backup\``;
    throw new TercetError('STORE_CORRUPT', { message });
  }
  fileFactsOf(file);
}

async function restoreInto(config: Config, options: RestoreOptions): Promise<Counts> {
  const ports = options.ports ?? machinePorts;
  return await whileAlone(
    { config, ports, incarnation: incarnationFor('restore', ports) },
    async (target) => {
      if (!(await isEmpty(target))) throw notEmpty(nameOf(config));
      return await withBackup(options.from, (source) => {
        const onProgress = options.onProgress ?? ((): void => undefined);
        const names = { targetName: nameOf(config), scheduler: ports.scheduler };
        return transfer({ source, target, ...names, change: restored, onProgress });
      });
    },
  );
}

/** The backup itself is not touched: an older one is brought up to date in a copy. */
async function withBackup<T>(file: string, work: (store: Store) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'tercet-restore-'));
  try {
    copyFileSync(file, join(directory, 'tercet.db'), constants.COPYFILE_FICLONE);
    const store = new SqliteStore({ directory });
    await store.open('restore-source');
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function notEmpty(store: string): TercetError {
  const message =
    `${store} keeps transactions already, and a backup goes into an empty store only; a restore that was cut off ` +
    'leaves a part of it: then make the store anew (drop the database, or remove the folder) and restore again';
  return new TercetError('STORE_NOT_EMPTY', { message });
}
