import { TercetError, nearest } from '@tercet/core';
import type { ConfigFile } from './config-file';
import { type Config, type ConfigField, configFields } from './fields';
import { type StorePassword, storeWith } from './store-password';

/** Where settings may come from. */
export interface ConfigSources {
  /** Flags by their name without dashes; a flag without a value is `'true'`. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  /** Environment variables. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A file of settings; `loadConfig` reads the one that flags and environment name. */
  readonly file?: ConfigFile;
  /** The password of the store's server; `loadConfig` looks for it where file and variable may give it. */
  readonly storePassword?: StorePassword | undefined;
}

/**
 * Flag > environment > file > default. Throws CONFIG_INVALID that lists *all* problems, each with the option and the
 * variable, or the file, line and key it came from. Of a setting that stands in several places only the one that
 * counts is judged.
 */
export function resolveConfig(sources: ConfigSources = {}): Config {
  const problems: string[] = [...(sources.file?.problems ?? [])];
  const values: { -readonly [Name in keyof Config]?: unknown } = {};
  for (const field of Object.values(configFields) as ConfigField[]) {
    const { origin, given } = givenValue(field, sources);
    try {
      values[field.name] = field.parse(given);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const shown = field.shown?.(given) ?? given;
      problems.push(`${origin} ${message}, got ${JSON.stringify(shown)}`);
    }
  }
  if (values.store !== undefined) {
    const { store, problem } = storeWith(values.store as Config['store'], sources.storePassword);
    values.store = store;
    if (problem !== undefined) problems.push(problem);
  }
  problems.push(
    ...unknownFlags(sources),
    ...crossProblems(values as Partial<Config>),
    ...retentionProblems(values as Partial<Config>),
  );
  if (problems.length === 0) return values as Config;
  throw new TercetError('CONFIG_INVALID', {
    message: `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    details: { problems: String(problems.length) },
  });
}

/** The text of a setting that counts, and where it came from, as error texts name it. */
export function givenValue(
  field: ConfigField,
  sources: ConfigSources,
): { readonly origin: string; readonly given: string } {
  const flag = sources.flags?.[field.flag];
  if (flag !== undefined) return { origin: `--${field.flag}`, given: flag };
  const env = sources.env?.[field.env];
  if (env !== undefined && env !== '')
    return { origin: `${field.env} (--${field.flag})`, given: env };
  const file = sources.file?.values.get(field.flag);
  if (file !== undefined)
    return { origin: `${sources.file?.path}:${file.line} ${field.flag}`, given: file.given };
  return { origin: `default of --${field.flag}`, given: field.default };
}

function unknownFlags(sources: ConfigSources): string[] {
  const known = Object.values(configFields).map((field) => field.flag);
  return Object.keys(sources.flags ?? {})
    .filter((flag) => !known.includes(flag))
    .map((flag) => {
      const near = nearest(flag, known);
      return `--${flag} is no option${near === undefined ? '' : `; did you mean --${near}?`}`;
    });
}

/** Rules between settings; a rule one of whose settings is wrong by itself is left out. */
function crossProblems(config: Partial<Config>): string[] {
  const problems: string[] = [];
  for (const name of ['grpcAddress', 'httpAddress'] as const) {
    const value = config[name];
    if (value === undefined || value === 'off' || config.insecure !== false || isLoopback(value)) {
      continue;
    }
    const { flag, env } = configFields[name];
    problems.push(
      `--${flag} (${env}) ${value} listens beyond loopback, without TLS and authentication; add --insecure if the network is trusted`,
    );
  }
  const { batchBytesMax = 0, queueBytesMax = Number.POSITIVE_INFINITY } = config;
  if (batchBytesMax > queueBytesMax) {
    problems.push('--batch-bytes-max must not exceed --queue-bytes-max');
  }
  const { batchOperationsMax = 0, queueOperationsMax = Number.POSITIVE_INFINITY } = config;
  if (batchOperationsMax > queueOperationsMax) {
    problems.push('--batch-operations-max must not exceed --queue-operations-max');
  }
  const { grpcAddress, httpAddress } = config;
  if (grpcAddress !== undefined && grpcAddress === httpAddress && !grpcAddress.endsWith(':0')) {
    problems.push('--grpc-address and --http-address must differ');
  }
  return problems;
}

function retentionProblems(config: Partial<Config>): string[] {
  const { retentionMs = 0, idempotencyWindowMs = Number.POSITIVE_INFINITY } = config;
  if (retentionMs === 'off' || idempotencyWindowMs >= retentionMs) return [];
  return [
    '--idempotency-window must be at least --retention: what is kept whole keeps its gid; lengthen the one or shorten the other',
  ];
}

/** Whether an address can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':'));
  return host === 'localhost' || host === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(host);
}
