/** What can happen to a store's server, whatever its family: a test makes it happen, and puts it right again. */

/** Numbers of one and the same error. */
export interface ServerError {
  /** SQLSTATE. */
  readonly postgres: string;
  readonly mariadb: { readonly errno: number; readonly sqlState: string };
}

/** A store's database, and somebody who may do anything to it. */
export interface StoreInTrouble {
  /** For the coordinator: an account that may read and write the tables, and nothing else. */
  readonly url: string;
  /** From now on every write of the coordinator ends in this error, as the server itself tells it; undefined = as usual. */
  fail(error: ServerError | undefined): Promise<void>;
  /** Whether the coordinator's account may only read. */
  readOnly(on: boolean): Promise<void>;
  /** Holds the row of a transaction until the returned function is called. */
  hold(gid: string): Promise<() => Promise<void>>;
  /** Status of a transaction's row. */
  statusOf(gid: string): Promise<string | undefined>;
  end(): Promise<void>;
}

/** Tables that a coordinator writes while it is serving. */
export const writtenTables = ['transactions', 'nodes', 'probes'] as const;
