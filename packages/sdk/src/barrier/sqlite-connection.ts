/** The part of `node:sqlite` that the barrier uses. */

/** A prepared statement, as `StatementSync` of node:sqlite has it. */
export interface SqliteStatement {
  run(...parameters: never[]): unknown;
  all(...parameters: never[]): unknown[];
}

/** A connection, as `DatabaseSync` of node:sqlite and of `@photostructure/sqlite` has it. */
export interface SqliteConnection {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
  /** Missing in the first versions of node:sqlite. */
  readonly isOpen?: boolean;
  /** Missing in the first versions of node:sqlite. */
  readonly isTransaction?: boolean;
}

/** What a statement of the barrier may be told, where the driver has it: connections can be opened with other defaults. */
export interface StatementSettings {
  setReadBigInts?(readBigInts: boolean): void;
  setReturnArrays?(returnArrays: boolean): void;
}
