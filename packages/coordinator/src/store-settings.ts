/** What the commands on stores share: which store, and how its errors are told. */
import { TercetError } from '@tercet/core';
import { systemClock, systemRandom, systemScheduler } from '@tercet/runtime';
import { type Config, type ConfigField, configFields, configFileField } from './config/fields';
import { loadConfig } from './config/load-config';
import { storePasswordVariable } from './config/store-password';
import { type StoreSetting, folderOf, isServer, shownStore } from './config/store-setting';
import type { StorePorts } from './store-of';
import { StoreFailure } from './store/store';

/** The settings that these commands take: other settings of a coordinator are none of their business. */
export const storeFields: readonly ConfigField[] = (
  ['store', 'dataDir', 'storePasswordFile', 'unsafeStore', 'nodeTtlMs'] as const
).map((name) => configFields[name] as ConfigField);

/** The machine's clock, timers and randomness. */
export const machinePorts: StorePorts = {
  clock: systemClock,
  scheduler: systemScheduler,
  random: systemRandom,
};

/** What a command hands over. */
export interface StoreCommandOptions {
  /** Flags by their name without dashes; a flag without a value is `'true'`. */
  readonly flags: Readonly<Record<string, string>>;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: the machine's. */
  readonly ports?: StorePorts;
}

/** Reads them. Rejects with CONFIG_INVALID. */
export async function storeSettings({
  flags,
  env,
}: Pick<StoreCommandOptions, 'flags' | 'env'>): Promise<Config> {
  const known = [
    configFileField.env,
    storePasswordVariable,
    ...storeFields.map((field) => field.env),
  ];
  const own = Object.fromEntries(known.map((name) => [name, env[name]]));
  return (await loadConfig({ flags, env: own })).config;
}

/** For people: the URL without its password, or `sqlite in FOLDER`. */
export function nameOf({ store, dataDir }: Pick<Config, 'store' | 'dataDir'>): string {
  return isServer(store) ? shownStore(store) : `sqlite in ${folderOf(store, dataDir)}`;
}

/** As it may be given again, without a password: what a person types to confirm that this store is meant. */
export function wordsOf({ store, dataDir }: Pick<Config, 'store' | 'dataDir'>): string {
  return isServer(store) ? shownStore(store) : `sqlite:${folderOf(store, dataDir)}`;
}

/** Does something with a store; what it fails with is a TercetError that names the store. */
export async function tellingStore<T>(name: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error;
    if (error.cause instanceof TercetError) throw error.cause;
    const message = `${name}: ${error.message}`;
    throw new TercetError('STORE_UNAVAILABLE', { message, cause: error });
  }
}

/** The settings of the same machine for another store. */
export function withStore(config: Config, store: StoreSetting): Config {
  return { ...config, store };
}
