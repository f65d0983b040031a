/**
 * What every connection sets before anything else (C1).
 *
 * - sql_mode: wrong data is refused, and backslashes escape whatever the server's default is.
 * - Waits: 2 s for a row or a table's definition; the servers' own defaults are 50 s and a day.
 * - Statements: 8 s. MySQL has no such setting for writes; there only the wait for the answer ends them.
 * - `eq_range_index_dive_limit`: rows that are found by key are not counted first.
 */
const common = [
  'SET NAMES utf8mb4 COLLATE utf8mb4_bin',
  "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
  "SET SESSION time_zone='+00:00',autocommit=1,innodb_lock_wait_timeout=2,lock_wait_timeout=2,eq_range_index_dive_limit=1" +
    // What stands in such a comment is read by MariaDB alone.
    '/*M! ,max_statement_time=8 */',
];

/** Of a connection that writes. */
export const writerSetup: readonly string[] = [
  ...common,
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
];

/** Of a connection that reads: several statements see one moment. */
export const readerSetup: readonly string[] = [
  ...common,
  'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
];
