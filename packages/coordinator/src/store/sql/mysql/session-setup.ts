/**
 * What every connection sets before anything else (C1).
 *
 * - sql_mode: wrong data is refused, and backslashes escape whatever the server's default is.
 * - Waits: 2 s for a row or a table's definition; the servers' own defaults are 50 s and a day.
 * - Statements: 8 s. MySQL has no such setting for writes; there only the wait for the answer ends them.
 * - `eq_range_index_dive_limit`: rows that are found by key are not counted first.
 * - On a Galera cluster: every statement waits until this node has what the others have committed, a node that is cut off
 *   answers nothing, changes of the schema go everywhere, and nothing is repeated behind the coordinator's back.
 */
import { StoreFailure } from '../../store';
import { isOn } from './prerequisites';
import type { Answer } from './session';
import type { TransactionForm } from './transaction';

/** What comes first on a connection. */
export interface SessionSetup {
  readonly statements: readonly string[];
  /** Looks at the answers. What it throws ends the connection. */
  admit?(answers: readonly Answer[]): void;
}

const common = [
  'SET NAMES utf8mb4 COLLATE utf8mb4_bin',
  "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
  "SET SESSION time_zone='+00:00',autocommit=1,innodb_lock_wait_timeout=2,lock_wait_timeout=2,eq_range_index_dive_limit=1" +
    // What stands in such a comment is read by MariaDB alone.
    '/*M! ,max_statement_time=8 */',
];
const isolation = {
  write: 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  // Several statements see one moment.
  read: 'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
} as const;
const cluster =
  "SET SESSION wsrep_sync_wait=7,wsrep_dirty_reads=0,wsrep_retry_autocommit=0,wsrep_osu_method='TOI'";
const isCluster = "SHOW GLOBAL VARIABLES WHERE Variable_name='wsrep_on'";

/** Of a connection before anything is known of its server. */
export const firstSetup: SessionSetup = { statements: [...common, isolation.read] };

/** Of a connection that writes, or reads. */
export function setupOf(purpose: 'read' | 'write', form: TransactionForm): SessionSetup {
  const statements = [...common, isolation[purpose]];
  if (form.name === 'block') return { statements: [...statements, cluster] };
  return { statements: [...statements, isCluster], admit: refuseCluster };
}

/** Several statements in one message lose rows on a cluster: who has become part of one is not written to that way. */
function refuseCluster(answers: readonly Answer[]): void {
  if (!isOn(answers.at(-1)?.rows[0]?.['Value'])) return;
  throw new StoreFailure(
    'unavailable',
    'the store has become a node of a Galera cluster: restart the coordinator',
  );
}
