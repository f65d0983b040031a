/** What the command takes from outside: main.ts gives it the process, tests give it doubles. */
import type * as coordinator from '@tercet/coordinator';
import type { Barrier } from '@tercet/sdk';
import type * as operator from '@tercet/sdk/operator';

/** Standard output or standard error. */
export interface Output {
  /** Writes text as it is; lines bring their own end. */
  readonly write: (text: string) => void;
  /** Whether a person watches. */
  readonly isTTY: boolean;
  /** Width of that person's terminal; undefined where nobody knows. */
  readonly columns: number | undefined;
}

/** The part of the coordinator that `tercet server` and `tercet store` use. */
export type ServerModule = Pick<
  typeof coordinator,
  | 'runServer'
  | 'configFields'
  | 'configFileField'
  | 'checkStore'
  | 'migrateStore'
  | 'backupStore'
  | 'restoreStore'
  | 'quarantineStore'
  | 'copyStore'
  | 'storeWords'
>;

/** The part of the SDK that the other commands use. */
export type OperatorModule = Pick<typeof operator, 'createOperatorClient'>;

/** What `tercet barrier` does with a table. */
export type TableBarrier = Pick<Barrier<unknown>, 'check' | 'migrate'>;

/**
 * Makes a barrier of a pool or connection. That is of the user's driver, whose types a reader of ours need not have: the barrier
 * itself looks at what it is given, and throws ConfigError where it is something else.
 */
export type BarrierMaker = (database: unknown) => TableBarrier;

/** The part of the SDK that `tercet barrier` uses. */
export interface BarrierModules {
  /** The barrier of each family. */
  readonly barriers: Readonly<Record<'mysql' | 'postgres' | 'sqlite', BarrierMaker>>;
  /** The statements that make the table, of each family. */
  readonly migrations: Readonly<Record<'mysql' | 'postgres' | 'sqlite', readonly string[]>>;
}

/** Everything outside. Nothing is loaded before a command asks for it. */
export interface CliDeps {
  /** Data: what `| jq` and `| grep` read. */
  readonly out: Output;
  /** Notes and errors. */
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Asks the person at the terminal; resolves with the line typed, undefined = Ctrl-C or end of input. Undefined where
   * nobody can be asked: input or standard error is no terminal.
   */
  readonly ask: ((question: string) => Promise<string | undefined>) | undefined;
  /** Who runs the command, for what is kept: `user@host`. */
  readonly operatorName: () => string;
  /** Version of this package. */
  readonly version: string;
  readonly loadOperator: () => OperatorModule;
  readonly loadServer: () => ServerModule;
  /** Loads no driver: see `loadFromProject`. */
  readonly loadBarriers: () => BarrierModules;
  /**
   * Loads a package as the project in the current folder would. Throws what Node throws: MODULE_NOT_FOUND where it is
   * not installed there.
   */
  readonly loadFromProject: (name: string) => unknown;
  /** Whether a file of SQLite is there: opening it would make it. */
  readonly fileExists: (path: string) => boolean;
  /** Calls the handler at every SIGINT and SIGTERM. */
  readonly onSignal: (handler: (signal: string) => void) => void;
  /** Ends the process without waiting for anything. */
  readonly exitNow: (code: number) => void;
}
