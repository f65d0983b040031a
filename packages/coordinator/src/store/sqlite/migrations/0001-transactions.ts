import type { Knex } from 'knex';
import type { Migration } from './migration';

/**
 * Transactions, branches, labels. STRICT makes SQLite check types, so that wrong data is refused when it is
 * written. Transactions are small and always found by gid: WITHOUT ROWID keeps them in that one tree. Branches
 * carry payloads, which would make such a tree shallow and wide: they stay in a rowid table.
 */
export const migration0001: Migration = {
  version: 1,
  minReader: 1,
  title: 'transactions, branches, labels',
  statements: (builder) => [
    create(builder, 'transactions', transactions) + ' strict, without rowid',
    create(builder, 'branches', branches) + ' strict',
    create(builder, 'labels', labels) + ' strict, without rowid',
    // Always empty: a probe fills and clears it to see whether the store takes new work.
    create(builder, 'probes', (row) => row.binary('filler').notNullable()) + ' strict',
    // The only indexes besides the keys. Partial: open work is few rows among many finished ones, and vice versa.
    'create index transactions_open on transactions (open_owner, next_at) where open_owner is not null',
    'create index transactions_finished on transactions (finished_at) where finished_at is not null',
  ],
};

type Columns = (columns: Knex.CreateTableBuilder) => void;

function create(builder: Knex, table: string, columns: Columns): string {
  const [statement] = builder.schema.createTable(table, columns).toSQL();
  return statement?.sql ?? '';
}

function transactions(row: Knex.CreateTableBuilder): void {
  texts(row, ['gid', 'run_id', 'name', 'status', 'on_timeout', 'phase_two_order']);
  optionalTexts(row, ['traceparent', 'tracestate']);
  numbers(row, ['opened_at', 'deadline_at']);
  optionalNumbers(row, ['decided_at', 'finished_at']);
  optionalTexts(row, ['cause', 'reason']);
  texts(row, ['owner']);
  numbers(row, ['epoch']);
  optionalTexts(row, ['open_owner']);
  optionalNumbers(row, ['next_at']);
  numbers(row, ['branches']);
  row.integer('submitted').notNullable().defaultTo(0);
  numbers(row, ['format']);
  row.primary(['gid']);
  oneOf(row, 'status', ['trying', 'confirming', 'confirmed', 'cancelling', 'cancelled']);
  oneOf(row, 'on_timeout', ['cancel', 'ask', 'none']);
  oneOf(row, 'phase_two_order', ['all', 'registration', 'reverse', 'dag']);
  oneOf(row, 'cause', ['commit', 'rollback', 'timeout']);
  row.check('epoch >= 1');
  row.check(
    "(status = 'trying') = (decided_at is null) and (decided_at is null) = (cause is null)",
  );
  row.check("(status = 'confirmed' or status = 'cancelled') = (finished_at is not null)");
  row.check('(open_owner is null) = (finished_at is not null)');
}

function branches(row: Knex.CreateTableBuilder): void {
  texts(row, ['gid', 'branch_id']);
  numbers(row, ['ordinal']);
  texts(row, ['action', 'mode', 'driver', 'dialect', 'target']);
  texts(row, ['forward_method', 'confirm_method', 'cancel_method']);
  row.binary('payload').notNullable();
  row.binary('confirm_payload');
  row.binary('cancel_payload');
  texts(row, ['after']);
  numbers(row, ['forward_deadline_ms', 'confirm_deadline_ms', 'cancel_deadline_ms']);
  numbers(row, ['retry_first_ms', 'retry_max_ms', 'stuck_after_ms', 'barrier']);
  texts(row, ['phase_one']);
  numbers(row, ['try_told']);
  texts(row, ['status']);
  numbers(row, ['not_after', 'attempts']);
  optionalNumbers(row, ['first_attempt_at', 'last_attempt_at', 'next_attempt_at', 'failure_code']);
  optionalTexts(row, ['failure_message', 'failure_peer', 'stuck_reason']);
  row.integer('parked').notNullable().defaultTo(0);
  optionalTexts(row, ['verdict', 'verdict_by']);
  optionalNumbers(row, ['verdict_at']);
  optionalTexts(row, ['verdict_reason']);
  row.primary(['gid', 'branch_id']);
  oneOf(row, 'mode', ['tcc', 'saga', 'message', 'xa']);
  oneOf(row, 'driver', ['initiator', 'coordinator', 'participant']);
  oneOf(row, 'dialect', ['tercet', 'dtm']);
  oneOf(row, 'phase_one', ['none', 'started', 'done', 'refused', 'unknown']);
  oneOf(row, 'status', ['registered', 'confirmed', 'cancelled']);
}

function labels(row: Knex.CreateTableBuilder): void {
  texts(row, ['gid', 'name', 'value']);
  row.primary(['gid', 'name']);
}

function texts(row: Knex.CreateTableBuilder, names: readonly string[]): void {
  for (const name of names) row.text(name).notNullable();
}

function optionalTexts(row: Knex.CreateTableBuilder, names: readonly string[]): void {
  for (const name of names) row.text(name);
}

function numbers(row: Knex.CreateTableBuilder, names: readonly string[]): void {
  for (const name of names) row.integer(name).notNullable();
}

function optionalNumbers(row: Knex.CreateTableBuilder, names: readonly string[]): void {
  for (const name of names) row.integer(name);
}

/** Not `in (…)`: SQLite builds a tree of the list for every row, which doubled the time of an insert (14 µs to 7). */
function oneOf(row: Knex.CreateTableBuilder, name: string, values: readonly string[]): void {
  row.check(values.map((value) => `${name} = '${value}'`).join(' or '));
}
