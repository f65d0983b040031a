/** The participant on SQLite: one connection, on which handlers run one at a time. */
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { sqliteBarrier } from '@tercet/sdk/sqlite';
import { type Business, Death, mustBeNote } from './business';
import { pause } from './pause';
import { leftOf, looking, opening, tables, workBy } from './sql';

/** Makes it in a new file, on which a second connection looks. */
export async function onSqlite(file: string): Promise<Business<DatabaseSyncInstance>> {
  const admin = new DatabaseSync(file);
  admin.exec('PRAGMA journal_mode = WAL');
  for (const sql of tables) admin.exec(sql);
  const connection = new DatabaseSync(file);
  connection.exec('PRAGMA synchronous = OFF');
  const barrier = sqliteBarrier(connection);
  await barrier.migrate();
  const rows = (sql: string, runId: string): unknown => admin.prepare(sql).all(runId);
  const sending = {
    send: async (db: DatabaseSyncInstance, sql: string, params: readonly (string | number)[]) =>
      db.prepare(sql).run(...params),
    loseConnection: () => Promise.reject(new Death('midway')),
  };
  return {
    levels: [{ name: 'serializable', barrier }],
    open: async (runId) => openedBetween(admin, runId),
    work: (opened, place) => workBy(sending, opened, place),
    checkNote: mustBeNote,
    left: async (runId) => leftOf(rows(looking.effects, runId), rows(looking.account, runId)),
    close: async () => {
      connection.close();
      admin.close();
    },
  };
}

/** The barrier's connection may be within a transaction; waiting in SQLite itself would keep it there. */
async function openedBetween(admin: DatabaseSyncInstance, runId: string): Promise<void> {
  for (;;) {
    try {
      admin.prepare(opening).run(runId);
      return;
    } catch (error) {
      if (!String(error).includes('locked')) throw error;
      await pause(1);
    }
  }
}
