import { inTransaction } from '../batch';
import type { Database } from '../driver';
import { KnownFailure } from '../failures';
import { sqlBuilder } from '../sql-builder';
import { migrations } from './index';

interface SchemaVersion {
  readonly version: number;
  readonly min_reader: number;
}

/**
 * Brings the schema up to this version. The steps and the new version are one commit: a crash leaves the old
 * schema or the new one. A schema that this version is too old for throws STORE_INCOMPATIBLE; a newer one that
 * still suits it is left as it is.
 */
export function migrate(db: Database, file: string): void {
  db.exec(
    'CREATE TABLE IF NOT EXISTS schema_version (' +
      'id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, min_reader INTEGER NOT NULL) STRICT',
  );
  const select = 'SELECT version, min_reader FROM schema_version';
  const found = db.prepare(select).get() as SchemaVersion | undefined;
  const ours = migrations.at(-1)?.version ?? 0;
  if (found !== undefined && found.min_reader > ours) throw tooNew(file, found, ours);
  const steps = migrations.filter(({ version }) => version > (found?.version ?? 0));
  const last = steps.at(-1);
  if (last === undefined) return;
  const builder = sqlBuilder();
  inTransaction(db, () => {
    for (const step of steps) for (const sql of step.statements(builder)) db.exec(sql);
    const minReader = Math.max(found?.min_reader ?? 0, ...steps.map((step) => step.minReader));
    db.prepare(
      'INSERT OR REPLACE INTO schema_version (id, version, min_reader) VALUES (1, ?, ?)',
    ).run(last.version, minReader);
  });
}

function tooNew(file: string, found: SchemaVersion, ours: number): KnownFailure {
  const message =
    `${file} has schema ${found.version}, which needs a version that reads at least schema ` +
    `${found.min_reader}; this one reads up to ${ours}`;
  return new KnownFailure({ kind: 'tercet', code: 'STORE_INCOMPATIBLE', message });
}
