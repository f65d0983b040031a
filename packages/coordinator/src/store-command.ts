/** `tercet store check` and `tercet store migrate`: settings → the store, beside its coordinator or without one. */
import { TercetError } from '@tercet/core';
import { systemClock, systemScheduler } from '@tercet/runtime';
import { type Config, type ConfigField, configFields, configFileField } from './config/fields';
import { loadConfig } from './config/load-config';
import { storePasswordVariable } from './config/store-password';
import { folderOf, isServer, shownStore } from './config/store-setting';
import { type StorePorts, storeCareOf } from './store-of';
import { StoreFailure } from './store/store';
import type { StoreCare, StoreReport } from './store/store-report';

/** The settings that these commands take: other settings of a coordinator are none of their business. */
export const storeFields: readonly ConfigField[] = (
  ['store', 'dataDir', 'storePasswordFile', 'unsafeStore', 'nodeTtlMs'] as const
).map((name) => configFields[name] as ConfigField);

/** What a command hands over. */
export interface StoreCommandOptions {
  /** Flags by their name without dashes; a flag without a value is `'true'`. */
  readonly flags: Readonly<Record<string, string>>;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: the machine's. */
  readonly ports?: StorePorts;
}

/** A store that was looked at, and which one it is. */
export interface CheckedStore extends StoreReport {
  /** For people: the URL without its password, or `sqlite in FOLDER`. */
  readonly store: string;
  /** What keeps a coordinator of this version from working on it as it should; empty = nothing. */
  readonly problems: readonly string[];
}

/**
 * Looks at the store; changes nothing. Rejects with CONFIG_INVALID, STORE_INCOMPATIBLE where no version of the server like that
 * can be used, STORE_CORRUPT, or STORE_UNAVAILABLE where it cannot be reached.
 */
export async function checkStore(options: StoreCommandOptions): Promise<CheckedStore> {
  return await withCare(options, async (care, config) => {
    const report = await care.check();
    return { ...report, store: nameOf(config), problems: problemsOf(report) };
  });
}

/** Brings the schema up to date. Rejects as `checkStore`, and with STORE_IN_USE where that needs the store alone. */
export async function migrateStore(options: StoreCommandOptions): Promise<CheckedStore> {
  return await withCare(options, async (care, config) => {
    await care.migrate();
    const report = await care.check();
    return { ...report, store: nameOf(config), problems: problemsOf(report) };
  });
}

async function withCare<T>(
  { flags, env, ports }: StoreCommandOptions,
  act: (care: StoreCare, config: Config) => Promise<T>,
): Promise<T> {
  const known = [
    configFileField.env,
    storePasswordVariable,
    ...storeFields.map((field) => field.env),
  ];
  const own = Object.fromEntries(known.map((name) => [name, env[name]]));
  const { config } = await loadConfig({ flags, env: own });
  try {
    const machine = { clock: systemClock, scheduler: systemScheduler };
    return await act(storeCareOf(config, ports ?? machine), config);
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error;
    if (error.cause instanceof TercetError) throw error.cause;
    const message = `${nameOf(config)}: ${error.message}`;
    throw new TercetError('STORE_UNAVAILABLE', { message, cause: error });
  }
}

function nameOf({ store, dataDir }: Config): string {
  return isServer(store) ? shownStore(store) : `sqlite in ${folderOf(store, dataDir)}`;
}

function problemsOf({ schema, current, prerequisites }: StoreReport): readonly string[] {
  return [
    ...schemaProblems(schema, current),
    ...prerequisites
      .filter(({ met }) => !met)
      .map(({ name, value, wanted }) => {
        return `${name} is ${value}, it must be ${wanted}: the server may lose what it has confirmed`;
      }),
  ];
}

function schemaProblems(schema: StoreReport['schema'], current: number): readonly string[] {
  if (schema === undefined) return ['it has no tables yet: `tercet store migrate` makes them'];
  const { version, minReader } = schema;
  if (minReader > current) {
    return [
      `its schema ${version} needs a version that reads at least schema ${minReader}, this one reads up to ${current}`,
    ];
  }
  if (version >= current) return [];
  return [
    `its schema ${version} is older than ${current}: \`tercet store migrate\` brings it up to date`,
  ];
}
