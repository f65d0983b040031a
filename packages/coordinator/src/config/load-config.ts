import { type ConfigFile, readConfigFile } from './config-file';
import { type Config, configFileField } from './fields';
import { type ConfigSources, resolveConfig } from './resolve-config';

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
  return {
    config: resolveConfig({
      flags,
      env: sources.env ?? {},
      ...(file === undefined ? {} : { file }),
    }),
    file: file?.path,
  };
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
