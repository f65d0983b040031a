import type { Knex } from 'knex';
import type { Migration } from './migration';

/**
 * Branches that were registered together are one row, written once; what can change of them is one text in their
 * transaction's row. Breaking: version 2 looks for a row per branch.
 *
 * Registrations carry payloads, so they are a rowid table, and their number is what the transaction's row holds: new
 * ones come last in that tree, whatever the gids. Those that were added later are found by gid instead, and so is what
 * comes from before: one registration per branch.
 */
export const migration0003: Migration = {
  version: 3,
  minReader: 3,
  title: 'one row for all branches of a registration',
  statements: (builder) => [
    'drop index transactions_open',
    'drop index transactions_finished',
    'alter table transactions rename to transactions_2',
    create(builder, 'transactions', transactions) + ' strict, without rowid',
    create(builder, 'registrations', registrations) + ' strict',
    moveTransactions,
    moveBranches,
    'drop table transactions_2',
    'drop table branches',
    'create index transactions_open on transactions (open_owner, next_at) where open_owner is not null',
    'create index transactions_finished on transactions (finished_at) where finished_at is not null',
    'create index registrations_later on registrations (gid, first) where gid is not null',
  ],
};

function transactions(row: Knex.CreateTableBuilder): void {
  for (const name of ['gid', 'run_id', 'name', 'status']) row.text(name).notNullable();
  row.integer('branches').notNullable();
  row.integer('registration');
  row.text('owner').notNullable();
  row.integer('epoch').notNullable();
  row.text('open_owner');
  row.integer('next_at');
  for (const name of ['opened_at', 'deadline_at']) row.integer(name).notNullable();
  for (const name of ['decided_at', 'finished_at']) row.integer(name);
  for (const name of ['cause', 'reason']) row.text(name);
  row.integer('format').notNullable();
  for (const name of ['details', 'states']) row.text(name);
  row.primary(['gid']);
  oneOf(row, 'status', ['trying', 'confirming', 'confirmed', 'cancelling', 'cancelled']);
  oneOf(row, 'cause', ['commit', 'rollback', 'timeout']);
  row.check('epoch >= 1');
  row.check(
    "(status = 'trying') = (decided_at is null) and (decided_at is null) = (cause is null)",
  );
  row.check("(status = 'confirmed' or status = 'cancelled') = (finished_at is not null)");
  row.check('(open_owner is null) = (finished_at is not null)');
}

function registrations(row: Knex.CreateTableBuilder): void {
  row.specificType('id', 'integer primary key');
  row.text('gid');
  row.integer('first').notNullable();
  row.text('specs').notNullable();
  row.binary('payloads').notNullable();
}

function create(
  builder: Knex,
  table: string,
  columns: (row: Knex.CreateTableBuilder) => void,
): string {
  return builder.schema.createTable(table, columns).toSQL()[0]?.sql ?? '';
}

/** Not `in (…)`: SQLite builds a tree of the list for every row. */
function oneOf(row: Knex.CreateTableBuilder, name: string, values: readonly string[]): void {
  row.check(values.map((value) => `${name} = '${value}'`).join(' or '));
}

/** Fields in the order of `branch-states.ts`, none of them left to be as usual. */
const state = `json_array(attempts, streak, first_attempt_at, last_attempt_at, next_attempt_at,
  case when failure_code is not null then json_array(failure_code, coalesce(failure_message, ''), failure_peer) end,
  stuck_reason, status, phase_one, try_told, parked,
  case when verdict is not null then json_array(verdict, verdict_by, verdict_at, verdict_reason) end)`;

const moveTransactions = `insert into transactions
    (gid, run_id, name, status, branches, owner, epoch, open_owner, next_at, opened_at, deadline_at,
     decided_at, finished_at, cause, reason, format, details, states)
  select gid, run_id, name, status, branches, owner, epoch, open_owner, next_at, opened_at, deadline_at,
    decided_at, finished_at, cause, reason, format,
    case when traceparent is not null and tracestate is not null
      then json_array(on_timeout, phase_two_order, traceparent, tracestate)
      when on_timeout <> 'cancel' or phase_two_order <> 'all' then json_array(on_timeout, phase_two_order) end,
    (select json_group_array(json(state)) from
      (select ${state} as state from branches where branches.gid = transactions_2.gid order by ordinal))
  from transactions_2`;

/** Fields in the order of `branch-specs.ts` and `spec-shapes.ts`. Blobs that are joined become text: cast back. */
const moveBranches = `insert into registrations (gid, first, specs, payloads)
  select gid, ordinal,
    json_array(json_array(branch_id, not_after,
      json_array(length(payload), length(confirm_payload), length(cancel_payload)),
      action, target, forward_method, confirm_method, cancel_method,
      forward_deadline_ms, confirm_deadline_ms, cancel_deadline_ms, retry_first_ms, retry_max_ms,
      stuck_after_ms, stuck_attempts, park_permanent, barrier, mode, driver, dialect, json(after))),
    cast(payload || coalesce(confirm_payload, x'') || coalesce(cancel_payload, x'') as blob)
  from branches order by gid, ordinal`;
