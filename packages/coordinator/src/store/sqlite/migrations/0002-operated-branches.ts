import type { Knex } from 'knex';
import type { Migration } from './migration';

/**
 * What operators do to branches, when a branch is stuck, and results of commits. Breaking: version 1 knows no parked
 * branch and would call it.
 *
 * Results have a table of their own. They may be 64 KiB, and few transactions have one: in `transactions`, whose rows
 * lie in the tree of the key itself, they would push the rows apart that every write has to find. A rowid table,
 * because a tree without one is bad at large rows.
 */
export const migration0002: Migration = {
  version: 2,
  minReader: 2,
  title: 'parked branches, stuck thresholds, results',
  statements: (builder) => [
    ...sqlOf(builder.schema.alterTable('branches', branches)),
    // Up to here every failure counted for the backoff, so unfinished branches go on where they are in it.
    "update branches set streak = attempts where status = 'registered' and attempts > 0",
    ...sqlOf(builder.schema.createTable('results', results)).map((sql) => `${sql} strict`),
  ],
};

function branches(row: Knex.CreateTableBuilder): void {
  row.integer('stuck_attempts').notNullable().defaultTo(5);
  row.integer('park_permanent').notNullable().defaultTo(0);
  row.integer('streak').notNullable().defaultTo(0);
}

function results(row: Knex.CreateTableBuilder): void {
  row.text('gid').notNullable();
  row.binary('result').notNullable();
  row.primary(['gid']);
}

function sqlOf(change: Knex.SchemaBuilder): readonly string[] {
  return change.toSQL().map(({ sql }) => sql);
}
