import type { Knex } from 'knex';
import type { SchemaStep } from '../../migrate';

/** What is compared byte by byte: gids, ids, words. */
const ASCII = 'character set ascii collate ascii_bin';
const statuses = ['trying', 'confirming', 'confirmed', 'cancelling', 'cancelled'];
const causes = ['none', 'commit', 'rollback', 'timeout'];

/**
 * All tables. What a decision changes has a fixed width and is never NULL (`none`, 0): such a row is changed in its place,
 * which is half of the work. One index for two questions: `next_at` is when an unfinished transaction is due, and when a
 * finished one, whose `open_owner` is NULL, has finished. Every table has a primary key: some clusters take no other.
 */
export function migration0001(builder: Knex): SchemaStep {
  const tables: readonly (readonly [string, (row: Knex.CreateTableBuilder) => void])[] = [
    ['transactions', transactions],
    ['registrations', registrations],
    ['labels', labels],
    ['results', results],
    ['nodes', nodes],
    ['retention', retention],
    // Always empty: a row that cannot be made ends a batch of which a guard has missed.
    ['guards', (row) => void row.specificType('missed', 'tinyint not null primary key')],
    // Always empty: a probe fills and clears it to see whether the store takes new work.
    ['probes', probes],
  ];
  return {
    version: 1,
    minReader: 1,
    title: 'transactions, registrations, labels, results, nodes',
    statements: [
      ...tables.flatMap(([table, columns]) => create(builder, table, columns)),
      "insert ignore into retention (step,finished_at,gid) values ('expire',0,''),('forget',0,'')",
    ],
  };
}

/** The statements that make a table where it is missing; its indexes come after it. */
function create(
  builder: Knex,
  table: string,
  columns: (row: Knex.CreateTableBuilder) => void,
): readonly string[] {
  const made = builder.schema.createTable(table, (row) => {
    row.engine('InnoDB');
    row.charset('utf8mb4');
    row.collate('utf8mb4_bin');
    columns(row);
  });
  return made
    .toSQL()
    .map(({ sql }) => sql.replace(/^create table /, 'create table if not exists '));
}

function transactions(row: Knex.CreateTableBuilder): void {
  row.specificType('gid', `varchar(128) ${ASCII} not null`);
  row.specificType('run_id', `varchar(64) ${ASCII} not null`);
  row.string('name', 255).notNullable();
  row.specificType('status', `${oneOf(statuses)} not null`);
  row.integer('branches').notNullable();
  row.specificType('owner', `varchar(128) ${ASCII} not null`);
  row.bigInteger('epoch').notNullable();
  row.specificType('open_owner', `varchar(128) ${ASCII} null`);
  row.bigInteger('next_at');
  row.bigInteger('opened_at').notNullable();
  row.bigInteger('deadline_at').notNullable();
  row.specificType('decided_at', 'bigint not null default 0');
  row.specificType('cause', `${oneOf(causes)} not null default 'none'`);
  row.integer('format').notNullable();
  for (const name of ['reason', 'details', 'states']) row.text(name, 'longtext');
  row.specificType('tombstone', `varchar(64) ${ASCII} null`);
  row.primary(['gid']);
  row.index(['open_owner', 'next_at'], 'transactions_open');
}

function registrations(row: Knex.CreateTableBuilder): void {
  row.specificType('gid', `varchar(128) ${ASCII} not null`);
  row.integer('first').notNullable();
  row.specificType('run_id', `varchar(64) ${ASCII} not null`);
  row.text('specs', 'longtext').notNullable();
  row.specificType('payloads', 'longblob not null');
  row.primary(['gid', 'first']);
}

function labels(row: Knex.CreateTableBuilder): void {
  row.specificType('gid', `varchar(128) ${ASCII} not null`);
  row.string('name', 255).notNullable();
  row.text('value', 'text').notNullable();
  row.primary(['gid', 'name']);
}

function results(row: Knex.CreateTableBuilder): void {
  row.specificType('gid', `varchar(128) ${ASCII} not null`);
  row.specificType('result', 'longblob not null');
  row.primary(['gid']);
}

/** A row for each coordinator that shares the store. */
function nodes(row: Knex.CreateTableBuilder): void {
  row.specificType('incarnation', `varchar(128) ${ASCII} not null`);
  row.bigInteger('beat').notNullable();
  row.text('place', 'text').notNullable();
  row.integer('format').notNullable();
  row.primary(['incarnation']);
}

/** Rows of its own for each node: probes of several never meet. */
function probes(row: Knex.CreateTableBuilder): void {
  row.specificType('node', `varchar(128) ${ASCII} not null`);
  row.specificType('filler', 'longblob not null');
  row.primary(['node']);
}

/** How far each step of retention has come. */
function retention(row: Knex.CreateTableBuilder): void {
  row.specificType('step', `varchar(16) ${ASCII} not null`);
  row.bigInteger('finished_at').notNullable();
  row.specificType('gid', `varchar(128) ${ASCII} not null`);
  row.primary(['step']);
}

function oneOf(words: readonly string[]): string {
  return `enum(${words.map((word) => `'${word}'`).join(',')}) ${ASCII}`;
}
