import type { Knex } from 'knex';

/** One step of the schema. Never edited after a release. */
export interface Migration {
  /** Schema version after this step; counts up by one. */
  readonly version: number;
  /** Oldest version whose code can still use the database after this step; its own version = a breaking step. */
  readonly minReader: number;
  /** What it does, for logs. */
  readonly title: string;
  /** The statements, in order; they run in one transaction. */
  statements(builder: Knex): readonly string[];
}
