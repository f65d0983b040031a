/**
 * The barrier's statements for MySQL 8 and MariaDB 10.5 and newer, as far as they speak the same.
 *
 * MD1 Inserting says who was first, and locks no gap. `attempt = attempt + 1` changes a row that is there in any case, so the
 *     server counts it as 2, whether the client asks for found or for changed rows; `x = x` would count as 1, like an insert.
 *     INSERT IGNORE would take shared locks on duplicates: two of them that go on to write are a deadlock.
 * MD2 A row is read with its lock: a plain SELECT may show an older snapshot.
 * MD3 The last statement matches only a row that is not finished: one that another attempt has committed is.
 * MD4 A lock is waited for a second. MariaDB bounds that in the statement itself; for MySQL the adapter sets it around them.
 * MD5 Where both rows are taken at once, a row `end` that was there is known by its `attempt`, which is made negative, as no new
 *     row has it. A variable of the session would not do: before its first use it has no type, and reads as NULL. No such number
 *     stays: a Cancel that finds `end` is rolled back.
 * MD6 Keys are ASCII with a binary collation: `1.1` and `1.10`, `a` and `A` are different rows everywhere.
 */
import type { SqlValue } from './local-database';
import type { MysqlServer } from './mysql-server';
import type { NewRow, RowKey, SqlDialect, SqlFailure, Statement } from './sql-dialect';

const lockWaitMs = 1_000;

const bound = 'SET STATEMENT innodb_lock_wait_timeout = 1 FOR ';

const columns = 'run_id, branch, slot, gid, op, attempt, time';
const key = 'run_id = ? AND branch = ? AND slot = ?';

const insertSql = `INSERT INTO tercet_barrier (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE attempt = attempt + 1`;

const lockRowSql = `SELECT op, reply, tried FROM tercet_barrier WHERE ${key} FOR UPDATE`;

/**
 * MariaDB only. The row of Try is locked first, its content travels through variables: RETURNING sees the inserted row alone.
 * IGNORE is safe here: whoever meets the same `end` row has to have the lock on `try` before.
 */
const takeEndSql = `INSERT IGNORE INTO tercet_barrier (${columns})
SELECT t.run_id, t.branch, ?, ?, ?, ?, ? FROM tercet_barrier t
WHERE t.run_id = ? AND t.branch = ? AND t.slot = 'try' AND t.op = 'try'
AND (@tercet_reply := t.reply) IS NOT NULL AND COALESCE(LENGTH(@tercet_tried := t.tried), 0) >= 0
FOR UPDATE
RETURNING CAST(@tercet_reply AS BINARY) AS reply, CAST(@tercet_tried AS BINARY) AS tried`;

/** MariaDB only. Rows are taken in the order in which they stand here. In slot `try`, whoever is not a Cancel was there before. */
const takeBothSql = `INSERT INTO tercet_barrier (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE attempt = IF(slot = 'end', -1, attempt + 1)
RETURNING slot, op, reply, tried, IF(slot = 'end', attempt < 0, op = 'try') AS found`;

const finishSql = `UPDATE tercet_barrier SET reply = ?, tried = ? WHERE ${key} AND reply IS NULL`;

const migration = [
  `CREATE TABLE IF NOT EXISTS tercet_barrier (
  run_id  char(32)     NOT NULL,
  branch  varchar(128) NOT NULL,
  slot    varchar(3)   NOT NULL,
  gid     varchar(128) NOT NULL,
  op      varchar(7)   NOT NULL,
  reply   longblob,
  tried   mediumblob,
  attempt bigint       NOT NULL,
  time    bigint       NOT NULL,
  PRIMARY KEY (run_id, branch, slot),
  KEY tercet_barrier_ended (slot, time)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin`,
  'CREATE TABLE IF NOT EXISTS tercet_barrier_version (version int NOT NULL PRIMARY KEY) ENGINE = InnoDB',
  `INSERT IGNORE INTO tercet_barrier_version
SELECT 1 FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM tercet_barrier_version)`,
];

/** The inner SELECT is made a table of its own by its LIMIT, so the same table may be deleted from. */
function cleanUpSql(limit: number): string {
  return `DELETE b FROM tercet_barrier b JOIN (
  SELECT run_id, branch FROM tercet_barrier
  WHERE slot = 'end' AND time < ? ORDER BY time LIMIT ${Math.trunc(limit)}
) ended ON b.run_id = ended.run_id AND b.branch = ended.branch`;
}

/** For one server: what MariaDB can do better is only said to MariaDB. */
export function mysqlDialect(server: MysqlServer): SqlDialect {
  const bounded = (sql: string): string => (server.isMariadb ? `${bound}${sql}` : sql);
  const insert = bounded(insertSql);
  const lockRow = bounded(lockRowSql);
  const takeEnd = bounded(takeEndSql);
  const takeBoth = bounded(takeBothSql);
  return {
    family: 'mysql',
    lockWaitMs,
    insert: (row) => ({ sql: insert, params: valuesOf(row) }),
    inserted: (affected) => affected === 1,
    lockRow: (row) => ({ sql: lockRow, params: keyOf(row) }),
    takeEnd: (row): Statement | undefined => {
      // A Cancel often finds no Try; reading what is missing would lock a gap, which inserting does not.
      if (!server.isMariadb || row.op !== 'confirm') return undefined;
      const [, , ...own] = valuesOf(row);
      return { sql: takeEnd, params: [...own, row.runId, row.branchId] };
    },
    takeBoth: (marker, end): Statement | undefined => {
      // MySQL answers no rows to an INSERT.
      if (!server.isMariadb) return undefined;
      return { sql: takeBoth, params: [...valuesOf(marker), ...valuesOf(end)] };
    },
    // Its own row is locked already: nothing is to be waited for.
    finish: (row, reply, note) => ({ sql: finishSql, params: [reply, note, ...keyOf(row)] }),
    failureOf,
    migration,
    readVersion: 'SELECT version FROM tercet_barrier_version',
    cleanUp: (before, limit) => ({ sql: cleanUpSql(limit), params: [before] }),
  };
}

function keyOf(row: RowKey): SqlValue[] {
  return [row.runId, row.branchId, row.slot];
}

function valuesOf(row: NewRow): SqlValue[] {
  return [...keyOf(row), row.gid, row.op, row.attempt, row.time];
}

/** Deadlock; record has changed since last read (MariaDB's snapshot isolation); table was altered after the snapshot. */
const restarts = new Set([1213, 1020, 1412]);

function failureOf(error: unknown): SqlFailure {
  const { errno, message } = (error ?? {}) as {
    readonly errno?: unknown;
    readonly message?: unknown;
  };
  if (typeof errno !== 'number') return 'other';
  if (restarts.has(errno)) return 'restart';
  if (errno === 1205) return 'locked';
  // The text comes in the server's language, the name does not.
  return errno === 1146 && String(message).includes('tercet_barrier') ? 'no-table' : 'other';
}
