/** The coordinator as a library. Most people run it with `tercet server`. */

// Running it.
export { Coordinator, type CoordinatorOptions, type Started } from './coordinator';
export { type RunServerOptions, runServer } from './run-server';
export { type Config, type ConfigField, type LogLevel, configFields } from './config/fields';
export { type ConfigSources, isLoopback, resolveConfig } from './config/resolve-config';

// Ports, for those who bring their own, and the stores.
export { MemoryStore } from './store/memory-store';
export { SqliteStore, type SqliteStoreOptions } from './store/sqlite/sqlite-store';
export { type Logger, silentLogger } from './observability/logger';
export { type ParticipantCall, type ParticipantCaller } from './participant/participant-caller';
export {
  type DecideOperation,
  type ExtendOperation,
  type FenceOperation,
  type ListQuery,
  type OpenOperation,
  type OperationResult,
  type ProgressOperation,
  type RowFacts,
  type Store,
  StoreFailure,
  type StoreFailureKind,
  type StoreOperation,
  type TransactionPage,
  type TransactionSummary,
} from './store/store';
