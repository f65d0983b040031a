/** The schema of a database, and the lock under which it is brought up to date. */
import type { SchemaPort, SchemaVersion } from '../migrate';
import type { LockRow } from '../migration-lock';
import { StoreFailure } from '../../store';
import { mysqlError } from './failures';
import { text, whole } from './literals';
import type { Session } from './session';

const table =
  'CREATE TABLE IF NOT EXISTS schema_version (id INT NOT NULL PRIMARY KEY, version INT NOT NULL,' +
  ' min_reader INT NOT NULL, holder VARCHAR(128) NOT NULL, beat BIGINT NOT NULL, place TEXT NOT NULL)' +
  ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';
const firstRow =
  "INSERT INTO schema_version (id,version,min_reader,holder,beat,place) VALUES (1,0,0,'',0,'')";

/** The schema as {@link SchemaPort}: `session` for the lock, `worker` for the steps. */
export function schemaPort(session: Session, worker: Session): SchemaPort {
  return {
    version: () => readVersion(session),
    holder: async () => {
      const [answer] = await session.run(['SELECT holder,beat,place FROM schema_version']);
      const row = answer?.rows[0];
      if (row === undefined || row['holder'] === '') return undefined;
      return {
        holder: String(row['holder']),
        beat: Number(row['beat']),
        where: String(row['place']),
      };
    },
    replaceHolder: (seen, next) => replaceHolder(session, seen, next),
    run: (statement) => runStep(worker, statement),
    finish: async ({ version, minReader }, holder) => {
      const [answer] = await session.run([
        `UPDATE schema_version SET version=${whole(version)},min_reader=${whole(minReader)}` +
          ` WHERE id=1 AND holder=${text(holder)}`,
      ]);
      if (answer?.matched === 1) return;
      throw new StoreFailure('transient', 'the lock of the schema was lost while it was migrated');
    },
  };
}

async function readVersion(session: Session): Promise<SchemaVersion> {
  const select = 'SELECT version,min_reader FROM schema_version WHERE id=1';
  const answers = await session.runUnless([mysqlError.NO_SUCH_TABLE], [select]);
  const row = answers?.[0]?.rows[0];
  if (row !== undefined) {
    return { version: Number(row['version']), minReader: Number(row['min_reader']) };
  }
  if (answers === undefined) await session.run([table]);
  // Two that make it at once: one of them meets the row of the other.
  await session.runUnless([mysqlError.DUP_ENTRY, mysqlError.LOCK_DEADLOCK], [firstRow]);
  return { version: 0, minReader: 0 };
}

async function replaceHolder(
  session: Session,
  seen: LockRow | undefined,
  next: LockRow | undefined,
): Promise<boolean> {
  // The beat goes on rising when nobody holds the lock: no claim is ever the same as an earlier one.
  const beat = next === undefined ? 'beat+1' : whole(next.beat);
  const was = seen === undefined ? '' : ` AND beat=${whole(seen.beat)}`;
  // On a cluster a faster one may have been so on another node, which shows when this one commits.
  const answers = await session.runUnless(
    [mysqlError.LOCK_DEADLOCK],
    [
      `UPDATE schema_version SET holder=${text(next?.holder ?? '')},beat=${beat},place=${text(next?.where ?? '')}` +
        ` WHERE id=1 AND holder=${text(seen?.holder ?? '')}${was}`,
    ],
  );
  return answers?.[0]?.matched === 1;
}

/** A step that was run before, and is run again, finds its index there. */
async function runStep(worker: Session, statement: string): Promise<void> {
  await worker.runUnless([mysqlError.DUP_KEYNAME], [statement]);
}
