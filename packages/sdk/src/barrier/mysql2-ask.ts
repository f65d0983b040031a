/** One statement of ours on a connection of mysql2. */
import type { Connection } from 'mysql2';
import type { SqlValue, StatementResult } from './local-database';

/** How rows are read: as the barrier expects them, whatever the pool was told. */
const readPlainly = {
  rowsAsArray: false,
  nestTables: false,
  namedPlaceholders: false,
  typeCast: true,
} as const;

/**
 * Sends it, and answers as the driver does: rows, or the header of an answer without rows. Parameters travel beside the text, so
 * nothing has to be escaped, whatever the sql_mode. The callback interface is used because the one with promises keeps a stack for
 * each statement, a tenth of the whole cost of a call here.
 */
export function ask(
  connection: Connection,
  sql: string,
  params: readonly SqlValue[],
): Promise<object> {
  return new Promise((resolve, reject) => {
    const told = (error: Error | null, result: object): void => {
      if (error === null) resolve(result);
      else reject(error);
    };
    if (params.length === 0) {
      if (readsPlainly(connection)) connection.query(sql, told);
      else connection.query({ ...readPlainly, sql }, told);
      return;
    }
    const values = params.map(valueOf);
    if (readsPlainly(connection)) connection.execute(sql, values, told);
    else connection.execute({ ...readPlainly, sql, values }, told);
  });
}

/** Options for each statement cost as much again as sending it. */
function readsPlainly({ config }: Connection): boolean {
  return (
    config.rowsAsArray !== true &&
    !config.nestTables &&
    config.namedPlaceholders !== true &&
    config.typeCast === true
  );
}

/** The driver knows Buffers. */
function valueOf(value: SqlValue): string | number | Buffer | null {
  if (!(value instanceof Uint8Array)) return value;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

const noRows: StatementResult['rows'] = [];

/** An answer, as the barrier reads it. */
export function resultOf(result: object): StatementResult {
  if (Array.isArray(result)) return { rows: result as StatementResult['rows'], affected: 0 };
  const { affectedRows } = result as { readonly affectedRows?: number };
  return { rows: noRows, affected: affectedRows ?? 0 };
}
