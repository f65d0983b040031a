/** Every setting of the coordinator, once: flags, variables, defaults, help texts and docs/config.md come from here. */
import { CLOCK_SKEW_MS_DEFAULT, parseDuration } from '@tercet/core';

/** The settings, complete and checked. */
export interface Config {
  readonly grpcAddress: string;
  /** `host:port`, or `off`. */
  readonly httpAddress: string;
  readonly insecure: boolean;
  readonly store: 'sqlite' | 'memory';
  readonly dataDir: string;
  readonly logLevel: LogLevel;
  readonly clockSkewMs: number;
  readonly shutdownGraceMs: number;
  readonly batchOperationsMax: number;
  readonly batchBytesMax: number;
  readonly queueOperationsMax: number;
  readonly queueBytesMax: number;
}

/** Levels of pino. */
export type LogLevel = (typeof logLevels)[number];

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** One setting. `parse` returns the value, or throws an Error that says what would be right. */
export interface ConfigField<Name extends keyof Config = keyof Config> {
  readonly name: Name;
  /** Without the leading dashes. */
  readonly flag: string;
  readonly env: string;
  /** As a user would write it. */
  readonly default: string;
  readonly valueName: string;
  readonly help: string;
  readonly parse: (text: string) => Config[Name];
}

/** All settings, in the order of help and docs. */
export const configFields: { readonly [Name in keyof Config]: ConfigField<Name> } = {
  grpcAddress: {
    name: 'grpcAddress',
    flag: 'grpc-address',
    env: 'TERCET_GRPC_ADDRESS',
    default: '127.0.0.1:8420',
    valueName: 'host:port',
    help: 'Where gRPC listens. Port 0 takes a free one.',
    parse: address,
  },
  httpAddress: {
    name: 'httpAddress',
    flag: 'http-address',
    env: 'TERCET_HTTP_ADDRESS',
    default: '127.0.0.1:8421',
    valueName: 'host:port',
    help: 'Where HTTP listens (/healthz, /readyz). Port 0 takes a free one, `off` listens nowhere.',
    parse: (text) => (text === 'off' ? text : address(text)),
  },
  insecure: {
    name: 'insecure',
    flag: 'insecure',
    env: 'TERCET_INSECURE',
    default: 'false',
    valueName: '',
    help: 'Allows listening beyond loopback without TLS or authentication. Only for networks you trust.',
    parse: boolean,
  },
  store: {
    name: 'store',
    flag: 'store',
    env: 'TERCET_STORE',
    default: 'sqlite',
    valueName: 'kind',
    help: 'Where transactions are kept: `sqlite` (durable, in the data directory) or `memory` (for tests: a restart forgets everything).',
    parse: (text) => oneOf(['sqlite', 'memory'] as const, text),
  },
  dataDir: {
    name: 'dataDir',
    flag: 'data-dir',
    env: 'TERCET_DATA_DIR',
    default: './tercet-data',
    valueName: 'folder',
    help: 'Folder of the embedded store. Created where it is missing; one coordinator at a time.',
    parse: text('a folder'),
  },
  logLevel: {
    name: 'logLevel',
    flag: 'log-level',
    env: 'TERCET_LOG_LEVEL',
    default: 'info',
    valueName: 'level',
    help: `Least important log line that is written: ${logLevels.join(', ')}. Logs are JSON lines on standard error.`,
    parse: (given) => oneOf(logLevels, given),
  },
  clockSkewMs: {
    name: 'clockSkewMs',
    flag: 'clock-skew',
    env: 'TERCET_CLOCK_SKEW',
    default: `${CLOCK_SKEW_MS_DEFAULT / 1_000}s`,
    valueName: 'duration',
    help: 'Greatest difference between the clocks of coordinator and participants. The first Cancel of a branch whose Try may be under way waits this long after the Try can no longer start.',
    parse: duration,
  },
  shutdownGraceMs: {
    name: 'shutdownGraceMs',
    flag: 'shutdown-grace',
    env: 'TERCET_SHUTDOWN_GRACE',
    default: '10s',
    valueName: 'duration',
    help: 'Longest time between SIGTERM and the end of the process.',
    parse: duration,
  },
  batchOperationsMax: {
    name: 'batchOperationsMax',
    flag: 'batch-operations-max',
    env: 'TERCET_BATCH_OPERATIONS_MAX',
    default: '512',
    valueName: 'count',
    help: 'Most operations of one commit of the store.',
    parse: positive,
  },
  batchBytesMax: {
    name: 'batchBytesMax',
    flag: 'batch-bytes-max',
    env: 'TERCET_BATCH_BYTES_MAX',
    default: '8388608',
    valueName: 'bytes',
    help: 'Most payload bytes of one commit of the store; a larger operation goes alone.',
    parse: positive,
  },
  queueOperationsMax: {
    name: 'queueOperationsMax',
    flag: 'queue-operations-max',
    env: 'TERCET_QUEUE_OPERATIONS_MAX',
    default: '20000',
    valueName: 'count',
    help: 'Most operations that wait for the store; beyond it registrations get RESOURCE_EXHAUSTED.',
    parse: positive,
  },
  queueBytesMax: {
    name: 'queueBytesMax',
    flag: 'queue-bytes-max',
    env: 'TERCET_QUEUE_BYTES_MAX',
    default: '67108864',
    valueName: 'bytes',
    help: 'Most payload bytes that wait for the store; beyond it registrations get RESOURCE_EXHAUSTED.',
    parse: positive,
  },
};

function address(given: string): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):([0-9]{1,5})$/.exec(given);
  if (match !== null && Number(match[2]) <= 65_535) return given;
  throw new Error('must be host:port, such as 127.0.0.1:8420 or [::1]:8420');
}

function boolean(given: string): boolean {
  if (given === 'true' || given === '1') return true;
  if (given === 'false' || given === '0') return false;
  throw new Error('must be true or false');
}

function duration(given: string): number {
  const ms = parseDuration(given);
  if (ms !== undefined && ms <= 86_400_000) return ms;
  throw new Error('must be a duration of at most 24h, such as 500ms, 5s or 2m');
}

function positive(given: string): number {
  const count = Number(given);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new Error('must be a whole number of at least 1');
}

function oneOf<T extends string>(words: readonly T[], given: string): T {
  const word = words.find((candidate) => candidate === given);
  if (word !== undefined) return word;
  throw new Error(`must be one of ${words.join(', ')}`);
}

function text(what: string): (given: string) => string {
  return (given) => {
    if (given.trim() !== '') return given;
    throw new Error(`must name ${what}`);
  };
}
