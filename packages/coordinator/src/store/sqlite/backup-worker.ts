/** Entry of a backup's thread: the copy is one long statement, and nobody may wait for it in the event loop. */
import { parentPort, workerData } from 'node:worker_threads';
import type { BackupReply, BackupRequest } from './backup-messages';
import { openDatabase } from './driver';
import { describe } from './failures';
import { fileFactsOf } from './file-facts';

parentPort?.postMessage(answer(workerData as BackupRequest));

function answer({ from, to }: BackupRequest): BackupReply {
  try {
    const db = openDatabase(from);
    try {
      // Whoever writes is not in the way, and is not kept waiting: the copy is of one moment.
      db.exec('PRAGMA busy_timeout = 10000');
      db.prepare('VACUUM INTO ?').run(to);
    } finally {
      db.close();
    }
    return { ok: true, facts: fileFactsOf(to) };
  } catch (error) {
    return { ok: false, message: describe(error) };
  }
}
