import createKnex, { type Knex } from 'knex';
import { text, whole } from './literals';

/** knex as a compiler only: without a connection setting it loads no driver and keeps no pool. */
export function sqlBuilder(): Knex {
  return createKnex({ client: 'mysql2' });
}

/** A query of the builder as text, its values as literals. */
export function sqlOf(query: Knex.QueryBuilder): string {
  const { sql, bindings } = query.toSQL().toNative();
  // No `?` of a text can be among them: every value is a binding.
  const parts = sql.split('?');
  return parts.reduce((all, part, i) => all + literal(bindings[i - 1]) + part);
}

function literal(value: unknown): string {
  return typeof value === 'number' ? whole(value) : text(value as string | null);
}
