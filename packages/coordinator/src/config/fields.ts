/**
 * Every setting of the coordinator, once: flags, variables, keys of the file, defaults, help texts and docs/config.md
 * come from here.
 */
import { CLOCK_SKEW_MS_DEFAULT, limits } from '@tercet/core';
import {
  address,
  atLeast,
  atLeastMs,
  boolean,
  duration,
  longDuration,
  offOr,
  oneOf,
  positive,
  text,
} from './parse-value';
import { storePasswordVariable } from './store-password';
import { type StoreSetting, parseStore, shownStore } from './store-setting';

/** The settings, complete and checked. */
export interface Config {
  readonly grpcAddress: string;
  /** `host:port`, or `off`. */
  readonly httpAddress: string;
  readonly insecure: boolean;
  /** A URL may hold the password of its server: print `shownStore` of it. */
  readonly store: StoreSetting;
  readonly dataDir: string;
  /** `loadConfig` has read it: the password stands in `store`. Empty = none was named. */
  readonly storePasswordFile: string;
  /** Whether a server is taken that may lose what it acknowledged. */
  readonly unsafeStore: boolean;
  /** For how long a coordinator that does not show that it lives is taken for alive, ms. */
  readonly nodeTtlMs: number;
  /** How long finished transactions are kept whole, ms; `off` = for ever. */
  readonly retentionMs: number | 'off';
  /** How long a tombstone of them is kept, counted from the finish, ms. At least the retention. */
  readonly idempotencyWindowMs: number;
  /** Most finished transactions that are kept whole; `off` = as many as time allows. */
  readonly retainRows: number | 'off';
  readonly logLevel: LogLevel;
  readonly clockSkewMs: number;
  readonly shutdownGraceMs: number;
  readonly batchOperationsMax: number;
  readonly batchBytesMax: number;
  readonly queueOperationsMax: number;
  readonly queueBytesMax: number;
  readonly targetConcurrencyMax: number;
  readonly targetUnfinishedMax: number;
  readonly undecidedMax: number;
  readonly residentMax: number;
  readonly payloadCacheBytesMax: number;
  /** `auto`: Confirm and Cancel go on a stream where a participant offers one; `unary`: never. */
  readonly deliver: 'auto' | 'unary';
}

/** Levels of pino. */
export type LogLevel = (typeof logLevels)[number];

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** One setting. `parse` returns the value, or throws an Error that says what would be right. */
export interface ConfigField<Name extends keyof Config = keyof Config> {
  readonly name: Name;
  /** Without the leading dashes; also the key in a file of settings. */
  readonly flag: string;
  readonly env: string;
  /** As a user would write it. */
  readonly default: string;
  readonly valueName: string;
  readonly help: string;
  readonly parse: (text: string) => Config[Name];
  /** What error texts may repeat of a wrong value. Default: all of it. */
  readonly shown?: (text: string) => string;
}

/** Shorter, and a pause of the process would look like its death. */
const NODE_TTL_MS_MIN = 1_000;

/** Shorter, and what nodes' clocks and completions on their way differ by would count. */
const RETENTION_MS_MIN = 60_000;

/** The setting that names the file of settings; it stands in no file itself. */
export const configFileField = {
  /** Without the leading dashes. */
  flag: 'config',
  env: 'TERCET_CONFIG',
  valueName: 'file',
  help: 'YAML file of settings, named like the flags without dashes. A flag or a variable wins over it.',
} as const;

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
    valueName: 'store',
    help: 'Where transactions are kept: `sqlite` (durable, in the data directory), `sqlite:FOLDER`, a server of its own (`mysql://USER@HOST:3306/DATABASE`, `mariadb://…` or `postgres://USER@HOST:5432/DATABASE`), or `memory` (for tests: a restart forgets everything).',
    parse: parseStore,
    shown: shownStore,
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
  storePasswordFile: {
    name: 'storePasswordFile',
    flag: 'store-password-file',
    env: 'TERCET_STORE_PASSWORD_FILE',
    default: '',
    valueName: 'file',
    help: `File with the password of the store's server, where it is neither in the URL nor in the variable ${storePasswordVariable}.`,
    parse: (given) => given,
  },
  unsafeStore: {
    name: 'unsafeStore',
    flag: 'unsafe-store',
    env: 'TERCET_UNSAFE_STORE',
    default: 'false',
    valueName: '',
    help: 'Takes a server whose settings may lose acknowledged transactions when it crashes. Only for tests.',
    parse: boolean,
  },
  nodeTtlMs: {
    name: 'nodeTtlMs',
    flag: 'node-ttl',
    env: 'TERCET_NODE_TTL',
    default: '10s',
    valueName: 'duration',
    help: 'For how long another coordinator that gives no sign of life on the same server is taken for alive. At least 1s.',
    parse: (given) => atLeastMs(NODE_TTL_MS_MIN, given),
  },
  retentionMs: {
    name: 'retentionMs',
    flag: 'retention',
    env: 'TERCET_RETENTION',
    default: '7d',
    valueName: 'duration',
    help: 'For how long a finished transaction is kept whole, with payloads and history; then a tombstone of it stays. At least 1m, or `off`: for ever. What is unfinished always stays.',
    parse: offOr((given) => longDuration(RETENTION_MS_MIN, given)),
  },
  idempotencyWindowMs: {
    name: 'idempotencyWindowMs',
    flag: 'idempotency-window',
    env: 'TERCET_IDEMPOTENCY_WINDOW',
    default: '30d',
    valueName: 'duration',
    help: 'For how long, counted from its finish, a transaction keeps its gid from being used again: repeats and later runs are answered from its tombstone. At least the retention.',
    parse: (given) => longDuration(RETENTION_MS_MIN, given),
  },
  retainRows: {
    name: 'retainRows',
    flag: 'retain-rows',
    env: 'TERCET_RETAIN_ROWS',
    default: 'off',
    valueName: 'count',
    help: 'Most finished transactions that are kept whole; of the others tombstones stay, however young they are. What has finished within the last minute does not count. `off`: as many as the retention allows.',
    parse: offOr(positive),
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
  targetConcurrencyMax: {
    name: 'targetConcurrencyMax',
    flag: 'target-concurrency-max',
    env: 'TERCET_TARGET_CONCURRENCY_MAX',
    default: '64',
    valueName: 'count',
    help: 'Most Confirm and Cancel calls under way to one target; others wait their turn.',
    parse: positive,
  },
  targetUnfinishedMax: {
    name: 'targetUnfinishedMax',
    flag: 'target-unfinished-max',
    env: 'TERCET_TARGET_UNFINISHED_MAX',
    default: '100000',
    valueName: 'count',
    help: 'Most unfinished branches of one target; beyond it registrations that name it get RESOURCE_EXHAUSTED, others pass. At least 256, the branches of one transaction.',
    parse: (given) => atLeast(limits.branchesMax, given),
  },
  undecidedMax: {
    name: 'undecidedMax',
    flag: 'undecided-max',
    env: 'TERCET_UNDECIDED_MAX',
    default: '50000',
    valueName: 'count',
    help: 'Most undecided transactions; beyond it new ones get RESOURCE_EXHAUSTED.',
    parse: positive,
  },
  residentMax: {
    name: 'residentMax',
    flag: 'resident-max',
    env: 'TERCET_RESIDENT_MAX',
    default: '100000',
    valueName: 'count',
    help: 'Most unfinished transactions in memory; beyond it waiting ones are read from the store again when they are due.',
    parse: positive,
  },
  payloadCacheBytesMax: {
    name: 'payloadCacheBytesMax',
    flag: 'payload-cache-bytes-max',
    env: 'TERCET_PAYLOAD_CACHE_BYTES_MAX',
    default: '67108864',
    valueName: 'bytes',
    help: 'Most bytes of payloads in memory; others are read from the store again at the attempt.',
    parse: positive,
  },
  deliver: {
    name: 'deliver',
    flag: 'deliver',
    env: 'TERCET_DELIVER',
    default: 'auto',
    valueName: 'kind',
    help: 'How participants are called: `auto` (Confirm and Cancel share a stream where a participant offers it, others get unary calls) or `unary` (always a call of its own, for example through a proxy that lets no streams through).',
    parse: (text) => oneOf(['auto', 'unary'] as const, text),
  },
};
