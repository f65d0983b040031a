import type { BarrierModules } from '../cli-deps';
import type { DatabaseFamily } from './database-url';

/** The statements that make the barrier's table, each with its semicolon, for a file or a shell of the database. */
export function migrationScript(family: DatabaseFamily, { migrations }: BarrierModules): string {
  return migrations[family].map((statement) => `${statement.trim()};`).join('\n\n');
}
