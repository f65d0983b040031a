import { describe, expect, test } from '@jest/globals';
import { mysqlDialect } from './mysql-dialect';
import { beginSql, endSql, handlerSql, isOpaque, mysqlServerOf } from './mysql-server';

describe('the version of a server', () => {
  test.each([
    ['10.11.6-MariaDB-0+deb12u1-log', true, [10, 11]],
    ['5.5.5-10.6.12-MariaDB', true, [10, 6]],
    ['11.4.2-MariaDB', true, [11, 4]],
    ['8.0.36', false, [8, 0]],
    ['9.1.0-commercial', false, [9, 1]],
  ])('%s', (text, isMariadb, version) => {
    expect(mysqlServerOf(text)).toEqual({ isMariadb, version });
  });

  test.each([
    ['10.4.32-MariaDB', 'MariaDB 10.5'],
    ['5.7.44', 'MySQL 8'],
    ['what', 'MySQL 8'],
  ])('%s is refused', (text, least) => {
    expect(() => mysqlServerOf(text)).toThrow(`of version ${text}; the barrier needs ${least}`);
  });
});

describe('statements around a local transaction', () => {
  const mysql = mysqlServerOf('8.0.36');
  const mariadb = mysqlServerOf('10.11.6-MariaDB');

  test('MariaDB bounds locks in each statement, MySQL around them', () => {
    expect(beginSql(mysql, 1)).toContain('innodb_lock_wait_timeout = 1');
    expect(handlerSql(mysql)).toBe('SET innodb_lock_wait_timeout = @tercet_wait');
    expect(handlerSql(mariadb)).toBeUndefined();
    const { insert } = mysqlDialect(mariadb);
    const row = {
      runId: '',
      branchId: '',
      slot: 'try',
      gid: '',
      op: 'try',
      attempt: 1,
      time: 1,
    } as const;
    expect(insert(row).sql).toMatch(/^SET STATEMENT innodb_lock_wait_timeout = 1/);
    expect(mysqlDialect(mysql).insert(row).sql).toMatch(/^INSERT/);
  });

  test.each([
    [1, 1],
    [1_001, 2],
    [0, 1],
    [1e15, 31_536_000],
  ])('%d ms of idleness are %d seconds', (ms, seconds) => {
    expect(beginSql(mariadb, ms)).toContain(`idle_transaction_timeout = ${seconds},`);
    expect(beginSql(mysql, ms)).toContain(` wait_timeout = ${seconds},`);
  });

  test.each([mysql, mariadb])('whatever begins, is put back at the end', (server) => {
    const changed = beginSql(server, 1).match(/@@\w+/g) ?? [];
    for (const name of changed)
      expect(endSql(server, true)).toContain(`${name.slice(2)} = @tercet_`);
    expect(endSql(server, true)).toMatch(/^SET autocommit = 1,/);
  });
});

describe('texts that may hide the end of a transaction', () => {
  test.each([
    'SELECT 1',
    ' ( SELECT 1 ) ',
    'update stock set n = 1;',
    '/* a comment */ -- another\nINSERT INTO stock VALUES (1)',
    'WITH a AS (SELECT 1) SELECT * FROM a',
    'ROLLBACK TO SAVEPOINT mine',
    'SELECT "a long text\nof two lines"',
  ])('%s does not', (sql) => {
    expect(isOpaque(sql)).toBe(false);
  });

  test.each([
    'CALL commits()',
    'SELECT 1; COMMIT',
    '/*! COMMIT */',
    '/*M! COMMIT */ SELECT 1; SELECT 2',
    "EXECUTE IMMEDIATE 'COMMIT'",
    'BEGIN NOT ATOMIC COMMIT; END',
    'SET STATEMENT max_statement_time = 1 FOR COMMIT',
    'selected',
    '',
  ])('%s may', (sql) => {
    expect(isOpaque(sql)).toBe(true);
  });
});
