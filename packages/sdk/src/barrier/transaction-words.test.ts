/** TW1–TW3: what a text would do to the transaction, as it is read before it leaves. */
import { describe, expect, test } from '@jest/globals';
import { transactionWords } from './transaction-words';

describe('on PostgreSQL', () => {
  test.each([
    ['COMMIT', 'COMMIT'],
    ['  commit ;', 'COMMIT'],
    ['end', 'END'],
    ['Abort', 'ABORT'],
    ['BEGIN ISOLATION LEVEL SERIALIZABLE', 'BEGIN'],
    ['START TRANSACTION', 'START TRANSACTION'],
    ["PREPARE TRANSACTION 'x'", 'PREPARE TRANSACTION'],
    ["ROLLBACK PREPARED 'x'", 'ROLLBACK'],
    ['ROLLBACK AND CHAIN', 'ROLLBACK'],
    ['ROLLBACK WORK', 'ROLLBACK'],
    ['SELECT 1; COMMIT; SELECT 2', 'COMMIT'],
    ['-- first\nCOMMIT', 'COMMIT'],
    ['/* a /* nested */ comment */ COMMIT', 'COMMIT'],
    ["SELECT 'it''s; --'; COMMIT", 'COMMIT'],
    [String.raw`SELECT E'\'; ' ; COMMIT`, 'COMMIT'],
    [String.raw`SELECT 'a\'; COMMIT`, 'COMMIT'],
    ['SELECT $1; COMMIT', 'COMMIT'],
  ])('%s is found', (sql, words) => {
    expect(transactionWords(sql, 'postgres')).toBe(words);
  });

  test.each([
    'SELECT 1',
    'SAVEPOINT begin_here',
    'RELEASE SAVEPOINT end_here',
    'ROLLBACK TO SAVEPOINT here',
    'ROLLBACK TRANSACTION TO here',
    'rollback work to savepoint here',
    "SELECT '; COMMIT; '",
    'SELECT "; COMMIT; " FROM t',
    'SELECT 1 -- ; COMMIT',
    'SELECT 1 /* ; COMMIT */',
    'DO $$ BEGIN PERFORM 1; END $$',
    'DO $body$ BEGIN PERFORM $$; COMMIT; $$; END $body$',
    String.raw`SELECT E'a\'; COMMIT; '`,
    'SELECT commit FROM log; SELECT "end"',
    "UPDATE stock SET state = 'begin' WHERE id = 1",
    'PREPARE plan AS SELECT 1',
    'SELECT CASE WHEN true THEN 1 END; SELECT 2',
  ])('%s passes', (sql) => {
    expect(transactionWords(sql, 'postgres')).toBeUndefined();
  });
});

describe('on MySQL and MariaDB', () => {
  test.each([
    ['COMMIT', 'COMMIT'],
    ['START TRANSACTION', 'START'],
    ['XA END 1', 'XA'],
    ['SET autocommit = 1', 'SET AUTOCOMMIT'],
    ['SET @@session.autocommit=1', 'SET @@SESSION.AUTOCOMMIT'],
    ['set session autocommit=1', 'SET SESSION AUTOCOMMIT'],
    ['CREATE TABLE x (y INT)', 'CREATE'],
    ['drop table x', 'DROP'],
    ['TRUNCATE x', 'TRUNCATE'],
    ['LOCK TABLES x WRITE', 'LOCK'],
    ['/*!50003 COMMIT */', 'COMMIT'],
    ['/*M!100100 COMMIT */', 'COMMIT'],
    ['# so\nCOMMIT', 'COMMIT'],
    [String.raw`SELECT 'a\''; COMMIT`, 'COMMIT'],
  ])('%s is found', (sql, words) => {
    expect(transactionWords(sql, 'mysql')).toBe(words);
  });

  test.each([
    'CREATE TEMPORARY TABLE x (y INT)',
    'DROP TEMPORARY TABLE x',
    'ROLLBACK TO SAVEPOINT x',
    'ROLLBACK WORK TO x',
    String.raw`SELECT 'a\'; COMMIT; '`,
    'SELECT `; COMMIT; ` FROM t',
    'SELECT 1 # ; COMMIT',
    'SELECT 1 -- ; COMMIT',
    'SELECT * FROM stock FOR UPDATE',
    'SELECT 1--1; SELECT `drop`',
  ])('%s passes', (sql) => {
    expect(transactionWords(sql, 'mysql')).toBeUndefined();
  });
});

describe('on SQLite', () => {
  test.each([
    ['COMMIT', 'COMMIT'],
    ['END TRANSACTION', 'END'],
    ['BEGIN IMMEDIATE', 'BEGIN'],
    ['ROLLBACK', 'ROLLBACK'],
    ["SELECT [; ], '; '; COMMIT", 'COMMIT'],
  ])('%s is found', (sql, words) => {
    expect(transactionWords(sql, 'sqlite')).toBe(words);
  });

  test.each([
    'ROLLBACK TO x',
    'ROLLBACK TRANSACTION TO x',
    'CREATE TABLE x (y)',
    "SELECT '; COMMIT'",
  ])('%s passes', (sql) => {
    expect(transactionWords(sql, 'sqlite')).toBeUndefined();
  });
});

test('a long text is read in time that grows with its length', () => {
  const sql = `SELECT '${'x'.repeat(1_000_000)}' AS commit_${'y'.repeat(1_000_000)}`;
  expect(transactionWords(`${sql} ; COMMIT`, 'postgres')).toBe('COMMIT');
});
