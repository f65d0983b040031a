/** The barrier's own statements on a connection of SQLite, prepared once. */
import type { SqlValue, StatementResult } from './local-database';
import type { SqliteConnection, StatementSettings } from './sqlite-connection';

/** A prepared statement with the parameters that the barrier gives. */
interface Prepared extends StatementSettings {
  run(...params: readonly SqlValue[]): { readonly changes: number | bigint };
  all(...params: readonly SqlValue[]): Readonly<Record<string, unknown>>[];
}

/** The statements of one barrier. */
export class SqliteStatements {
  private readonly prepared = new Map<string, Prepared>();

  constructor(private readonly connection: SqliteConnection) {}

  /** Throws what the driver throws. */
  run(sql: string, params: readonly SqlValue[]): StatementResult {
    try {
      const statement = this.prepare(sql);
      if (/^\s*SELECT\b/i.test(sql)) return { rows: statement.all(...params), affected: 0 };
      return { rows: [], affected: Number(statement.run(...params).changes) };
    } catch (error) {
      // The connection may have been closed and opened again: then it knows the statement no more.
      this.prepared.delete(sql);
      throw error;
    }
  }

  private prepare(sql: string): Prepared {
    const known = this.prepared.get(sql);
    if (known !== undefined) return known;
    const made = this.connection.prepare(sql) as Prepared;
    made.setReadBigInts?.(false);
    made.setReturnArrays?.(false);
    this.prepared.set(sql, made);
    return made;
  }
}
