/** `tercet store copy`: everything of one store → another, empty one, as it is; from SQLite to a server. */
import { type Scheduler, TercetError } from '@tercet/core';
import type { Config } from './config/fields';
import { readStorePassword, storeWith } from './config/store-password';
import { parseStore } from './config/store-setting';
import type { Store } from './store/store';
import { incarnationFor, whileAlone } from './store-guest';
import { loadWhole, summaries } from './store/moves/reading';
import {
  type StoreCommandOptions,
  machinePorts,
  nameOf,
  storeSettings,
  tellingStore,
} from './store-settings';
import { type Counts, type TransferProgress, transfer } from './store/moves/transfer';
import { digestOf } from './store/moves/whole';

/** What to copy; the settings say where to. */
export interface CopyOptions extends StoreCommandOptions {
  /** The source, as `--store` takes a store. */
  readonly from: string;
  /** File with the password of the source's server. Default: none; the environment may name it (TERCET_FROM_PASSWORD). */
  readonly fromPasswordFile?: string | undefined;
  /** Told after each page. */
  readonly onProgress?: (progress: TransferProgress) => void;
}

/** What was copied; it is durable, and was read back. */
export interface Copied extends Counts {
  /** For people. */
  readonly from: string;
  /** For people. */
  readonly to: string;
}

/** The variable that may hold the password of the source's server. */
export const fromPasswordVariable = 'TERCET_FROM_PASSWORD';

/**
 * Copies. Neither store may have a coordinator meanwhile. May be started again after an abort: what is in the target is compared
 * and kept. Rejects with STORE_NOT_EMPTY where the target has anything else, STORE_IN_USE, CONFIG_INVALID.
 */
export async function copyStore(options: CopyOptions): Promise<Copied> {
  const target = await storeSettings(options);
  const source = await sourceOf(options, target);
  const [from, to] = [nameOf(source), nameOf(target)];
  if (from === to) throw wrong(`${from} is both: name another store to copy to`);
  const ports = options.ports ?? machinePorts;
  const counts = await tellingStore(from, () =>
    whileAlone({ config: source, ports, incarnation: incarnationFor('copy', ports) }, (reading) =>
      tellingStore(to, () =>
        whileAlone(
          { config: target, ports, incarnation: incarnationFor('copy', ports) },
          (writing) =>
            copy(
              { source: reading, target: writing, targetName: to, scheduler: ports.scheduler },
              options,
            ),
        ),
      ),
    ),
  );
  return { from, to, ...counts };
}

async function sourceOf(options: CopyOptions, target: Config): Promise<Config> {
  const { from, fromPasswordFile = '', env } = options;
  const password = await readStorePassword({
    file: fromPasswordFile,
    fileOrigin: '--from-password-file',
    variable: env[fromPasswordVariable] ?? '',
  });
  let parsed: ReturnType<typeof parseStore>;
  try {
    parsed = parseStore(from);
  } catch (error) {
    throw wrong(`--from ${error instanceof Error ? error.message : String(error)}`);
  }
  if (parsed === 'memory') throw wrong('--from: a store in memory goes with its coordinator');
  if (target.store === 'memory') throw wrong('--to: a store in memory goes with its process');
  const { store, problem } = storeWith(parsed, password);
  if (problem !== undefined) throw wrong(problem.replace('--store', '--from'));
  return { ...target, store };
}

interface Copying {
  readonly source: Store;
  readonly target: Store;
  readonly targetName: string;
  readonly scheduler: Scheduler;
}

async function copy(stores: Copying, options: CopyOptions): Promise<Counts> {
  await assertPartOfSource(stores);
  const onProgress = options.onProgress ?? ((): void => undefined);
  return await transfer({ ...stores, change: (tx) => tx, onProgress });
}

/** What an earlier copy has left is welcome; anything else is not. */
async function assertPartOfSource({ source, target, targetName }: Copying): Promise<void> {
  for await (const page of summaries(target)) {
    const gids = page.map(({ gid }) => gid);
    const [there, wanted] = [await loadWhole(target, gids), await loadWhole(source, gids)];
    const other = there.find((whole, i) => {
      const want = wanted[i];
      return whole !== undefined && (want === undefined || digestOf(whole) !== digestOf(want));
    });
    if (other !== undefined) throw notEmpty(targetName, other.tx.gid);
  }
}

function notEmpty(store: string, gid: string): TercetError {
  const message =
    `${store} keeps transactions that are not those of the source (${gid} is one), and a copy goes into an empty store: ` +
    'make it anew (drop the database, or remove the folder) and start again';
  return new TercetError('STORE_NOT_EMPTY', { message, details: { gid } });
}

function wrong(message: string): TercetError {
  return new TercetError('CONFIG_INVALID', { message });
}
