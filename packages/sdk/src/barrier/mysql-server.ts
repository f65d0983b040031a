/** Which server speaks the MySQL protocol, and what it needs around a local transaction. */
import { BarrierError } from '../errors';

/** A server, by what `SELECT VERSION()` says. */
export interface MysqlServer {
  readonly isMariadb: boolean;
  /** `[10, 11]`. */
  readonly version: readonly [major: number, minor: number];
}

/** Reads `10.11.6-MariaDB-log`, `5.5.5-10.11.6-MariaDB` or `8.0.36`. Throws BarrierError for a server that is too old. */
export function mysqlServerOf(text: string): MysqlServer {
  const isMariadb = /mariadb/i.test(text);
  const [, major = '0', minor = '0'] = /^(?:5\.5\.5-)?(\d+)\.(\d+)/.exec(text) ?? [];
  const version = [Number(major), Number(minor)] as const;
  const [least, name] = isMariadb ? ([10.05, 'MariaDB 10.5'] as const) : ([8, 'MySQL 8'] as const);
  if (version[0] + version[1] / 100 < least) {
    throw new BarrierError(`the server is of version ${text}; the barrier needs ${name} or newer`);
  }
  return { isMariadb, version };
}

/** The longest that servers take, in seconds: a year. */
const IDLE_S_MAX = 31_536_000;

/** The variable that ends a connection whose transaction is idle; on MySQL, one that is idle in any way. */
function idleVariable({ isMariadb }: MysqlServer): string {
  return isMariadb ? 'idle_transaction_timeout' : 'wait_timeout';
}

/**
 * Begins a local transaction in one statement: `autocommit = 0`, so that nothing takes effect by itself when the server has ended
 * the transaction under somebody, and a bound on idleness. What the session had is kept in variables of its own.
 */
export function beginSql(server: MysqlServer, idleMs: number): string {
  const idle = idleVariable(server);
  const seconds = Math.min(IDLE_S_MAX, Math.max(1, Math.ceil(idleMs / 1000)));
  const settings = [`@tercet_idle = @@${idle}`, `${idle} = ${seconds}`];
  if (!server.isMariadb) {
    settings.push('@tercet_wait = @@innodb_lock_wait_timeout', 'innodb_lock_wait_timeout = 1');
  }
  return `SET ${[...settings, 'autocommit = 0'].join(', ')}`;
}

/** Gives the handler's statements the session's own wait for locks; undefined = it was never changed. */
export function handlerSql({ isMariadb }: MysqlServer): string | undefined {
  return isMariadb ? undefined : 'SET innodb_lock_wait_timeout = @tercet_wait';
}

/**
 * Puts the session back as it was. `autocommit = 1` commits an open transaction, and fails where that fails: after the last
 * statement this is COMMIT, after ROLLBACK it commits nothing. `keepsTry`: a statement has left what Try saved in variables.
 */
export function endSql(server: MysqlServer, keepsTry: boolean): string {
  const settings = ['autocommit = 1', `${idleVariable(server)} = @tercet_idle`];
  // They may hold megabytes.
  if (keepsTry) settings.push('@tercet_reply = NULL, @tercet_tried = NULL');
  if (!server.isMariadb) settings.push('innodb_lock_wait_timeout = @tercet_wait');
  return `SET ${settings.join(', ')}`;
}

const plain =
  /^(?:\s|\(|\/\*(?![!M])[^]*?\*\/|--\s[^\n]*\n|#[^\n]*\n)*(?:select|insert|update|delete|replace|with|values|table|show|desc|describe|explain|do|savepoint|release|rollback)\b[^;]*;?\s*$/i;

/**
 * Whether a text may end the transaction and begin another one before its answer comes, so that the answer's state shows nothing:
 * several statements at once, CALL, EXECUTE, compound statements. Functions and triggers cannot.
 */
export function isOpaque(sql: string): boolean {
  return !plain.test(sql);
}
