/** What a block that ended tells (G1–G4 of block-form.ts). */
import { describe, expect, test } from '@jest/globals';
import { StoreFailure } from '../../store';
import { blockForm } from './block-form';
import { StatementError } from './session';

const steps = [{ sql: 'INSERT' }, { sql: 'UPDATE', expects: 2 }];

const endOf = (errno: number, sqlState: string, message: string, rowSets = 0) => {
  return blockForm.endOf(new StatementError({ errno, sqlState, message }, rowSets), steps);
};

describe('a block', () => {
  test('is one statement; what can fail comes before COMMIT, and COMMIT is its last', () => {
    const { texts, answers } = blockForm.message(steps, 'write');
    expect(texts).toHaveLength(1);
    expect(answers).toBe(2);
    expect(texts[0]).toMatch(/^BEGIN NOT ATOMIC .*EXIT HANDLER FOR SQLEXCEPTION .*ROLLBACK;/);
    expect(texts[0]).toMatch(/START TRANSACTION;INSERT;.*UPDATE;.*tercet_count<>2 THEN SIGNAL/);
    expect(texts[0]).toMatch(/SELECT tercet_counts;COMMIT;END$/);
  });

  test('that reads answers a row set for each step', () => {
    expect(blockForm.message(steps, 'read').answers).toBe(3);
    const rows = ['a', 'b'].map((x) => ({ rows: [{ x }], matched: 1, inTransaction: false }));
    const end = { rows: [], matched: 0, inTransaction: false };
    expect(blockForm.answersOf([...rows, end], steps, 'read')).toEqual(rows);
  });

  test('tells the counts of its steps (G2)', () => {
    const told = { rows: [{ tercet_counts: '3,2,' }], matched: 1, inTransaction: true };
    const end = { rows: [], matched: 5, inTransaction: false };
    const answers = blockForm.answersOf([told, end], steps, 'write');
    expect(answers.map(({ matched }) => matched)).toEqual([3, 2]);
  });

  test.each([[[]], [[{ tercet_counts: '3,' }]]])(
    'that does not tell all counts (%j) is a doubt (G2)',
    (rows) => {
      const told = { rows, matched: 0, inTransaction: true };
      expect(() => blockForm.answersOf([told, told], steps, 'write')).toThrow(StoreFailure);
    },
  );

  test('tells which step failed, and the error as it was (G4)', () => {
    const end = endOf(1062, '23000', "0;Duplicate entry 'a; b' for key 'PRIMARY'");
    expect(end).toMatchObject({ place: 0, missed: false, error: { errno: 1062 } });
    expect(end.failure).toMatchObject({ kind: 'data' });
    expect(end.failure.message).toContain("Duplicate entry 'a; b'");
    expect(end.failure.message).not.toContain('0;');
  });

  test('tells a guard that has missed, and takes nothing else for one', () => {
    expect(endOf(1644, '45000', '1;a guard missed')).toMatchObject({ missed: true, place: 1 });
    const ended = endOf(1644, '45000', '2;the transaction has ended');
    expect(ended).toMatchObject({ missed: false, failure: { kind: 'unavailable' } });
  });

  test('of which a conflict ends the commit may come again (G1)', () => {
    expect(endOf(1213, '40001', '2;Deadlock found').failure).toMatchObject({ kind: 'transient' });
    expect(endOf(1213, '40001', 'Deadlock found').failure).toMatchObject({ kind: 'transient' });
  });

  test.each([1317, 1969])('that error %i ends, and no handler, is a doubt (G1)', (errno) => {
    expect(endOf(errno, '70100', 'interrupted').failure).toMatchObject({ kind: 'unknown' });
    expect(endOf(errno, '70100', '1;interrupted').failure).toMatchObject({ kind: 'unavailable' });
  });

  test('that was cut off in the middle of COMMIT is a doubt, before it nothing was done', () => {
    expect(endOf(1180, 'HY000', '2;Got error 6').failure).toMatchObject({ kind: 'unknown' });
    for (const text of ['2;not ready', 'not ready']) {
      const reached = endOf(1047, '08S01', text, 1);
      expect(reached.failure).toMatchObject({ kind: 'unknown' });
      expect(reached.failure.message).toMatch(/: not ready$/);
      expect(endOf(1047, '08S01', text).failure).toMatchObject({ kind: 'unavailable' });
    }
  });

  test('that a conflict ends at COMMIT was not done (G1)', () => {
    for (const text of ['2;Deadlock found', 'Deadlock found']) {
      expect(endOf(1213, '40001', text, 1).failure).toMatchObject({ kind: 'transient' });
    }
  });
});
