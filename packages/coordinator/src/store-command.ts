/** `tercet store check` and `tercet store migrate`: settings → the store, beside its coordinator or without one. */
import {
  type StoreCommandOptions,
  machinePorts,
  nameOf,
  storeSettings,
  tellingStore,
} from './store-settings';
import type { Config } from './config/fields';
import { storeCareOf } from './store-of';
import type { StoreCare, StoreReport } from './store/store-report';

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
  options: StoreCommandOptions,
  act: (care: StoreCare, config: Config) => Promise<T>,
): Promise<T> {
  const config = await storeSettings(options);
  return await tellingStore(nameOf(config), async () => {
    return await act(storeCareOf(config, options.ports ?? machinePorts), config);
  });
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
