import { type ConfigFile, readConfigFile } from './config-file';
import { type Config, configFields, configFileField } from './fields';
import { type ConfigSources, givenValue, resolveConfig } from './resolve-config';
import { type StorePassword, readStorePassword, storePasswordVariable } from './store-password';

/** The settings, and where they came from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, as it was named; undefined where none was. */
  readonly file: string | undefined;
}

/**
 * Flag > environment > file > default, where `--config` or TERCET_CONFIG names the file. Rejects with CONFIG_INVALID
 * that lists all problems of all sources; a file that cannot be read is one of them.
 */
export async function loadConfig(
  sources: Pick<ConfigSources, 'flags' | 'env'>,
): Promise<LoadedConfig> {
  const { [configFileField.flag]: flag, ...flags } = sources.flags ?? {};
  const file = await namedFile(flag, sources.env?.[configFileField.env]);
  const given = { flags, env: sources.env ?? {}, ...(file === undefined ? {} : { file }) };
  const storePassword = await storePasswordOf(given);
  return { config: resolveConfig({ ...given, storePassword }), file: file?.path };
}

async function storePasswordOf(sources: ConfigSources): Promise<StorePassword | undefined> {
  const { origin, given } = givenValue(configFields.storePasswordFile, sources);
  const variable = sources.env?.[storePasswordVariable] ?? '';
  return await readStorePassword({ file: given, fileOrigin: origin, variable });
}

async function namedFile(
  flag: string | undefined,
  env: string | undefined,
): Promise<ConfigFile | undefined> {
  const name = `--${configFileField.flag}`;
  if (flag !== undefined) return await readConfigFile(flag, name);
  if (env === undefined || env === '') return undefined;
  return await readConfigFile(env, `${configFileField.env} (${name})`);
}
