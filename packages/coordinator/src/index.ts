/** The coordinator as a library. Most people run it with `tercet server`. */

// Running it.
export { Coordinator, type CoordinatorOptions, type Started } from './coordinator';
export { type RunServerOptions, runServer } from './run-server';
export {
  type Config,
  type ConfigField,
  type LogLevel,
  configFields,
  configFileField,
} from './config/fields';
export { type ConfigFile, type FileValue, parseConfigFile } from './config/config-file';
export { type LoadedConfig, loadConfig } from './config/load-config';
export { type ConfigSources, isLoopback, resolveConfig } from './config/resolve-config';

// Ports, for those who bring their own, and the stores.
export { MemoryStore, type MemoryStoreOptions } from './store/memory-store';
export { SharedMemory } from './store/shared-memory';
export { SqliteStore, type SqliteStoreOptions } from './store/sqlite/sqlite-store';
export { type CheckedStore, checkStore, migrateStore } from './store-command';
export { type StoreCommandOptions, storeFields } from './store-settings';
export { type BackedUp, type BackupOptions, backupStore } from './store-backup';
export { type RestoreOptions, type Restored, restoreStore } from './store-restore';
export {
  type QuarantineOptions,
  type Quarantined,
  quarantineStore,
  storeWords,
} from './store-quarantine';
export { type Copied, type CopyOptions, copyStore } from './store-copy';
export type { Counts, TransferProgress } from './store/moves/transfer';
export type { NodeReport, Prerequisite, SchemaFacts, StoreReport } from './store/store-report';
export { type StorePorts, type StoreSettings, storeOf } from './store-of';
export { type StoreSetting, shownStore } from './config/store-setting';
export { type Logger, silentLogger } from './observability/logger';
export { type ParticipantCall, type ParticipantCaller } from './participant/participant-caller';
export type { CoordinatorInterceptor, DecisionEvent, StuckEvent } from './engine/interceptors';
export {
  type BranchPayloads,
  type DecideOperation,
  type DuePosition,
  type DueQuery,
  type Expired,
  type ExpireQuery,
  type ExtendOperation,
  type FenceOperation,
  type ListQuery,
  type NodesListener,
  type OpenOperation,
  type OperationResult,
  type ProgressOperation,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreFailureKind,
  type StoreNodes,
  type StoreOperation,
  type TakeOperation,
  type TransactionPage,
  type TransactionSummary,
} from './store/store';
