/** Somebody who holds the coordinator's data file, as a backup tool or a hanging disk may: its writes wait. */
import { join } from 'node:path';
// eslint-disable-next-line import-x/no-relative-packages -- the driver that the coordinator uses
import { openDatabase } from '../../packages/coordinator/src/store/sqlite/driver';
import { afterTest } from './clean-up';

/** Takes the write lock of the data file in `dataDir`; the returned function gives it back. */
export function holdStore(dataDir: string): () => void {
  const db = openDatabase(join(dataDir, 'tercet.db'));
  db.exec('BEGIN IMMEDIATE');
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    db.exec('ROLLBACK');
    db.close();
  };
  afterTest(release);
  return release;
}
