import type { Knex } from 'knex';
import type { Migration } from './migration';

/**
 * Tombstones of finished transactions, and how far retention has come. Breaking: version 3 would take a tombstone for a
 * transaction without branches.
 */
export const migration0004: Migration = {
  version: 4,
  minReader: 4,
  title: 'tombstones',
  statements: (builder) => [
    'alter table transactions add column tombstone text',
    `${create(builder)} strict, without rowid`,
    "insert into retention (step, finished_at, gid) values ('expire', 0, ''), ('forget', 0, '')",
  ],
};

function create(builder: Knex): string {
  const [statement] = builder.schema
    .createTable('retention', (row) => {
      row.text('step').notNullable();
      row.integer('finished_at').notNullable();
      row.text('gid').notNullable();
      row.primary(['step']);
    })
    .toSQL();
  return statement?.sql ?? '';
}
