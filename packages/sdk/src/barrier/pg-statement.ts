/**
 * The barrier's own statements as `pg` wants them, and their answers, whatever a pool or a program has changed about how values are
 * read: everything is asked for as text, bytes as hex digits (with `binary` the driver reads bytes as UTF-8, which loses them).
 */
import type { CustomTypesConfig, QueryConfig, QueryResult } from 'pg';
import type { SqlValue, StatementResult } from './local-database';

/** In place of parsers that somebody may have set. */
const types = {
  getTypeParser: () => String,
} as unknown as CustomTypesConfig;

/** A statement with `?` for its parameters. */
export function pgStatement(sql: string, params: readonly SqlValue[]): QueryConfig<SqlValue[]> {
  if (params.length === 0) return { text: sql, types };
  return { text: numbered(sql), values: [...params], types };
}

/** Its answer. */
export function pgResult({ rows, rowCount }: QueryResult): StatementResult {
  return { rows: rows.map(withBytes), affected: rowCount ?? 0 };
}

/** `?` becomes `$1`, `$2`, … */
function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll('?', () => `$${(count += 1)}`);
}

function withBytes(row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return 'reply' in row
    ? { ...row, reply: bytesOf(row['reply']), tried: bytesOf(row['tried']) }
    : row;
}

function bytesOf(hex: unknown): Buffer | null {
  return typeof hex === 'string' ? Buffer.from(hex, 'hex') : null;
}
